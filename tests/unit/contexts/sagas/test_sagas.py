"""A person decides on sagas: what may be done when, and what everybody sees of it."""

from __future__ import annotations

from typing import Any

import pytest

from autobot.contexts.sagas.module import build
from autobot.contracts import sagas
from autobot.kernel.core.clock import rfc3339
from autobot.kernel.core.context import Principal
from autobot.kernel.core.errors import Conflict, Forbidden, InvalidInput, NotFound, Stale
from autobot.kernel.core.failure import Failure
from autobot.kernel.event_store.transaction import ANY, Append, Put, Transaction
from autobot.kernel.sagas import facts
from autobot.kernel.sagas.run import Run
from autobot.kernel.sagas.saga import Saga, Signal, Step, StepRetry, Timer
from tests.unit.contexts.kit import Ground, context_of

pytestmark = pytest.mark.anyio
ADA = Principal(id="ada", kind="user", role="operator", user_id="ada", username="ada")
FAILURE = Failure(code="connection-lost", detail="It went away.", correlation_id="c")


class World(Ground):
    """The context over a store in which sagas stand as an engine leaves them."""

    def __init__(self, *today: Saga) -> None:
        super().__init__(facts.EVENTS)
        kinds, self.behind = {one.name: one for one in today}, False
        self.dispatcher = self.bus([build(self.store, self.codec, self.clock, lambda: kinds, self.begun)])

    async def begun(self) -> None:
        """Say that all that was asked for has begun, unless a test says otherwise."""
        if self.behind:
            raise Stale("It may come yet.")

    async def do(self, command: Any, principal: Principal = ADA) -> Any:
        """Run a command and return its answer."""
        return (await self.dispatcher.dispatch(command, context_of(principal))).value

    async def ask(self, query: Any) -> Any:
        """Ask a query as an operator."""
        return await self.dispatcher.ask(query, context_of(ADA))

    async def saga(
        self,
        name: str,
        *after: Any,
        state: str = "running",
        group: str = "open",
        plan: tuple[facts.PlannedStep, ...] = (),
    ) -> None:
        """Write a saga whose first step has been started, and what came then."""
        told = (
            facts.RunStarted(
                run_id=name,
                definition="order",
                owner="ada",
                serial_key=name,
                input={"order": name},
                principal={},
                plan=plan,
            ),
            step(name, 0, "pay"),
            *after,
        )
        messages = tuple(self.codec.wrap(one, facts.stream_of(name), context_of()) for one in told)
        document = {
            "definition": "order",
            "state": state,
            "input": {"order": name},
            "started_at": name,
            "ended_at": None,
            "error": None,
        }
        put = Put(table=facts.SAGAS, key=name, document=document, group=group, sort=name)
        append = Append(stream=facts.stream_of(name), expected=ANY, events=messages)
        await self.store.commit(Transaction(appends=(append,), writes=(put,)))

    async def stuck(self, name: str) -> None:
        """Write a saga whose only step cannot be undone."""
        await self.saga(
            name,
            facts.StepFailed(run_id=name, step=0, name="pay", error=FAILURE, duration_ms=1.0),
            facts.RunTurned(run_id=name, cause="failed", error=FAILURE),
            facts.RunStuck(run_id=name, step=0, name="pay", direction="backward", attempts=10, error=FAILURE),
            state="failed_compensation",
            group="stuck",
        )


def step(name: str, number: int, what: str, **fields: Any) -> facts.StepStarted:
    """Return the beginning of a step."""
    given: dict[str, Any] = {"compensation": True, "kind": "saga"}
    return facts.StepStarted(
        run_id=name, step=number, name=what, input_hash="h", resumable=True, **{**given, **fields}
    )


