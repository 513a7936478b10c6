"""A row between roles is carried by what the processes at both its ends can do, or the change is refused by their names."""

from __future__ import annotations

from typing import Any

import pytest

from autobot.bootstrap.agreeing import check_agreed
from autobot.contexts.roles.module import Instance, Observer
from autobot.kernel.core.errors import InvalidInput

ALL = ("http", "grpc", "stream")


def process(name: str, role: str, carries: tuple[str, ...] = ALL, **given: Any) -> Instance:
    """A process of a role as its row says."""
    return Instance(
        id=name, role=role, address=f"http://{name}", version="1", contracts="", host=name, pid=1,
        started_at="", carries=carries, **given,
    )  # fmt: skip


def seen(*rows: Instance) -> Observer:
    """An observer that sees these processes."""
    observer = Observer()
    observer.look(rows, 0.0)
    return observer


@pytest.mark.parametrize("word", ALL)
def test_what_both_ends_can_is_agreed(word: str) -> None:
    """With all transports at both ends each of them is taken; other processes have no say."""
    observer = seen(process("g", "gateway"), process("b", "backend"), process("a", "ai", ("http",)))
    check_agreed(observer, "gateway-backend", {"transport": word})


@pytest.mark.parametrize("end", ["gateway", "backend"])
def test_an_end_that_cannot_is_named_with_the_step_that_helps(end: str) -> None:
    """One process at either end without gRPC refuses the change for all; one of an older version is such a process."""
    able = [process("g", "gateway"), process("b", "backend")]
    observer = seen(*able, process("old", end, ("http",)))
    with pytest.raises(InvalidInput, match=r"gateway-backend can carry it by grpc: old\.") as refused:
        check_agreed(observer, "gateway-backend", {"transport": "grpc"})
    assert refused.value.hint == "autobot add grpc where they run, and start them again"
    check_agreed(observer, "gateway-backend", {"transport": "http"})


def test_a_process_that_is_gone_has_no_say() -> None:
    """What was lost is asked for nothing; what drains still has calls."""
    rows = (process("g", "gateway"), process("b", "backend"))
    check_agreed(
        seen(*rows, process("x", "backend", ("http",), lost=True)), "gateway-backend", {"transport": "grpc"}
    )
    with pytest.raises(InvalidInput):
        check_agreed(
            seen(*rows, process("x", "backend", ("http",), draining=True)),
            "gateway-backend",
            {"transport": "grpc"},
        )


@pytest.mark.parametrize(
    ("row", "word"), [("gateway-backend", "pubsub"), ("gateway-ai", "websocket"), ("ai-npu", "stream")]
)
def test_what_carries_no_row_between_roles_is_refused(row: str, word: str) -> None:
    """Words of other rows, and streams to workers, are refused whoever is there."""
    with pytest.raises(InvalidInput, match=f"{row} is not carried by {word}"):
        check_agreed(seen(), row, {"transport": word})


@pytest.mark.parametrize(
    ("row", "fields"),
    [("ai-ollama", {"transport": "grpc"}), ("gateway-backend", {"timeout": 1.0}), ("gateway-backend", None)],
)
def test_other_changes_and_other_rows_are_not_judged(row: str, fields: dict[str, Any] | None) -> None:
    """A change of another field, a way back, and rows that lead to no role need no agreement."""
    check_agreed(seen(process("g", "gateway", ())), row, fields)
