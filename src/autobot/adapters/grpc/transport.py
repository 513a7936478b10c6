"""The gRPC transport: a call that `DirectTransport` would make, carried over HTTP/2 with a service token."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import grpc
from google.protobuf.message import DecodeError
from grpc.aio import AioRpcError, Channel
from grpc_health.v1 import health_pb2

from autobot.adapters.grpc.fields import Metadata, metadata_of
from autobot.adapters.grpc.generated.autobotapi.hop.v1 import hop_pb2
from autobot.adapters.grpc.methods import HOP_CALL, HOP_STREAM, Method, by_operation
from autobot.adapters.grpc.options import channel_options
from autobot.adapters.grpc.status import error_from
from autobot.kernel.core.chance import Chance
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import (
    Absent,
    AutoBotError,
    BadAnswer,
    ConfigurationError,
    ConnectFailed,
    TooLarge,
)
from autobot.kernel.links.hop_wire import ANSWER_MAX, PAYLOAD_MAX
from autobot.kernel.links.leaving import leaving
from autobot.kernel.links.propagation import DEADLINE, inject
from autobot.kernel.links.service_token import ServiceTokens, call_for
from autobot.kernel.links.wire import Wire, Wires
from autobot.kernel.resilience.operation import Operation

HEALTH: Final = "/grpc.health.v1.Health/Check"
PROBE_S: Final = 5.0


class GrpcTransport:
    """Implements `Transport` for the calls of one row to another role.

    `link` is the row, `issuer` the role of this process, `audience` the role behind the targets. `wires` are the row's
    operations; another one raises Absent. `methods` are those that have a method of their own; the rest goes through
    the hop's service. A target is `http://host:port`, `https://host:port` or `unix:/path`;
    `trusted` are the certificates in PEM that vouch for it, without them those of this machine.

    What the other side's handler raised is raised here, as the same class with the same members. A stream of an
    *exchange* takes an iterable of requests as its payload and yields one answer for each.
    """

    def __init__(
        self,
        *,
        link: str,
        issuer: str,
        audience: str,
        wires: Wires,
        tokens: ServiceTokens,
        clock: Clock,
        chance: Chance,
        methods: Iterable[Method] = (),
        payload_max: int = PAYLOAD_MAX,
        answer_max: int = ANSWER_MAX,
        trusted: Path | None = None,
    ) -> None:
        self._link, self._issuer, self._audience = link, issuer, audience
        self._wires, self._methods, self._tokens = dict(wires), by_operation(methods), tokens
        self._now, self._chance = clock.monotonic, chance
        self._payload_max, self._answer_max = payload_max, answer_max
        self._trusted = trusted
        self._channels: dict[str, _Channel] = {}
        self._closed = False

    # ----------------------------------------------------------------------------------------- the port

    async def call(self, target: str, operation: Operation, payload: Any, context: CallContext) -> Any:
        wire, method = self._wire(operation), self._methods.get(operation.name)
        body = self._fitting(wire.payload_bytes(payload))
        message = body if method else _hop_call(operation.name, body)
        with leaving(self._link):
            ask = self._channel(target).call(method.path if method else HOP_CALL)
            work = ask(
                message, metadata=self._metadata(operation, message, context), timeout=self._left(context)
            )
        try:
            answer = await work
        except AioRpcError as error:
            raise self._meaning(error, target, context) from error
        return self._answer(
            wire, payload, answer if method else _field(hop_pb2.CallResponse, answer, "answer"), target
        )

    async def stream(
        self, target: str, operation: Operation, payload: Any, context: CallContext
    ) -> AsyncIterator[Any]:
        wire, method = self._wire(operation), self._methods.get(operation.name)
        if method is not None and method.shape == "exchange":
            opened = self._exchange(target, method, operation, wire, payload, context)
        else:
            body = self._fitting(wire.payload_bytes(payload))
            message = body if method else _hop_stream(operation.name, body)
            metadata = self._metadata(operation, message, context)
            with leaving(self._link):
                ask = self._channel(target).stream(method.path if method else HOP_STREAM)
                opened = ask(message, metadata=metadata, timeout=self._left(context))
        try:
            async for chunk in opened:
                found = chunk if method else _field(hop_pb2.StreamResponse, chunk, "chunk")
                yield self._answer(wire, payload, found, target)
        except AioRpcError as error:
            raise self._meaning(error, target, context) from error
        finally:
            opened.cancel()

    def _exchange(
        self,
        target: str,
        method: Method,
        operation: Operation,
        wire: Wire,
        requests: Iterable[Any],
        context: CallContext,
    ) -> Any:
        async def messages() -> AsyncIterator[bytes]:
            for one in requests:
                yield self._fitting(wire.payload_bytes(one))

        # A token vouches for one body; of an exchange it vouches for the call alone.
        metadata = self._metadata(operation, b"", context)
        with leaving(self._link):
            ask = self._channel(target).exchange(method.path)
            return ask(messages(), metadata=metadata, timeout=self._left(context))

    async def probe(self, target: str) -> bool | None:
        try:
            with leaving(self._link):
                ask = self._channel(target).call(HEALTH)
                answer = await ask(health_pb2.HealthCheckRequest().SerializeToString(), timeout=PROBE_S)
            found = health_pb2.HealthCheckResponse.FromString(answer)
        except (AioRpcError, AutoBotError, DecodeError):
            return False
        return bool(found.status == health_pb2.HealthCheckResponse.SERVING)

    async def close(self) -> None:
        self._closed = True
        channels, self._channels = self._channels, {}
        for one in channels.values():
            await one.close()

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

    def _fitting(self, body: bytes) -> bytes:
        if len(body) > self._payload_max:
            raise TooLarge(f"The call has {len(body)} bytes; at most {self._payload_max} cross {self._link}.")
        return body

    def _channel(self, target: str) -> _Channel:
        if self._closed:
            raise ConnectFailed("This connection is shut down.", link=self._link, target=target)
        found = self._channels.get(target)
        if found is None:
            found = self._channels[target] = _Channel(open_channel(target, self._answer_max, self._trusted))
        return found

    def _left(self, context: CallContext) -> float | None:
        """Return the seconds that the caller still waits: what gRPC sends as `grpc-timeout`."""
        return None if context.deadline is None else max(0.0, context.deadline - self._now())

    def _metadata(self, operation: Operation, message: bytes, context: CallContext) -> Metadata:
        token = self._tokens.issue(
            call_for(
                context,
                issuer=self._issuer,
                audience=self._audience,
                operation=operation.name,
                body=message,
            )
        )
        fields = inject(context, now=self._now(), chance=self._chance)
        fields.pop(DEADLINE, None)
        return metadata_of({**fields, "authorization": "Bearer " + token})

    # ---------------------------------------------------------------------------------------- answering

    def _answer(self, wire: Wire, payload: Any, body: bytes | None, target: str) -> Any:
        try:
            if body is None:
                raise BadAnswer("The answer is not the message that was declared.")
            return wire.answer_of(payload, body)
        except BadAnswer as error:
            error.link, error.target = self._link, target
            raise

    def _meaning(self, error: AioRpcError, target: str, context: CallContext) -> AutoBotError:
        return error_from(error, link=self._link, target=target, now=self._now(), deadline=context.deadline)


class _Channel:
    """The connection to one target, and its methods as they were asked for."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._made: dict[str, Any] = {}

    def call(self, path: str) -> Any:
        return self._made.get(path) or self._make(path, self._channel.unary_unary)

    def stream(self, path: str) -> Any:
        return self._made.get(path) or self._make(path, self._channel.unary_stream)

    def exchange(self, path: str) -> Any:
        return self._made.get(path) or self._make(path, self._channel.stream_stream)

    def _make(self, path: str, kind: Callable[[str], Any]) -> Any:
        made = self._made[path] = kind(path)
        return made

    async def close(self) -> None:
        await self._channel.close()