async def test_a_stuck_saga_is_tried_again_or_settled() -> None:
    """Both take a reason, move it to where it then belongs, and are refused for one that does not wait."""
    world = World()
    for name in ("one", "two"):
        await world.stuck(name)
    shown: sagas.SagaDetail = await world.ask(sagas.GetSaga(saga_id="one"))
    assert (shown.saga.state, shown.steps[0].state, shown.can_retry, shown.can_settle, shown.can_stop) == (
        "failed_compensation",
        "stuck",
        True,
        True,
        False,
    )
    again: sagas.SagaDetail = await world.do(sagas.RetrySaga(saga_id="one", reason="mended"))
    assert (again.saga.state, again.can_retry) == ("compensating", False)
    settled: sagas.SagaDetail = await world.do(sagas.SettleSaga(saga_id="two", reason="by hand"))
    assert (settled.saga.state, settled.settled_by, settled.reason) == ("settled", "ada", "by hand")
    groups = {}
    for group in ("open", "stuck", "ended"):
        page: sagas.SagaPage = await world.ask(sagas.ListSagas(group=group))
        groups[group] = [(one.id, one.state) for one in page.items]
    assert groups == {"open": [("one", "compensating")], "stuck": [], "ended": [("two", "settled")]}
    for command in (sagas.RetrySaga(saga_id="two"), sagas.SettleSaga(saga_id="one", reason="x")):
        with pytest.raises(Conflict):
            await world.do(command)
    audited = [(one.entry.action, one.entry.reason) for one in await world.store.audit()]
    assert ("sagas:operate", "by hand") in audited


async def test_only_what_can_turn_back_is_stopped() -> None:
    """A stop is a signal on a stream of its own; beyond the pivot, and for one that turned, it is refused."""
    world = World()
    await world.saga("free")
    await world.saga("bound", step("bound", 1, "ship", pivot=True))
    await world.saga("turned", facts.RunTurned(run_id="turned", cause="stopped", by="ann"))
    await world.do(sagas.StopSaga(saga_id="free", reason="changed my mind"))
    (sent,) = await world.store.read_stream(facts.signals_of("free"))
    told = world.codec.unwrap(sent)
    assert (told.name, told.by, told.reason) == ("stop", "ada", "changed my mind")
    for name in ("bound", "turned"):
        with pytest.raises(Conflict):
            await world.do(sagas.StopSaga(saga_id=name, reason="x"))
    with pytest.raises(InvalidInput):
        await world.do(sagas.StopSaga(saga_id="free", reason=""))
    with pytest.raises(NotFound):
        await world.do(sagas.StopSaga(saga_id="none", reason="x"))


async def test_a_saga_that_may_come_yet_is_not_said_to_be_absent() -> None:
    """While requests wait to be taken up, an unknown id is answered by "later", never by "there is none"."""
    world = World()
    world.behind = True
    with pytest.raises(Stale):
        await world.do(sagas.StopSaga(saga_id="none", reason="x"))
    await world.saga("free")
    await world.do(sagas.StopSaga(saga_id="free", reason="x"))


async def test_steps_show_their_tries_and_what_was_left() -> None:
    """A step that is tried again says when; a timer under way when the saga turned is left, not undone."""
    world = World()
    now = world.clock.now()
    retried = facts.StepRetried(
        run_id="a", step=0, name="pay", direction="forward", attempt=2, error=FAILURE, due=now
    )
    await world.saga("a", retried)
    shown: sagas.SagaDetail = await world.ask(sagas.GetSaga(saga_id="a"))
    assert (shown.steps[0].state, shown.steps[0].attempts, shown.steps[0].due) == (
        "retrying",
        2,
        rfc3339(now),
    )
    timer = step("b", 1, "pause", kind="timer", compensation=False, detail="2026-03-02T12:00:00Z")
    await world.saga(
        "b",
        facts.StepCompleted(run_id="b", step=0, name="pay", output=None, duration_ms=1.0),
        timer,
        facts.RunTurned(run_id="b", cause="stopped", by="ann"),
        facts.StepCompensated(run_id="b", step=0, name="pay", duration_ms=1.0),
        facts.RunCompensated(run_id="b"),
    )
    shown = await world.ask(sagas.GetSaga(saga_id="b"))
    assert [(one.name, one.state) for one in shown.steps] == [("pay", "undone"), ("pause", "left")]
    assert (shown.saga.state, shown.turned_by) == ("compensated", "ann")


