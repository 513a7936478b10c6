"""What a handler raises on the other side is raised here, and the role's own state is something else."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from autobot.gateway.problem import document, problem_of
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import (
    AutoBotError,
    ConnectionLost,
    FieldError,
    InvalidInput,
    NotFound,
    RemoteError,
)
from tests.integration.role_hop.kit import CONTEXT, operation, role, text_wires, transport
from tests.unit.kernel.core.test_raised import TREE, made

NAMES = ("raises", "streams")


def raising(error: BaseException) -> tuple[dict[str, Any], dict[str, Any]]:
    """A call and a stream that raise."""

    async def raises(payload: str, context: CallContext) -> str:
        raise error

    async def streams(payload: str, context: CallContext) -> AsyncIterator[str]:
        if payload:
            yield payload
        raise error

    return {"raises": raises}, {"streams": streams}


async def caught(error: BaseException) -> list[AutoBotError]:
    """What arrives of an error: from a call, from a stream at once, and after a chunk."""
    found: list[AutoBotError] = []
    async with role(*raising(error)) as served, transport(text_wires(*NAMES)) as made_transport:
        with pytest.raises(AutoBotError) as raised:
            await made_transport.call(served.address, operation("raises"), "", CONTEXT)
        found.append(raised.value)
        for first in ("", "a"):
            chunks = made_transport.stream(served.address, operation("streams"), first, CONTEXT)
            with pytest.raises(AutoBotError) as raised:
                assert [chunk async for chunk in chunks] == []
            found.append(raised.value)
    return found


@pytest.mark.anyio
@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
async def test_errors_arrive_as_what_they_were(kind: type[AutoBotError]) -> None:
    """Each class of the tree arrives with its members, so the edge's document is that of the embedded mode."""
    error = made(kind)
    expected = document(problem_of(error), request_id="r", correlation_id="c")
    for found in await caught(error):
        assert type(found) is kind
        for name, member in vars(error).items():
            told = getattr(found, name)
            assert told == (pytest.approx(member, abs=1.0) if name == "since" else member)
        assert document(problem_of(found), request_id="r", correlation_id="c") == expected


def rules(number: int, detail: str, pointer: str = "#/a") -> InvalidInput:
    """A refusal with so many broken rules."""
    return InvalidInput("rules", errors=(FieldError(detail=detail, pointer=pointer),) * number)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "error",
    [
        rules(200, "is too short"),
        rules(100, "x" * 1_000),
        rules(1, "is no number", "#/" + "k" * 70_000),
        rules(10_000, "\x01" * 1_000, "\x01" * 1_000),
        InvalidInput("d" * 100_000),
        NotFound("\x01" * 100_000, hint="\x01" * 100_000),
        RemoteError("answered", status=500, link="ai-ollama", body=b"b" * 1_000_000),
    ],
    ids=(
        "many rules",
        "long rules",
        "a long pointer",
        "too many",
        "a long detail",
        "a long hint",
        "a long body",
    ),
)
async def test_errors_of_any_length_arrive_as_what_they_were(error: AutoBotError) -> None:
    """However much an error says, it arrives as its class with the beginning of it, never as a failure of the hop."""
    for found in await caught(error):
        assert type(found) is type(error)
        assert error.detail.startswith(found.detail.removesuffix("…"))
        assert found.detail
        if isinstance(error, InvalidInput):
            assert isinstance(found, InvalidInput)
            assert bool(found.errors) is bool(error.errors)
            assert len(found.errors) == len(error.errors) or found.errors[-1].detail.endswith(" more")


@pytest.mark.anyio
async def test_text_that_is_no_unicode_arrives_escaped() -> None:
    """Half a surrogate pair in a detail, a hint or a rule does not make a failed hop of a refusal."""
    broken = FieldError(detail="\udc80 is wrong", pointer="#/\udc80")
    for found in await caught(InvalidInput("ü \ud800", hint="\ud800", errors=(broken,))):
        assert isinstance(found, InvalidInput)
        assert (found.detail, found.hint) == ("ü \\ud800", "\\ud800")
        assert found.errors == (FieldError(detail="\\udc80 is wrong", pointer="#/\\udc80"),)


@pytest.mark.anyio
async def test_a_failure_that_names_no_link_gets_none() -> None:
    """What the other side says of a failure is not attributed to the hop, before a first chunk or after it."""
    for found in await caught(ConnectionLost("It broke.")):
        assert isinstance(found, ConnectionLost)
        assert (found.detail, found.link, found.target) == ("It broke.", "", "")