def open_channel(target: str, answer_max: int = ANSWER_MAX, trusted: Path | None = None) -> Channel:
    """Return a channel to a target; it connects with its first call. Raises ConfigurationError for no address."""
    options = channel_options(answer_max)
    if target.startswith("unix:/"):
        # Over a unix socket the path would be the authority, which HTTP/2 servers refuse.
        return grpc.aio.insecure_channel(target, (*options, ("grpc.default_authority", "localhost")))
    parts = urlsplit(target)
    if parts.scheme == "http" and parts.hostname and parts.port:
        return grpc.aio.insecure_channel(parts.netloc, options)
    if parts.scheme == "https" and parts.hostname and parts.port:
        return grpc.aio.secure_channel(parts.netloc, grpc.ssl_channel_credentials(_roots(trusted)), options)
    raise ConfigurationError(
        f"{target!r} is no address of a target.",
        hint="Write http://host:port, https://host:port or unix:/path.",
    )


def _roots(trusted: Path | None) -> bytes | None:
    """Return the certificates that are trusted, without a file those of this machine as for HTTP (SSL_CERT_FILE)."""
    named = trusted or ssl.get_default_verify_paths().cafile
    return Path(named).read_bytes() if named else None


def _hop_call(operation: str, payload: bytes) -> bytes:
    return hop_pb2.CallRequest(operation=operation, payload=payload).SerializeToString()


def _hop_stream(operation: str, payload: bytes) -> bytes:
    return hop_pb2.StreamRequest(operation=operation, payload=payload).SerializeToString()


def _field(kind: Any, body: bytes, name: str) -> bytes | None:
    with suppress(DecodeError):
        found: bytes = getattr(kind.FromString(body), name)
        return found
    return None
