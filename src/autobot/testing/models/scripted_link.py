"""An HTTP link that answers from a script, piece by piece as written, so that chunk boundaries are exact."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import RemoteError, RemoteThrottled
from autobot.kernel.links.ports import HttpRequest, HttpResponse
from autobot.kernel.resilience.operation import Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the other side does: an error instead of an answer, or pieces and then perhaps an error."""

    status: int = 200
    pieces: Sequence[bytes] = ()
    error: Exception | None = None
    retry_after: float | None = None

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)


Script = Callable[[HttpRequest], Reply]


def always(*pieces: bytes, status: int = 200, error: Exception | None = None) -> Script:
    """Return a script that gives the same reply to every request."""
    return lambda _: Reply(status=status, pieces=pieces, error=error)


def by_path(replies: dict[str, Reply]) -> Script:
    """Return a script that replies by path; a path that is not listed answers 404."""
    return lambda request: replies.get(request.path, Reply(status=404, pieces=(b"not found",)))


@dataclass(slots=True)
class ScriptedLink:
    """A Link over a script. `sent` holds the requests, `closed` how many streams were closed early."""

    script: Script
    id: str = "ai-scripted"
    sent: list[HttpRequest] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    closed: int = 0

    def _answer(self, operation: Operation, payload: HttpRequest) -> Reply:
        self.sent.append(payload)
        self.operations.append(operation)
        reply = self.script(payload)
        if reply.status < 400:
            return reply
        kind = RemoteThrottled if reply.status == 429 else RemoteError
        raise kind(
            f"The target answered {reply.status}.",
            status=reply.status,
            link=self.id,
            target="http://scripted",
            retry_after=reply.retry_after,
            body=reply.body,
        )

    async def call(self, operation: Operation, payload: Any, context: CallContext) -> Any:
        reply = self._answer(operation, payload)
        if reply.error is not None:
            raise reply.error
        return HttpResponse(status=reply.status, headers={}, body=reply.body)

    async def stream(self, operation: Operation, payload: Any, context: CallContext) -> AsyncIterator[Any]:
        reply = self._answer(operation, payload)
        try:
            for piece in reply.pieces:
                yield piece
        except GeneratorExit:
            self.closed += 1
            raise
        if reply.error is not None:
            raise reply.error
