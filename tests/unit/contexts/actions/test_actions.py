"""Actions: asked for by name, done once whatever happens, each with its schema and permission."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from autobot.contexts.actions.module import Call, Work, action_run, build, run_starter
from autobot.contexts.actions.process import send_chat_message
from autobot.contracts import actions, chat
from autobot.kernel.commands.authorize import Rule, Verdict
from autobot.kernel.commands.decision import Answer, CommandSpec, Decision, Module
from autobot.kernel.core.context import SYSTEM, CallContext, Principal
from autobot.kernel.core.errors import Absent, AutoBotError, Forbidden, InvalidInput, NotFound
from autobot.kernel.sagas import facts
from autobot.kernel.sagas.engine import RunEngine
from tests.unit.contexts.kit import CHAT_RULES, Ground, context_of, with_scopes

pytestmark = pytest.mark.anyio

ADA = Principal(id="u1", kind="user", role="admin", user_id="u1", username="ada")
EVE = Principal(id="u2", kind="user", role="user", user_id="u2", username="eve")
VIC = Principal(id="u3", kind="user", role="viewer", user_id="u3", username="vic")
RULES = (
    *CHAT_RULES,
    Rule(action="system:read", **dict.fromkeys(("admin", "operator", "user", "viewer"), Verdict.ALLOW)),
    Rule(action="system:operate", admin=Verdict.ALLOW),
    Rule(action="system:diagnose", admin=Verdict.ALLOW),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Session:
    id: str


class World(Ground):
    """Actions with bus, engine and the consumer that starts runs."""

    def __init__(self, work: Mapping[str, Work], seed: int = 1) -> None:
        super().__init__((*actions.EVENTS, *facts.EVENTS), seed)
        self.posted: list[tuple[str, str]] = []
        module = build(
            store=self.store,
            clock=self.clock,
            ids=self.ids,
            work=work,
            allowed=lambda who, what: self.authorizer.verdict(who, what) is not Verdict.DENY,
        )
        self.actions_bus = self.bus([module, self.chat()], RULES)
        self.run = action_run(
            bus=self.actions_bus, store=self.store, codec=self.codec, clock=self.clock, work=work
        )

    def chat(self) -> Module:
        """A chat that notes who posted what."""

        async def create(command: chat.CreateSession, context: CallContext) -> Decision[_Session]:
            return Decision(answer=_Session(id="s1"))

        async def post(command: chat.PostMessage, context: CallContext) -> Decision[chat.Accepted]:
            self.posted.append((context.principal.user_id, command.content))
            return Decision(answer=chat.Accepted(message_id="m1", run_id="r1", reply_id="m2"))

        return Module(
            name="chat",
            commands=(
                CommandSpec(command=chat.CreateSession, action="chat:write", handler=create, answer=_Session),
                CommandSpec(
                    command=chat.PostMessage, action="chat:write", handler=post, answer=chat.Accepted
                ),
            ),
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[RunEngine]:
        """Carry runs, as a process does between its start and its end."""

        async def frame(channel: str, body: dict[str, Any]) -> None:
            return

        engine = RunEngine([self.run], self.store, self.codec, self.clock, frame)
        start = run_starter(self.codec, engine.accept)

        async def consume() -> None:
            async for batch in self.store.subscribe(after=0):
                for one in batch:
                    await start(one)

        async with asyncio.TaskGroup() as group:
            group.create_task(engine.serve())
            consumer = group.create_task(consume())
            await engine.recovered.wait()
            try:
                yield engine
            finally:
                consumer.cancel()
                engine.close()

    async def process(
        self, name: str, principal: Principal = ADA, key: str | None = None, **parameters: Any
    ) -> Answer[Any]:
        """Ask for an action."""
        command = actions.ProcessAction(action_type=name, parameters=parameters)
        return await self.actions_bus.dispatch(command, context_of(principal), key=key)

    async def ended(self, request_id: str, principal: Principal = ADA) -> actions.ActionView:
        """Return an action once it has ended."""
        query = actions.AwaitAction(request_id=request_id, seconds=10)
        view: actions.ActionView = await self.actions_bus.ask(query, context_of(principal))
        return view


class Counted:
    """Work that counts how often it was begun, and the keys of its effects."""

    def __init__(self, result: Any = None) -> None:
        self.keys: list[str] = []
        self.callers: list[Principal] = []
        self.result = result or {"done": True}
        self.begun, self.may_end = asyncio.Event(), asyncio.Event()
        self.may_end.set()

    async def __call__(self, call: Call) -> dict[str, Any]:
        self.keys.append(call.key)
        self.callers.append(call.context.principal)
        self.begun.set()
        await self.may_end.wait()
        if isinstance(self.result, Exception):
            raise self.result
        found: dict[str, Any] = self.result
        return found


async def test_an_action_is_done_with_the_rights_of_who_asked() -> None:
    """The result comes back; the work ran once, as the principal that asked, scopes included."""
    work = Counted()
    world = World({"create_backup": work})
    narrow = with_scopes(ADA, "actions:*", "system:diagnose")
    async with world.running():
        accepted = (await world.process("create_backup", narrow)).value
        view = await world.ended(accepted.request_id, narrow)
    assert (view.status, view.result, view.action_type) == ("completed", {"done": True}, "create_backup")
    assert (view.correlation_id, view.created_at) == ("correlation", "2026-03-01T12:00:00.000000Z")
    assert work.callers == [narrow]


async def test_the_same_key_is_done_once() -> None:
    """A retry with the same key gets the same request; the work ran once."""
    work = Counted()
    world = World({"create_backup": work})
    async with world.running():
        first = await world.process("create_backup", key="backup-key-0123456789")
        await world.ended(first.value.request_id)
        again = await world.process("create_backup", key="backup-key-0123456789")
    assert again.replayed
    assert again.value == first.value
    assert len(work.keys) == 1


async def test_a_crash_repeats_the_work_under_the_same_key() -> None:
    """What a process that is killed during the work leaves behind is done by the next one, under the same key."""
    work = Counted()
    work.may_end.clear()
    before = World({"create_backup": work})
    async with before.running():
        accepted = (await before.process("create_backup")).value
        await work.begun.wait()
        left_behind = copy.deepcopy(before.store._state)
        work.may_end.set()
        await before.ended(accepted.request_id)
    after = World({"create_backup": work}, seed=2)
    after.store._state = left_behind
    async with after.running():
        view = await after.ended(accepted.request_id)
    assert view.status == "completed"
    assert len(work.keys) == 2
    assert len(set(work.keys)) == 1


async def test_an_accepted_action_is_done_by_the_next_start() -> None:
    """An action that was accepted while nothing carried runs is done once something does."""
    work = Counted()
    world = World({"create_backup": work})
    accepted = (await world.process("create_backup")).value
    waiting = await world.actions_bus.ask(
        actions.AwaitAction(request_id=accepted.request_id, seconds=0), context_of(ADA)
    )
    assert (waiting.status, waiting.result) == ("accepted", None)
    async with world.running():
        assert (await world.ended(accepted.request_id)).status == "completed"


async def test_a_failure_of_the_work_is_the_outcome() -> None:
    """An error of the tree is told with code and hint; any other error without its text."""
    for error, code, detail in (
        (
            Absent("disk", "There is no backup folder.", hint="Make one."),
            "absent",
            "There is no backup folder.",
        ),
        (RuntimeError("internal text"), "internal", ""),
    ):
        world = World({"create_backup": Counted(error)})
        async with world.running():
            accepted = (await world.process("create_backup")).value
            view = await world.ended(accepted.request_id)
        assert view.status == "failed"
        assert view.error is not None
        assert view.error.code == code
        assert "internal text" not in repr(view)
        assert not detail or view.error.detail == detail


async def test_a_stopped_action_says_so() -> None:
    """Stopping the run of an action ends it as stopped."""
    work = Counted()
    work.may_end.clear()
    world = World({"create_backup": work})
    async with world.running() as engine:
        accepted = (await world.process("create_backup")).value
        await work.begun.wait()
        engine.stop(accepted.request_id, "u1")
        view = await world.ended(accepted.request_id)
    assert view.status == "stopped"
    assert view.error is not None


async def test_a_chat_message_is_sent_and_its_text_leaves_the_log_of_actions() -> None:
    """The message is posted as its sender; when the action has ended its text stands in the chat alone."""
    world = World({"send_chat_message": send_chat_message})
    async with world.running():
        accepted = (await world.process("send_chat_message", EVE, content="my private words")).value
        view = await world.ended(accepted.request_id, EVE)
    assert view.result == {"session_id": "s1", "message_id": "m1", "reply_id": "m2", "run_id": "r1"}
    assert world.posted == [("u2", "my private words")]
    assert "my private words" not in await world.everything_stored()


async def test_nobody_sees_anothers_action() -> None:
    """Another user's action looks as if it did not exist, for administrators too."""
    world = World({"create_backup": Counted(), "send_chat_message": send_chat_message})
    accepted = (await world.process("send_chat_message", EVE, content="x")).value
    for query in (
        actions.GetAction(request_id=accepted.request_id),
        actions.AwaitAction(request_id=accepted.request_id, seconds=0),
        actions.GetAction(request_id="nothing"),
    ):
        with pytest.raises(NotFound):
            await world.actions_bus.ask(query, context_of(ADA))


