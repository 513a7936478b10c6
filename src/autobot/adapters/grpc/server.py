"""What a role answers over gRPC: the methods of its rows behind the door.

Methods are served as bytes; what the bytes mean is their wire's to say. Raises nothing: what fails is answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import grpc
from google.protobuf.message import DecodeError
from grpc.aio import ServicerContext

from autobot.adapters.grpc.fields import fields_of
from autobot.adapters.grpc.generated.autobotapi.hop.v1 import hop_pb2
from autobot.adapters.grpc.methods import HOP, HOP_CALL, HOP_STREAM, Method
from autobot.adapters.grpc.status import PROBLEM_MAX, code_of, detail_of, trailers_of
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import Absent, DeadlineExceeded, Malformed
from autobot.kernel.links.hop_door import SPENT, Admitted, HopDoor, Visit, fitting
from autobot.kernel.links.hop_wire import ANSWER_MAX, FRAME_MAX
from autobot.kernel.links.wire import Wire
from autobot.kernel.telemetry.listener import Hop

DEADLINE_FIELD: Final = b"x-deadline-ms"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What a problem document is made of.

    `told` adds the error itself for the caller to raise, no larger than `most` bytes; `unready` says that nothing began.
    """

    error: BaseException
    correlation_id: str
    told: bool
    unready: bool
    most: int = PROBLEM_MAX


Document = Callable[[Refusal], bytes]
"""Returns the problem document of a refusal as JSON."""


class _Asked(NamedTuple):
    """One call: its operation, the payload's bytes, and the message that its token must vouch for."""

    operation: str
    body: bytes
    message: bytes


class _Known(NamedTuple):
    """An admitted call under way."""

    asked: _Asked
    admitted: Admitted
    hop: Hop


_Answer = Callable[[_Known], Coroutine[Any, Any, bytes | None]]
_Pack = Callable[[bytes], bytes]


