"""What a handler raises on the other side is raised here, and the role's own state is something else."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from autobot.gateway.problem import document, problem_of
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import AutoBotError
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