async def test_the_type_needs_its_own_permission() -> None:
    """`actions:process` alone does nothing: role and scopes must allow what the type does."""
    world = World({"create_backup": Counted(), "send_chat_message": send_chat_message})
    for principal, name in (
        (EVE, "create_backup"),
        (VIC, "send_chat_message"),
        (with_scopes(ADA, "actions:*"), "create_backup"),
        (with_scopes(ADA, "system:*"), "create_backup"),
    ):
        with pytest.raises(Forbidden):
            await world.process(name, principal, content="x")
    assert await world.store.head() == 0


async def test_lists_show_what_one_may_ask_for() -> None:
    """Types are listed by permission; one whose part is not here says so and how to do it instead."""
    world = World({"send_chat_message": send_chat_message})

    async def listed(principal: Principal) -> dict[str, str]:
        page = await world.actions_bus.ask(actions.ListActionTypes(), context_of(principal))
        return {one.name: one.state for one in page.items}

    assert await listed(EVE) == {"send_chat_message": "ready", "run_diagnostics": "absent"}
    assert (await listed(ADA))["create_backup"] == "absent"
    with pytest.raises(Absent) as caught:
        await world.process("create_backup")
    assert caught.value.hint


@pytest.mark.parametrize(
    ("parameters", "pointer"),
    [
        ({}, "#/parameters/content"),
        ({"content": ""}, "#/parameters/content"),
        ({"content": 5}, "#/parameters/content"),
        ({"content": "x", "session_id": "../x"}, "#/parameters/session_id"),
        ({"content": "x", "extra": 1}, "#/parameters/extra"),
        ({"content": "x", "a/b~c": 1}, "#/parameters/a~1b~0c"),
    ],
)
async def test_parameters_are_checked_by_the_types_contract(parameters: dict[str, Any], pointer: str) -> None:
    """Missing, wrong and unknown parameters are refused with a pointer, and nothing is asked for."""
    world = World({"send_chat_message": send_chat_message})
    with pytest.raises(InvalidInput) as caught:
        await world.process("send_chat_message", **parameters)
    assert [one.pointer for one in caught.value.errors] == [pointer]
    assert await world.store.head() == 0


