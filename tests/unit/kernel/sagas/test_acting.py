"""How a context begins a run by a fact, and acts for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from autobot.adapters.memory.event_store import MemoryEventStore
from autobot.kernel.core.context import CallContext, Principal
from autobot.kernel.core.ids import Uuid7Source
from autobot.kernel.core.message import Message
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.transaction import ANY, Append, Transaction
from autobot.kernel.links.trace_context import new_trace
from autobot.kernel.sagas.acting import Begin, as_service, starter
from autobot.testing.virtual_time import ManualClock, seeded

pytestmark = pytest.mark.anyio
ANN = Principal(id="u-ann", kind="user", role="user", user_id="ann", username="ann", tenant="acme")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A fact that asks for a run."""

    TYPE: ClassVar[str] = "autobot.test.asked.v1"
    run: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A fact that asks for nothing."""

    TYPE: ClassVar[str] = "autobot.test.said.v1"


def begin(event: Any, message: Message) -> Begin | None:
    """Return the run that a fact asks for."""
    if not isinstance(event, Asked):
        return None
    return Begin(run=event.run, principal=ANN, owner="bob", serial_key="k", given={"by": message.principal})


async def test_a_fact_begins_its_run_for_who_asked() -> None:
    """The run has the fact's id, correlation and cause, no deadline, and the rights of the principal; other facts begin none."""
    clock, chance = ManualClock(), seeded()
    store, codec = (
        MemoryEventStore(clock),
        EventCodec((Asked, Said), clock, Uuid7Source(clock, chance), source="/t"),
    )
    context = CallContext(correlation_id="c1", principal=ANN, trace=new_trace(chance), deadline=5.0)
    messages = tuple(codec.wrap(one, "s", context) for one in (Asked(run="r1"), Said()))
    await store.commit(Transaction(appends=(Append(stream="s", expected=ANY, events=messages),)))
    accepted: list[tuple[Any, ...]] = []

    async def accept(
        definition: str, run: str, given: dict[str, Any], context: CallContext, *, owner: str, serial_key: str
    ) -> None:
        accepted.append((definition, run, given, owner, serial_key))
        assert (context.principal, context.correlation_id, context.deadline) == (ANN, "c1", None)
        assert context.causation_id == messages[0].id

    start = starter(codec, accept, "count", begin)
    for one in await store.read_stream("s"):
        await start(one)
    assert accepted == [("count", "r1", {"by": "u-ann"}, "bob", "k")]


def test_a_part_acts_as_a_service_without_the_runs_deadline() -> None:
    """It is a service of the run's tenant for the owner's objects, and may still record when the run's time is spent."""
    context = CallContext(
        correlation_id="c1",
        principal=ANN,
        trace=new_trace(seeded()),
        deadline=5.0,
        baggage=(("tenant_id", "acme"),),
    )
    acting = as_service(context, "mail", "bob")
    assert (acting.principal.id, acting.principal.kind, acting.principal.role) == (
        "service:mail",
        "service",
        "service",
    )
    assert (acting.principal.user_id, acting.principal.tenant, acting.principal.scopes) == (
        "bob",
        "acme",
        frozenset({"*"}),
    )
    assert (acting.deadline, acting.correlation_id, acting.baggage) == (None, "c1", context.baggage)
