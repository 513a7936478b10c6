"""What a program of somebody else sees of a role that serves gRPC: reflection, health, statuses, limits."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from autobot.adapters.grpc.generated.autobotapi.hop.v1 import hop_pb2
from autobot.adapters.grpc.inference import inference_proto_wires
from autobot.adapters.grpc.methods import HOP_CALL, INFERENCE, INFERENCE_METHODS
from autobot.adapters.grpc.status import CODES, HTTP, PROBLEM, PUSHBACK, code_of
from autobot.adapters.system.clock import SystemClock
from autobot.adapters.vault.service_tokens import KeyedServiceTokens
from autobot.gateway.hop.parts import HopLimits
from autobot.gateway.middleware.lifecycle import Lifecycle
from autobot.gateway.problem import problem_of
from autobot.kernel.core import errors
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import (
    AutoBotError,
    BadAnswer,
    ConnectFailed,
    FieldError,
    InvalidInput,
    NotFound,
    Overloaded,
    QuotaExceeded,
    RemoteError,
    TooLarge,
)
from autobot.kernel.core.raised import MEMBERS
from autobot.kernel.links.service_token import ServiceCall, body_mark
from autobot.testing.inference.hashing import HashingInference
from autobot.workers.npu.bulk import streams_of
from autobot.workers.npu.ports import calls_of
from tests.integration.grpc_hop.kit import Role, role, transport
from tests.integration.http_transport.certificate import self_signed
from tests.integration.role_hop.kit import ANN, CONTEXT, KEY, MovableClock, operation, text_wires

ECHO = operation("echo")


async def echo(payload: str, context: CallContext) -> str:
    """Answer the payload."""
    return payload


async def echoes(payload: str, context: CallContext) -> AsyncIterator[str]:
    """Answer the payload, twice."""
    yield payload
    yield payload


def place(served: Role) -> str:
    """Return an address as gRPC writes it."""
    return served.address.removeprefix("http://")


def bearer(name: str, message: bytes) -> tuple[tuple[str, str], ...]:
    """Return the metadata of a call by somebody who has the key."""
    call = ServiceCall(
        issuer="gateway",
        audience="backend",
        operation=name,
        principal=ANN,
        correlation_id="c-1",
        body=body_mark(message),
    )
    return (("authorization", f"Bearer {KeyedServiceTokens(KEY, MovableClock()).issue(call)}"),)


async def refused(served: Role, message: bytes, metadata: Any = ()) -> Any:
    """Call an operation of the hop's service and return how it was refused."""
    async with grpc.aio.insecure_channel(place(served)) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as found:
            await channel.unary_unary(HOP_CALL)(message, metadata=metadata)
    return found.value


def asked(name: str, payload: bytes = b'"x"') -> bytes:
    """Return a call of the hop's service."""
    return hop_pb2.CallRequest(operation=name, payload=payload).SerializeToString()


@pytest.mark.anyio
async def test_a_generic_client_learns_the_services_and_calls_one() -> None:
    """Without any code of ours: reflection tells messages and methods, and a call by them is answered."""
    inference = HashingInference(SystemClock())
    wires = inference_proto_wires()

    def generic(address: str) -> tuple[list[str], Any]:
        with grpc.insecure_channel(address) as channel:
            told = ProtoReflectionDescriptorDatabase(channel)
            names = list(told.get_services())
            service = DescriptorPool(told).FindServiceByName(INFERENCE)
            method = service.FindMethodByName("Embed")
            message = GetMessageClass(method.input_type)(texts=["a cat", "a mat"]).SerializeToString()
            ask = channel.unary_unary(
                f"/{INFERENCE}/Embed",
                response_deserializer=GetMessageClass(method.output_type).FromString,
            )
            return names, ask(message, metadata=bearer("embed", message))

    async with role(
        calls_of(inference), streams_of(inference), wires=wires, methods=INFERENCE_METHODS
    ) as served:
        names, answer = await asyncio.to_thread(generic, place(served))
    assert set(names) == {
        INFERENCE,
        "autobotapi.hop.v1.HopService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }
    assert len(answer.vectors.data) == 2 * 4 * answer.vectors.dimensions


@pytest.mark.anyio
async def test_health_is_told_by_the_standard_service() -> None:
    """The standard stub hears SERVING of the whole and of each service, and NOT_FOUND of others."""
    async with role({"echo": echo}) as served, grpc.aio.insecure_channel(place(served)) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        for name in ("", "autobotapi.hop.v1.HopService"):
            found = await stub.Check(health_pb2.HealthCheckRequest(service=name))
            assert found.status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.aio.AioRpcError) as unknown:
            await stub.Check(health_pb2.HealthCheckRequest(service="other"))
        assert unknown.value.code() is grpc.StatusCode.NOT_FOUND