@pytest.mark.parametrize(
    "bad",
    [{"action_type": "no-dash"}, {"action_type": "x" * 51}, {"action_type": "unknown"}, {"priority": 0}],
)
async def test_the_request_itself_is_checked(bad: dict[str, Any]) -> None:
    """Names outside their form, unknown types and priorities outside 1 to 5 are refused."""
    world = World({"send_chat_message": send_chat_message})
    command = actions.ProcessAction(
        **{"action_type": "send_chat_message", "parameters": {"content": "x"}, **bad}
    )
    with pytest.raises(InvalidInput):
        await world.actions_bus.dispatch(command, context_of(ADA))


async def test_an_outcome_is_recorded_once_and_by_the_product_alone() -> None:
    """A second outcome changes nothing, and no user can record one."""
    world = World({"create_backup": Counted()})
    accepted = (await world.process("create_backup")).value
    record = actions.RecordAction(request_id=accepted.request_id, status="completed", result={"a": 1})
    for principal in (ADA, EVE, VIC):
        with pytest.raises(AutoBotError):
            await world.actions_bus.dispatch(record, context_of(principal))
    await world.actions_bus.dispatch(record, context_of(SYSTEM))
    other = actions.RecordAction(request_id=accepted.request_id, status="failed")
    await world.actions_bus.dispatch(other, context_of(SYSTEM))
    assert (await world.ended(accepted.request_id)).result == {"a": 1}
