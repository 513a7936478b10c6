"""The transport between roles: a call that `DirectTransport` would make, carried over HTTP with a service token."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

import msgspec

from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import (
    Absent,
    AutoBotError,
    BadAnswer,
    HopFailed,
    Overloaded,
    RemoteError,
    TooLarge,
)
from autobot.kernel.core.raised import Raised, error_of
from autobot.kernel.links.hop_wire import (
    ANSWER_MAX,
    CHUNK,
    END,
    JSON,
    PAYLOAD_MAX,
    PREFIX,
    Frames,
    Told,
)
from autobot.kernel.links.ports import HttpRequest, HttpResponse
from autobot.kernel.links.service_token import ServiceTokens, call_for
from autobot.kernel.links.wire import Wire, Wires
from autobot.kernel.resilience.operation import Operation, Transport

STREAM_MAX: Final = 1 << 40
"""Bytes of a whole stream: each frame and the time of the whole are bounded, their sum need not be."""
UNAUTHENTICATED: Final = 401

_told: Final = msgspec.json.Decoder(Told)
_raised: Final = msgspec.json.Decoder(Raised)


class RoleTransport:
    """Implements `Transport` for the calls of one row to another role.

    `link` is the row, `issuer` the role of this process, `audience` the role behind the targets. `wires` are the
    row's operations; another one raises Absent. `inner` carries HttpRequest → HttpResponse and must tell its
    targets the whole context (`HttpOptions(internal=True, health_path="/hop/health")`); it is closed with this.

    What the other side's handler raised is raised here, as the same class with the same members. A role that
    began nothing because it is starting, stopping or full raises Overloaded that names this link.
    """

    def __init__(
        self,
        *,
        link: str,
        issuer: str,
        audience: str,
        wires: Wires,
        tokens: ServiceTokens,
        inner: Transport,
        clock: Clock,
        payload_max: int = PAYLOAD_MAX,
        answer_max: int = ANSWER_MAX,
    ) -> None:
        self._link, self._issuer, self._audience = link, issuer, audience
        self._wires, self._tokens, self._inner = dict(wires), tokens, inner
        self._now = clock.monotonic
        self._payload_max, self._answer_max = payload_max, answer_max

    async def call(self, target: str, operation: Operation, payload: Any, context: CallContext) -> Any:
        wire = self._wire(operation)
        request = self._request(wire, operation, payload, context, self._answer_max)
        try:
            response: HttpResponse = await self._inner.call(target, operation, request, context)
        except RemoteError as error:
            raise self._meaning(error, target) from error
        try:
            return wire.answer_of(payload, response.body)
        except BadAnswer as error:
            error.link, error.target = self._link, target
            raise

    async def stream(
        self, target: str, operation: Operation, payload: Any, context: CallContext
    ) -> AsyncIterator[Any]:
        wire = self._wire(operation)
        request = self._request(wire, operation, payload, context, STREAM_MAX)
        pieces = self._inner.stream(target, operation, request, context)
        frames, told = Frames(), None
        try:
            async for piece in pieces:
                for kind, body in frames.feed(piece):
                    if kind == CHUNK:
                        yield wire.answer_of(payload, body)
                    elif kind != END:
                        told = self._told(body, target)
                        raise told
            frames.check_whole()
        except HopFailed as error:
            # What the other side tells is raised as it was; what is wrong with its telling is this hop's.
            if error is told:
                raise
            if isinstance(error, RemoteError):
                raise self._meaning(error, target) from error
            if not error.link:
                error.link, error.target = self._link, target
            raise
        finally:
            close = getattr(pieces, "aclose", None)
            if close is not None:
                await close()

    async def probe(self, target: str) -> bool | None:
        return await self._inner.probe(target)

    async def close(self) -> None:
        await self._inner.close()

    # ------------------------------------------------------------------------------------------- asking

    def _wire(self, operation: Operation) -> Wire:
        wire = self._wires.get(operation.name)
        if wire is None:
            raise Absent(
                "handler",
                f"Nothing behind {self._link} handles {operation.name}.",
                hint="autobot doctor",
            )
        return wire

    def _request(
        self, wire: Wire, operation: Operation, payload: Any, context: CallContext, answer_max: int
    ) -> HttpRequest:
        body = wire.payload_bytes(payload)
        if len(body) > self._payload_max:
            raise TooLarge(f"The call has {len(body)} bytes; at most {self._payload_max} cross {self._link}.")
        token = self._tokens.issue(
            call_for(
                context,
                issuer=self._issuer,
                audience=self._audience,
                operation=operation.name,
                body=body,
            )
        )
        return HttpRequest(
            method="POST",
            path=PREFIX + operation.name,
            headers={"content-type": JSON, "authorization": "Bearer " + token},
            body=body,
            max_bytes=answer_max,
        )

    # ----------------------------------------------------------------------------------------- refusals

    def _meaning(self, error: RemoteError, target: str) -> AutoBotError:
        """Return what an error answer means: what the handler raised, or that the role itself is unwell."""
        try:
            told = _told.decode(error.body)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            told = Told()
        if told.unready:
            # Named after this link: that is how the pipeline knows that nothing began there.
            return Overloaded(
                f"The {self._audience} role at {target} takes no work now.",
                link=self._link,
                retry_after=error.retry_after,
            )
        if told.raised is not None:
            return error_of(told.raised, self._now())
        if error.status == UNAUTHENTICATED:
            error.detail = f"The {self._audience} role at {target} did not accept the service token."
            error.hint = "Give all roles the same key file (AUTOBOT_SECRET_KEY_FILE), and let their machines agree on the time."
        return error

    def _told(self, body: bytes, target: str) -> AutoBotError:
        """Return the error that ends a stream."""
        try:
            return error_of(_raised.decode(body), self._now())
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return BadAnswer(
                "A stream between roles ended with an error that cannot be read.",
                link=self._link,
                target=target,
            )