@pytest.mark.anyio
async def test_a_server_that_is_not_ready_is_not_well_and_begins_nothing() -> None:
    """Its health says so, a probe hears it, and a call is passed on to another at once: nothing began."""
    starting = Lifecycle("starting")
    async with (
        role({"echo": echo}, lifecycle=starting) as served,
        transport(text_wires("echo")) as made,
    ):
        with pytest.raises(Overloaded) as found:
            await made.call(served.address, ECHO, "x", CONTEXT)
        assert found.value.link == "gateway-backend"
        assert await made.probe(served.address) is True
        await served.server.stop(0)
        assert await made.probe(served.address) is False
        with pytest.raises(ConnectFailed):
            await made.call(served.address, ECHO, "x", CONTEXT)


@pytest.mark.anyio
async def test_without_a_token_nothing_runs() -> None:
    """No token, a token for other bytes, one for another operation: UNAUTHENTICATED with a problem document, counted."""
    message = asked("echo")
    async with role({"echo": echo}) as served:
        for metadata in (
            (),
            (("authorization", "Bearer s1.e30.AAAA"),),
            bearer("echo", b"other"),
            bearer("other", message),
        ):
            error = await refused(served, message, metadata)
            assert error.code() is grpc.StatusCode.UNAUTHENTICATED
            problem = json.loads(dict(error.trailing_metadata())[PROBLEM])
            assert problem["type"] == "urn:autobot:problem:unauthenticated"
            assert "raised" not in problem
        assert [name for name, _ in served.heard.counts] == ["hop_unauthenticated_total"] * 4


@pytest.mark.anyio
async def test_a_refusal_is_a_status_and_a_problem_document() -> None:
    """The status is that of the table, the document the same that HTTP has, and a wait is told as pushback."""

    async def spent(payload: str, context: CallContext) -> str:
        raise QuotaExceeded("Spent.", retry_after=2.5, policies=("day",))

    message = asked("spent")
    async with role({"spent": spent}) as served:
        error = await refused(served, message, bearer("spent", message))
    trailers = dict(error.trailing_metadata())
    problem = json.loads(trailers[PROBLEM])
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert trailers[PUSHBACK] == "2500"
    assert (problem["status"], problem["code"], problem["violated-policies"]) == (
        429,
        "quota-exceeded",
        ["day"],
    )
    assert problem["correlation_id"] == "c-1"


@pytest.mark.anyio
async def test_what_is_not_of_the_tree_stays_in_the_log() -> None:
    """A fault of the program is INTERNAL, without its text."""

    async def broken(payload: str, context: CallContext) -> str:
        raise ValueError("a secret of the program")

    message = asked("broken")
    async with role({"broken": broken}) as served:
        error = await refused(served, message, bearer("broken", message))
    assert error.code() is grpc.StatusCode.INTERNAL
    assert "secret" not in repr(error) + repr(tuple(error.trailing_metadata()))


@pytest.mark.parametrize("kind", MEMBERS, ids=lambda kind: kind.__name__)
def test_status_and_http_say_the_same(kind: type[AutoBotError]) -> None:
    """The code of every error of the tree stands for a status of the same hundred as HTTP's."""
    error = kind.__new__(kind, "x")
    error.detail, error.hint = "x", None
    for name in ("errors", "policies", "link", "target", "part", "stream"):
        setattr(error, name, ())
    error.retry_after, error.expected, error.current, error.since = 1.0, 0, 0, 0.0  # type: ignore[attr-defined]
    assert HTTP[code_of(error)] // 100 == problem_of(error).status // 100


def test_every_code_has_its_http_status() -> None:
    """No code that a foreign server may answer is unknown."""
    assert set(HTTP) == set(grpc.StatusCode) - {grpc.StatusCode.OK}
    assert set(CODES.values()) <= set(HTTP)


@pytest.mark.anyio
async def test_an_error_at_length_fits_a_clients_usual_limit() -> None:
    """A thousand broken rules do not make the trailers of an answer unreadable: the first are told, the rest counted."""

    async def breaks(payload: str, context: CallContext) -> str:
        rules = tuple(FieldError(detail="ü" * 500, pointer=f"#/{one}") for one in range(1_000))
        raise InvalidInput("x" * 5_000, errors=rules)

    message = asked("breaks")
    async with role({"breaks": breaks}) as served, transport(text_wires("breaks")) as made:
        error = await refused(served, message, bearer("breaks", message))
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        with pytest.raises(InvalidInput) as found:
            await made.call(served.address, operation("breaks"), "x", CONTEXT)
    assert found.value.errors[-1].detail.endswith("more")


