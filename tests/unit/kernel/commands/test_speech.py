"""What two versions speak is compared by schemas: a caller may call who understands it and whom it understands."""

from collections.abc import Callable
from dataclasses import dataclass, make_dataclass
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Le

from autobot.gateway.message_schemas import contract_schema
from autobot.kernel.commands.decision import Module, QuerySpec
from autobot.kernel.commands.speech import Contracts, contracts_in, contracts_of, reason_against
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import ConfigurationError


@dataclass(frozen=True)
class Found:
    """An answer."""

    number: int


def answering(answer: Any) -> Callable[..., Any]:
    """A handler that declares this answer."""

    async def handler(query: Any, context: CallContext) -> Any:
        raise NotImplementedError

    handler.__annotations__["return"] = answer
    return handler


def spoken(*fields: Any, answer: Any = Found, name: str = "Ask", context: str = "chat") -> Contracts:
    """The contracts of one query with these fields."""
    query = QuerySpec(query=make_dataclass(name, fields), action="a", handler=answering(answer))
    return contracts_of([Module(name=context, queries=(query,))], contract_schema, lambda name: "backend")


NAMED = spoken(("name", str))


def test_the_same_shapes_are_the_same_word() -> None:
    """The fingerprint depends on shapes alone, and survives being stored."""
    assert spoken(("name", str)).fingerprint() == NAMED.fingerprint()
    assert contracts_in(NAMED.document()).fingerprint() == NAMED.fingerprint()
    assert len(NAMED.fingerprint()) == 32


def test_every_difference_of_shape_is_another_word() -> None:
    """A field more, another type, limit, name or choice, a field that may be left out, another answer."""
    words = [
        NAMED,
        spoken(("name", str), ("more", int)),
        spoken(("name", int)),
        spoken(("label", str)),
        spoken(("name", str, "")),
        spoken(("name", Annotated[int, Le(3)])),
        spoken(("name", Annotated[int, Le(4)])),
        spoken(("name", Literal["a"])),
        spoken(("name", Literal["a", "b"])),
        spoken(("name", str), answer=int),
        spoken(("name", str), name="Tell"),
    ]
    assert len({one.fingerprint() for one in words}) == len(words)


@pytest.mark.parametrize(
    ("caller", "callee"),
    [
        (NAMED, NAMED),
        (NAMED, spoken(("name", str), ("more", int, 3))),
        (spoken(("name", Literal["a"])), NAMED),
        (NAMED, spoken(("name", str | None))),
        (NAMED, spoken(("name", str), answer=make_dataclass("Found", [("number", int), ("more", int)]))),
        (Contracts({}), NAMED),
    ],
)
def test_a_callee_that_knows_more_is_called(caller: Contracts, callee: Contracts) -> None:
    """A field with a default, wider values, one more member of the answer, one more query do no harm."""
    assert reason_against(caller, callee, ["backend"]) == ""


@pytest.mark.parametrize(
    ("caller", "callee", "words"),
    [
        (NAMED, Contracts({}), ["does not know Ask"]),
        (spoken(("name", str), ("more", int, 3)), NAMED, ["Ask as it is sent", "more"]),
        (NAMED, spoken(("name", str), ("more", int)), ["Ask as it is sent", "more"]),
        (NAMED, spoken(("name", int)), ["Ask as it is sent", "/properties/name"]),
        (NAMED, spoken(("name", Literal["a"])), ["Ask as it is sent", "/properties/name"]),
        (NAMED, spoken(("name", str), answer=int), ["the answer to Ask"]),
        (
            NAMED,
            spoken(("name", str), answer=make_dataclass("Found", [("other", int)])),
            ["the answer to Ask"],
        ),
        (NAMED, spoken(("name", str), answer=Found | None), ["the answer to Ask"]),
    ],
)
def test_a_callee_that_would_misunderstand_is_not_called(
    caller: Contracts, callee: Contracts, words: list[str]
) -> None:
    """What it does not know, does not read, or answers otherwise is the reason, by name and place."""
    reason = reason_against(caller, callee, ["backend"])
    assert [word for word in words if word not in reason] == []


def test_only_the_roles_of_the_callee_count() -> None:
    """What another role handles is nobody's business here."""
    assert reason_against(NAMED, Contracts({}), ["ai"]) == ""


def test_a_query_without_a_declared_answer_is_refused() -> None:
    """The start says which handler does not declare what it returns."""
    with pytest.raises(ConfigurationError, match="Ask"):
        spoken(("name", str), answer=Any)
