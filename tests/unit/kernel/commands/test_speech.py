"""Two processes speak the same when their commands, queries and answers have the same shapes."""

from dataclasses import dataclass, make_dataclass
from typing import Annotated, Any

from annotated_types import Le

from autobot.kernel.commands.decision import Module, QuerySpec
from autobot.kernel.commands.speech import contracts_of
from autobot.kernel.core.context import CallContext


@dataclass(frozen=True)
class Inner:
    """A part of an answer."""

    number: int


@dataclass(frozen=True)
class Found:
    """An answer."""

    parts: tuple[Inner, ...]


async def handler(query: Any, context: CallContext) -> Found:
    """Answer nothing."""
    return Found(parts=())


def spoken(*given: Any) -> str:
    """Return the word for one query with these fields."""
    query = make_dataclass("Ask", given)
    return contracts_of([Module(name="test", queries=(QuerySpec(query=query, action="a", handler=handler),))])


def test_the_same_shapes_are_the_same_word() -> None:
    """The word depends on shapes alone."""
    assert spoken(("name", str)) == spoken(("name", str))
    assert len(spoken()) == 16


def test_every_difference_of_shape_is_another_word() -> None:
    """A field more, another type, another limit, another name, a field that may be left out."""
    words = {
        spoken(("name", str)),
        spoken(("name", str), ("more", int)),
        spoken(("name", int)),
        spoken(("label", str)),
        spoken(("name", str, "")),
        spoken(("name", Annotated[int, Le(3)])),
        spoken(("name", Annotated[int, Le(4)])),
    }
    assert len(words) == 7