@pytest.mark.anyio
async def test_limits_hold_in_both_directions() -> None:
    """What is too large is refused before it is sent, by the other side if it came, and as an answer."""
    limits = HopLimits(payload_bytes=1_024, answer_bytes=1_024, frame_bytes=1_024)

    async def large(payload: str, context: CallContext) -> str:
        return "x" * 2_000

    wires = text_wires("echo", "large")
    async with role({"echo": echo, "large": large}, limits=limits, wires=wires) as served:
        async with transport(wires, payload_max=512) as made:
            with pytest.raises(TooLarge):
                await made.call(served.address, ECHO, "x" * 600, CONTEXT)
            with pytest.raises(TooLarge):
                await made.call(served.address, operation("large"), "x", CONTEXT)
        async with transport(wires) as made:
            with pytest.raises(TooLarge):
                await made.call(served.address, ECHO, "x" * 5_000, CONTEXT)
        async with transport(wires, answer_max=1) as made:
            with pytest.raises(BadAnswer):
                await made.call(served.address, ECHO, "x" * 1_021, CONTEXT)


@pytest.mark.anyio
async def test_a_certificate_is_verified() -> None:
    """By TLS a role is believed by the certificates that are trusted, and by no others."""
    with self_signed() as (certificate, key):
        tls = key.read_bytes(), certificate.read_bytes()
        async with role({"echo": echo}, tls=tls) as served:
            async with transport(text_wires("echo"), trusted=certificate) as made:
                assert await made.call(served.address, ECHO, "x", CONTEXT) == "x"
            async with transport(text_wires("echo")) as made:
                with pytest.raises(ConnectFailed):
                    await made.call(served.address, ECHO, "x", CONTEXT)


@pytest.mark.anyio
async def test_a_leaving_server_says_so_and_ends_what_it_has() -> None:
    """Its health turns while a call is under way; that call is answered, and nothing is served after it."""
    hanging, go_on = asyncio.Event(), asyncio.Event()

    async def slow(payload: str, context: CallContext) -> str:
        hanging.set()
        await go_on.wait()
        return payload

    async with role({"slow": slow}) as served, transport(text_wires("slow")) as made:
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(made.call(served.address, operation("slow"), "x", CONTEXT))
            await hanging.wait()
            await served.server.leave()
            assert await made.probe(served.address) is False
            stopping = group.create_task(served.server.stop(10.0))
            go_on.set()
            await stopping
        assert asking.result() == "x"
        assert await made.probe(served.address) is False


@pytest.mark.anyio
async def test_what_is_no_message_is_malformed() -> None:
    """Garbage in place of a message is refused without a look at anything else."""
    async with role({"echo": echo}) as served:
        error = await refused(served, b"\xff\xff", bearer("echo", b"\xff\xff"))
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        async with grpc.aio.insecure_channel(place(served)) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as unknown:
                await channel.unary_unary("/autobotapi.hop.v1.HopService/Other")(b"")
        assert unknown.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.anyio
async def test_errors_of_a_foreign_server_are_of_the_tree() -> None:
    """A server that is none of ours is heard as what its status says."""

    class Foreign(grpc.GenericRpcHandler):
        def service(self, handler_call_details: Any) -> Any:
            async def answer(request: bytes, context: Any) -> None:
                await context.abort(codes[-1], "said so")

            return grpc.unary_unary_rpc_method_handler(answer)

    codes: list[grpc.StatusCode] = []
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Foreign(),))
    target = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        async with transport(text_wires("echo")) as made:
            for code, kind, status in (
                (grpc.StatusCode.NOT_FOUND, RemoteError, 404),
                (grpc.StatusCode.RESOURCE_EXHAUSTED, errors.RemoteThrottled, 429),
                (grpc.StatusCode.UNIMPLEMENTED, RemoteError, 501),
                (grpc.StatusCode.INTERNAL, RemoteError, 500),
            ):
                codes.append(code)
                with pytest.raises(kind) as found:
                    await made.call(target, ECHO, "x", CONTEXT)
                assert (type(found.value), found.value.status) == (kind, status)
            codes.append(grpc.StatusCode.DEADLINE_EXCEEDED)
            with pytest.raises(errors.AttemptTimeout):
                await made.call(target, ECHO, "x", CONTEXT)
    finally:
        await server.stop(0)


@pytest.mark.anyio
async def test_a_killed_server_breaks_what_was_under_way() -> None:
    """A call and a stream whose server goes away fail as a lost connection; the end is never pretended."""
    hanging = asyncio.Event()

    async def hang(payload: str, context: CallContext) -> str:
        hanging.set()
        await asyncio.Event().wait()
        raise NotFound("unreachable")

    async with role({"hang": hang}) as served, transport(text_wires("hang")) as made:
        async with asyncio.TaskGroup() as group:

            async def call() -> None:
                with pytest.raises((errors.ConnectionLost, ConnectFailed)):
                    await made.call(served.address, operation("hang"), "x", CONTEXT)

            group.create_task(call())
            await hanging.wait()
            await served.server.stop(0)
