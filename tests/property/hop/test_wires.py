"""Every command, query and answer of the product crosses a hop and arrives equal."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autobot.bootstrap.outside import memory_outside
from autobot.bootstrap.product import assemble
from autobot.config import Config
from autobot.contexts.agents.facade import EMBED, GENERATE, MODELS, model_wires
from autobot.contracts.models import Chunk, Embeddings, GenerateRequest
from autobot.contracts.runs import ModelChoice
from autobot.kernel.commands.decision import Answer, CommandSpec, QuerySpec
from autobot.kernel.commands.linked import COMMAND, QUERY, REPORT
from autobot.kernel.commands.wire import answer_of_query, bus_wires
from autobot.kernel.core.errors import BadAnswer, ConfigurationError, InvalidInput, Malformed
from autobot.kernel.links.wire import TypedWire, Wire
from tests.property.hop.values import TEXT, values

MODULES = assemble(Config(), memory_outside()).modules
COMMANDS = [spec for module in MODULES for spec in module.commands]
QUERIES = [spec for module in MODULES for spec in module.queries]
WIRES = bus_wires(COMMANDS, QUERIES)
KEYS = st.none() | st.text(min_size=1, max_size=20)


def crosses(wire: Wire, payload: Any, answer: Any) -> None:
    """Assert that both arrive equal."""
    arrived = wire.payload_of(wire.payload_bytes(payload))
    assert arrived == payload
    assert type(arrived) is type(payload)
    found = wire.answer_of(payload, wire.answer_bytes(answer))
    assert found == answer
    assert type(found) is type(answer)


@pytest.mark.parametrize("spec", COMMANDS, ids=lambda spec: spec.command.__name__)
def test_every_command_crosses(spec: CommandSpec) -> None:
    """A command with its key, and the whole answer, arrive equal, whatever they hold."""

    @settings(max_examples=25, deadline=None)
    @given(
        values(spec.command),
        KEYS,
        st.builds(Answer, value=values(spec.answer), position=st.integers(0, 2**60), replayed=st.booleans()),
    )
    def check(command: Any, key: str | None, answer: Answer[Any]) -> None:
        crosses(WIRES[COMMAND.name], (command, key), answer)

    check()


@pytest.mark.parametrize("spec", QUERIES, ids=lambda spec: spec.query.__name__)
def test_every_query_crosses(spec: QuerySpec) -> None:
    """A query and its declared answer arrive equal, whatever they hold."""

    @settings(max_examples=25, deadline=None)
    @given(values(spec.query), values(answer_of_query(spec)))
    def check(query: Any, answer: Any) -> None:
        crosses(WIRES[REPORT.name if spec.report else QUERY.name], query, answer)

    check()


@settings(max_examples=50, deadline=None)
@given(values(GenerateRequest), values(Chunk), st.lists(TEXT).map(tuple), values(Embeddings), st.data())
def test_the_models_cross(
    request: GenerateRequest, chunk: Any, texts: tuple[str, ...], found: Embeddings, data: st.DataObject
) -> None:
    """What is asked of models, each kind of chunk, vectors and lists arrive equal."""
    wires = model_wires()
    crosses(wires[GENERATE.name], request, chunk)
    crosses(wires[EMBED.name], ("a model", texts), found)
    crosses(wires[MODELS.name], None, data.draw(values(tuple[ModelChoice, ...])))


class Colour(Enum):
    """An enumeration."""

    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Everything:
    """One of each type that a contract may use."""

    at: datetime
    raw: bytes
    amount: Decimal
    colour: Colour
    maybe: "Everything | None" = None
    rest: Any = None


@settings(max_examples=50, deadline=None)
@given(
    at=values(datetime), raw=values(bytes), amount=values(Decimal), colour=values(Colour), rest=values(Any)
)
def test_every_type_of_a_contract_crosses(**members: Any) -> None:
    """Moments, octets, decimals, enumerations and contracts inside contracts arrive equal."""
    inner = Everything(**members)
    wire = TypedWire("all", Everything, Everything)
    crosses(wire, Everything(**members, maybe=inner), inner)


def test_json_that_was_left_unread_arrives_as_json() -> None:
    """An event's data, which the store keeps as it came, arrives as the value that it says."""
    spec = next(spec for spec in QUERIES if spec.query.__name__ == "GetEvent")
    query = spec.query(**dict.fromkeys(spec.query.__dataclass_fields__, "x"))
    wire = WIRES[QUERY.name]
    body = wire.answer_bytes({"id": "1", "data": msgspec.Raw(b'{"a": [1, 2.5, "\\u00fc"]}')})
    assert wire.answer_of(query, body) == {"id": "1", "data": {"a": [1, 2.5, "ü"]}}


# ----------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize("operation", [COMMAND.name, QUERY.name])
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", Malformed),
        (b"{", Malformed),
        (b"\xff", Malformed),
        (b"[]", InvalidInput),
        (b'{"name": "CreateSession"}', InvalidInput),
        (b'{"name": "os.system", "fields": {}}', InvalidInput),
        (b'{"name": "CallContext", "fields": {}}', InvalidInput),
        (b'{"name": "CreateSession", "fields": {"title": 5}}', InvalidInput),
        (b'{"name": "ListSessions", "fields": {"limit": "5"}}', InvalidInput),
        (b'{"name": "ListSessions", "fields": {}, "principal": {}}', InvalidInput),
    ],
)
def test_only_published_contracts_of_right_types_can_be_asked(
    operation: str, body: bytes, kind: type[Exception]
) -> None:
    """Garbage, unknown names, wrong types and further members are refused before anything runs."""
    with pytest.raises(kind):
        WIRES[operation].payload_of(body)


def test_an_answer_that_was_not_declared_is_bad() -> None:
    """Garbage from the other side is a bad answer, never a value."""
    query = next(spec.query for spec in QUERIES if spec.query.__name__ == "ListModels")()
    for body in (b"", b"{", b"{}", b'[{"id": 1}]', b"\xff"):
        with pytest.raises(BadAnswer):
            WIRES[QUERY.name].answer_of(query, body)
    for body in (b"", b'{"name": "Finished", "fields": {}}', b'{"name": "str", "fields": "x"}', b'"x"'):
        with pytest.raises(BadAnswer):
            model_wires()[GENERATE.name].answer_of(None, body)


def test_a_payload_of_another_kind_is_not_sent() -> None:
    """What is no published command stops at the caller, as the bus itself would refuse it."""
    with pytest.raises(TypeError, match="no contract str"):
        WIRES[COMMAND.name].payload_bytes(("text", None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A query."""


async def undeclared(query: Asked, context: Any):  # type: ignore[no-untyped-def]
    """Answer anything."""


async def anything(query: Asked, context: Any) -> Any:
    """Answer anything."""


async def either(query: Asked, context: Any) -> tuple[Asked | Everything, ...]:
    """Answer what cannot be told apart."""
    return ()


@pytest.mark.parametrize("handler", [undeclared, anything, either])
def test_a_query_without_a_readable_answer_refuses_the_start(handler: Any) -> None:
    """Who answers without saying what, or in a way that cannot be read back, is named when the wires are built."""
    with pytest.raises(ConfigurationError, match="Asked"):
        bus_wires([], [QuerySpec(query=Asked, action="a:read", handler=handler)])
