"""What lies at an address that somebody gave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from autobot.kernel.core.context import CallContext
from autobot.kernel.resilience.operation import Effect, Operation

FETCH = Operation(name="fetch", effect=Effect.FREE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An http or https address, and how many bytes are taken from it at most."""

    url: str
    max_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What came. `url` is where redirects led, `media_type` what the server said it is."""

    url: str
    media_type: str
    body: bytes


class Fetcher(Protocol):
    """Fetches from public addresses only.

    Contract: it raises Forbidden for an address inside a private network or on this machine, also where a redirect or
    a name leads there; InvalidInput for one that is none, and for redirects without end; what hops raise when the
    server does not answer or answers with an error; BadAnswer for more than `max_bytes`. It sends no credentials.
    """

    async def fetch(self, wanted: Wanted, context: CallContext) -> Fetched:
        """Return what lies there."""
        ...
