"""What the context needs: functions that do the work, and its own stored state."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from autobot.contexts.actions.domain import Request
from autobot.contracts import actions
from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.core.context import CallContext, Principal
from autobot.kernel.core.failure import Failure
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Put, Query

REQUESTS: Final = "actions.requests"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One piece of work.

    Attributes:
        parameters: the type's contract.
        context: who asked, with their rights.
        key: idempotency key of the work's effects: the same after a crash; add a suffix for each effect.
        bus: reaches other contexts by their contracts.
    """

    parameters: Any
    context: CallContext
    key: str
    bus: Dispatcher


Work = Callable[[Call], Awaitable[dict[str, Any]]]
"""Does an action and returns its result (JSON types). It may run twice with one key, and then has one effect."""


Allowed = Callable[[Principal, str], bool]
"""Whether a principal may do an action of the authorization table, on something at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRequest:
    """A request with the version of its row."""

    request: Request
    version: int = 0


class StoredRequests:
    """Typed reads of the context's state."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    async def load(self, request_id: str) -> StoredRequest:
        """Return a request."""
        row = await self._store.get(REQUESTS, request_id)
        if row is None:
            return StoredRequest(request=Request(id=request_id))
        return StoredRequest(request=msgspec.convert(row.document, Request), version=row.version)

    async def of(self, owner: str, limit: int) -> list[str]:
        """Return the ids of a user's requests, the oldest first."""
        return [one.key for one in await self._store.query(Query(table=REQUESTS, owner=owner, limit=limit))]


def put_request(request: Request, version: int) -> Put:
    """Write a request, unless it changed meanwhile."""
    return Put(
        table=REQUESTS,
        key=request.id,
        document=msgspec.to_builtins(request),
        owner=request.owner,
        sort=request.created,
        expected=version,
    )


def view_of(request: Request) -> actions.ActionView:
    """Return a request as clients see it."""
    return actions.ActionView(
        request_id=request.id,
        action_type=request.action_type,
        status=request.status,
        result=request.result,
        error=msgspec.convert(request.error, Failure) if request.error else None,
        processing_time_ms=request.processing_time_ms,
        correlation_id=request.correlation_id,
        created_at=request.created,
    )