class GrpcHop(grpc.GenericRpcHandler):  # type: ignore[misc]  # the library says nothing of its types
    """Handles the methods of a role: those of the hop, and `methods` of services of their own."""

    def __init__(
        self,
        door: HopDoor,
        clock: Clock,
        document: Document,
        methods: Iterable[Method] = (),
        *,
        answer_max: int = ANSWER_MAX,
        chunk_max: int = FRAME_MAX,
    ) -> None:
        self._door, self._now, self._document = door, clock.monotonic, document
        self._answer_max, self._chunk_max = answer_max, chunk_max
        given = tuple(methods)
        self.services: frozenset[str] = frozenset({HOP, *(one.service for one in given)})
        """Names of the services, as reflection lists them."""
        self._handlers: dict[str, grpc.RpcMethodHandler] = {
            HOP_CALL: grpc.unary_unary_rpc_method_handler(self._hop_call),
            HOP_STREAM: grpc.unary_stream_rpc_method_handler(self._hop_stream),
        } | {one.path: self._handler(one) for one in given}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """Return what handles a method, None for one that is not served."""
        return self._handlers.get(handler_call_details.method)

    # ---------------------------------------------------------------------------------------- the methods

    async def _hop_call(self, message: bytes, context: ServicerContext) -> bytes | None:
        def pack(body: bytes) -> bytes:
            return hop_pb2.CallResponse(answer=body).SerializeToString()

        asking = lambda: _asked(hop_pb2.CallRequest, message)  # noqa: E731
        return await self._served(context, asking, lambda known: self._call(known, pack))

    async def _hop_stream(self, message: bytes, context: ServicerContext) -> None:
        def pack(body: bytes) -> bytes:
            return hop_pb2.StreamResponse(chunk=body).SerializeToString()

        asking = lambda: _asked(hop_pb2.StreamRequest, message)  # noqa: E731
        await self._served(context, asking, lambda known: self._stream(known, context, pack))

    def _handler(self, method: Method) -> grpc.RpcMethodHandler:
        """Return what handles a typed method: its messages are payload and answer themselves."""
        name = method.operation

        async def call(message: bytes, context: ServicerContext) -> bytes | None:
            asked = _Asked(name, message, message)
            return await self._served(context, lambda: asked, lambda known: self._call(known, _same))

        async def stream(message: bytes, context: ServicerContext) -> None:
            asked = _Asked(name, message, message)
            await self._served(context, lambda: asked, lambda known: self._stream(known, context, _same))

        async def exchange(messages: AsyncIterator[bytes], context: ServicerContext) -> None:
            # A token vouches for one body; of an exchange it vouches for the call alone.
            asked = _Asked(name, b"", b"")
            await self._served(
                context, lambda: asked, lambda known: self._stream(known, context, _same, messages)
            )

        match method.shape:
            case "call":
                return grpc.unary_unary_rpc_method_handler(call)
            case "stream":
                return grpc.unary_stream_rpc_method_handler(stream)
            case "exchange":
                return grpc.stream_stream_rpc_method_handler(exchange)

    # ------------------------------------------------------------------------------------------ answering

    async def _served(
        self, context: ServicerContext, asking: Callable[[], _Asked], answer: _Answer
    ) -> bytes | None:
        visit = Visit(self._door, self._now())
        try:
            asked = asking()
            admitted, hop = visit.enter(self._fields(context), asked.operation, asked.message)
            found = await answer(_Known(asked, admitted, hop))
        except Exception as error:  # noqa: BLE001 - this is the edge: whatever it is, it is answered
            visit.failed(error)
            await self._refuse(context, error, visit)
            return None
        except BaseException as error:
            visit.failed(error)
            raise
        visit.completed()
        return found

    def _fields(self, context: ServicerContext) -> dict[bytes, bytes]:
        """Return the fields of a call; what `grpc-timeout` leaves of its time stands among them like everywhere."""
        fields = fields_of(context.invocation_metadata())
        left = context.time_remaining()
        if left is not None:
            fields[DEADLINE_FIELD] = b"%d" % max(0, int(left * 1000))
        return fields

    async def _call(self, known: _Known, pack: _Pack) -> bytes:
        (asked, admitted, _), context = known, known.hop.context
        deadline = self._door.in_time(context)
        wire, handler, _ = admitted.row.served(asked.operation)
        if handler is None:
            raise _other_shape(asked.operation, "a stream")
        found = await self._door.within(handler(wire.payload_of(asked.body), context), deadline)
        return pack(fitting(wire.answer_bytes(found), self._answer_max, "The answer"))

    async def _stream(
        self,
        known: _Known,
        rpc: ServicerContext,
        pack: _Pack,
        messages: AsyncIterator[bytes] | None = None,
    ) -> None:
        (asked, admitted, _), context = known, known.hop.context
        deadline = self._door.in_time(context)
        wire, _, streamer = admitted.row.served(asked.operation)
        if streamer is None:
            raise _other_shape(asked.operation, "a call")
        payload = wire.payload_of(asked.body) if messages is None else _requests(messages, wire)
        limit = asyncio.timeout_at(deadline)
        try:
            async with limit:
                await self._chunks(streamer(payload, context), rpc, wire, pack)
        except TimeoutError:
            if limit.expired():
                raise DeadlineExceeded(SPENT) from None
            raise

    async def _chunks(
        self, chunks: AsyncIterator[Any], rpc: ServicerContext, wire: Wire, pack: _Pack
    ) -> None:
        try:
            async for chunk in chunks:
                await rpc.write(pack(fitting(wire.answer_bytes(chunk), self._chunk_max, "A chunk")))
        finally:
            close = getattr(chunks, "aclose", None)
            if close is not None:
                await close()

    async def _refuse(self, context: ServicerContext, error: Exception, visit: Visit) -> None:
        """End the call with the status that `error` is."""
        refusal = Refusal(
            error=error,
            correlation_id="" if visit.admitted is None else visit.admitted.call.correlation_id,
            told=visit.admitted is not None,
            unready=visit.unready(error),
        )
        trailers = trailers_of(error, self._document(refusal))
        await context.abort(code_of(error), detail_of(error), trailing_metadata=trailers)


def _same(body: bytes) -> bytes:
    return body


def _asked(kind: Any, message: bytes) -> _Asked:
    try:
        found = kind.FromString(message)
    except DecodeError as error:
        raise Malformed("The message is not the one that this method takes.") from error
    return _Asked(found.operation, found.payload, message)


def _other_shape(operation: str, shape: str) -> Absent:
    return Absent("handler", f"{operation} is {shape}.", hint="Use the method of that shape.")


async def _requests(messages: AsyncIterator[bytes], wire: Wire) -> AsyncIterator[Any]:
    async for message in messages:
        yield wire.payload_of(message)
