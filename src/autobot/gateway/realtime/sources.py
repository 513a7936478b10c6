"""The port behind the channels: where facts, heads and the text so far come from."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from autobot.gateway.realtime.frames import Frame
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import Conflict


class HistoryGone(Conflict):
    """The facts after a seq cannot be given: the client reads everything again. `detail` is the reason."""

    code = "resync"


@dataclass(frozen=True, slots=True)
class Head:
    """The newest fact of a channel, 0 for none; `ended` when nothing will follow it."""

    seq: int
    ended: bool = False


class ChannelSource(Protocol):
    """Where the frames of one kind of channel come from (`run:…`, `chat.session:…`, `system`, `events`).

    Contract: `history` yields every fact above `after` that was durable when it was called, in seq order, each
    once; seq grows by channel and is kept over restarts. A fact is passed to `Fanout.publish` after it is
    durable, in seq order; doubles do no harm. Passing text is published with its offset and may be lost.
    """

    async def authorize(self, channel: str, context: CallContext) -> None:
        """Let pass, or raise NotFound or Forbidden: asked at each subscribe."""
        ...

    async def head(self, channel: str) -> Head:
        """Return where the channel stands."""
        ...

    def history(self, channel: str, after: int) -> AsyncIterator[Frame]:
        """Yield the facts above `after` as `frames.event`. Raises HistoryGone when some are no longer there."""
        ...

    async def snapshots(self, channel: str) -> Sequence[Frame]:
        """Return `frames.snapshot` of each run that writes on this channel now."""
        ...