async def test_the_list_pages_and_is_not_for_everybody() -> None:
    """The newest come first, page by page; users may not look."""
    world = World()
    for number in range(5):
        await world.saga(f"s{number}")
    seen: list[str] = []
    cursor = None
    while True:
        page: sagas.SagaPage = await world.ask(sagas.ListSagas(limit=2, cursor=cursor))
        seen += [one.id for one in page.items]
        if (cursor := page.next_cursor) is None:
            break
    assert seen == ["s4", "s3", "s2", "s1", "s0"]
    user = Principal(id="u", kind="user", role="user", user_id="u")
    with pytest.raises(Forbidden):
        await world.dispatcher.ask(sagas.ListSagas(), context_of(user))


async def _nothing(run: Run) -> None:
    """Do nothing."""


def order(*more: Step | Timer | Signal) -> Saga:
    """Return a definition with a compensation, a wait, a pivot and what comes after."""
    pay = Step(name="pay", action=_nothing, compensation=_nothing, timeout_s=7.0, retry=StepRetry(attempts=3))
    ship = Step(name="ship", action=_nothing, pivot=True)
    return Saga("order", (pay, Signal(name="packed", signal="packed", timeout_s=60.0), ship, *more))


def path_of(shown: sagas.SagaDetail) -> list[tuple[str, str]]:
    """Return names and states of the whole way."""
    return [(one.name, one.state) for one in shown.path]


async def test_the_whole_way_is_shown_as_it_was_planned() -> None:
    """What is to come is shown with its bounds, as the definition was when the saga began, not as it is today."""
    world = World(order(Timer(name="later", due=lambda run: run.clock.now())))
    plan = order(Step(name="thank", action=_nothing)).plan
    await world.saga("a", step("a", 1, "packed:due", kind="timer", compensation=False), plan=plan)
    shown: sagas.SagaDetail = await world.ask(sagas.GetSaga(saga_id="a"))
    ahead = [("packed", "to_come"), ("ship", "to_come"), ("thank", "to_come")]
    assert (shown.planned, path_of(shown)) == ("recorded", [("pay", "running"), *ahead])
    pay, packed, ship, _ = shown.path
    assert (pay.number, pay.compensation, pay.timeout_s, pay.attempts, pay.undo_attempts) == (
        0,
        True,
        7.0,
        3,
        10,
    )
    assert (packed.number, packed.kind, packed.timeout_s, packed.attempts) == (None, "signal", 60.0, None)
    assert (ship.pivot, ship.compensation, ship.undo_attempts) == (True, False, None)


async def test_what_a_saga_never_came_to_is_not_to_come() -> None:
    """Once it turned back, the steps ahead are not reached."""
    world = World()
    await world.saga("a", facts.RunTurned(run_id="a", cause="stopped", by="ann"), plan=order().plan)
    shown: sagas.SagaDetail = await world.ask(sagas.GetSaga(saga_id="a"))
    assert path_of(shown) == [("pay", "running"), ("packed", "not_reached"), ("ship", "not_reached")]


async def test_a_saga_without_a_plan_shows_what_is_known() -> None:
    """One from before plans were recorded shows today's definition where that leads on from it, else what it did."""
    world = World(order())
    await world.saga("fits")
    await world.saga("other", step("other", 1, "wrap"))
    shown: sagas.SagaDetail = await world.ask(sagas.GetSaga(saga_id="fits"))
    assert (shown.planned, len(shown.path), shown.path[1].state) == ("today", 3, "to_come")
    shown = await world.ask(sagas.GetSaga(saga_id="other"))
    assert (shown.planned, path_of(shown)) == ("unknown", [("pay", "running"), ("wrap", "running")])
