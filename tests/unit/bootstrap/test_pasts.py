"""Read models that are folded from the log when somebody asks: what each says of a moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from autobot.bootstrap.history import projections
from autobot.bootstrap.published import EVENTS, UPCASTERS
from autobot.contracts import actions, identity, messaging, read_models, replays, roles, schemas
from autobot.kernel.core.failure import Failure
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.past import Past
from autobot.kernel.event_store.transaction import ANY, Append, Erase, Transaction
from autobot.kernel.sagas import facts
from tests.unit.contexts.kit import Ground, context_of

pytestmark = pytest.mark.anyio
BY = {"id": "u-ann", "user_id": "ann", "username": "ann", "kind": "user", "role": "admin", "scopes": []}
FAILURE = Failure(code="connection-lost", detail="It went away.", correlation_id="c")
Rows = dict[str, dict[str, Any]]


class Log(Ground):
    """A log, and what its read models were."""

    def __init__(self) -> None:
        super().__init__(EVENTS)
        self.codec = EventCodec(EVENTS, self.clock, self.ids, source="/test", upcast=UPCASTERS)
        self.past = Past(self.store, projections(self.codec))

    async def told(self, stream: str, *events: Any) -> int:
        """Append facts; return the end of the log."""
        messages = tuple(self.codec.wrap(one, stream, context_of()) for one in events)
        await self.store.commit(Transaction(appends=(Append(stream=stream, expected=ANY, events=messages),)))
        return await self.store.head()

    async def rows(self, name: str, position: int | None = None) -> Rows:
        """Return a read model's first table at a position, or now."""
        at = await self.store.head() if position is None else position
        tables = await self.past.tables(name, at)
        table = self.past.projections[name].tables[0]
        return {key: dict(one.document) for key, one in tables.rows(table).items()}


def started(run: str, definition: str, *plan: facts.PlannedStep) -> facts.RunStarted:
    """Return the beginning of a run."""
    return facts.RunStarted(
        run_id=run,
        definition=definition,
        owner="ann",
        serial_key=run,
        input={"order": "o1"},
        principal={},
        plan=plan,
    )


def step(run: str, name: str, kind: str = "saga") -> facts.StepStarted:
    """Return the beginning of a step."""
    return facts.StepStarted(run_id=run, step=0, name=name, kind=kind, input_hash="h", resumable=True)


async def test_sagas_were_where_their_facts_left_them() -> None:
    """A saga is shown with its steps and state of that moment; runs that are none stand in a read model of their own."""
    log = Log()
    pay = facts.PlannedStep(name="pay", kind="saga", compensation=True)
    began = await log.told("run-s1", started("s1", "order", pay), step("s1", "pay"))
    await log.told("run-old", started("old", "user-removal"), step("old", "requested"))
    await log.told("run-r1", started("r1", "chat-reply"), step("r1", "answer", "model"))
    await log.told("run-s1", facts.RunTurned(run_id="s1", cause="failed", error=FAILURE))
    await log.told("run-s1", facts.RunCompensated(run_id="s1"))
    await log.told("run-r1", facts.RunFailed(run_id="r1", error=FAILURE))
    then, now = await log.rows("sagas", began), await log.rows("sagas")
    assert (then["s1"]["state"], now["s1"]["state"], set(now)) == ("running", "compensated", {"s1", "old"})
    assert then["s1"]["steps"][0]["name"] == "pay"
    runs = await log.rows("runs")
    assert (set(runs), runs["r1"]["state"], runs["r1"]["error"]["code"]) == (
        {"r1"},
        "failed",
        "connection-lost",
    )


async def test_keys_go_with_their_user() -> None:
    """A revoked key was there before, without its name; all keys of a removed user go, also once the log is blanked."""
    log = Log()
    for key, user in (("k1", "ann"), ("k2", "ann"), ("k3", "bob")):
        made = identity.KeyCreated(
            key_id=key, user_id=user, name="heron", prefix="ab_x", scopes=("chat:read",), expires_at=None
        )
        await log.told(f"key-{key}", made)
    before = await log.told("user-ann", identity.RoleChanged(user_id="ann", role="viewer"))
    await log.told("key-k1", identity.KeyRevoked(key_id="k1", user_id="ann"))
    assert (set(await log.rows("keys", before)), set(await log.rows("keys"))) == (
        {"k1", "k2", "k3"},
        {"k2", "k3"},
    )
    assert (await log.rows("keys"))["k2"] == {
        "user_id": "ann", "prefix": "ab_x", "scopes": ["chat:read"], "expires_at": None
    }  # fmt: skip
    await log.told("user-ann", identity.UserRemoved(user_id="ann"))
    assert set(await log.rows("keys")) == {"k3"}
    await log.store.commit(Transaction(erase=(Erase(stream="user-ann", reason="user removed"),)))
    log.past.forget()
    assert set(await log.rows("keys")) == {"k3"}


async def test_actions_hold_nobodys_text() -> None:
    """An action shows who asked for what kind and how it ended; parameters and results stay out, and what was erased."""
    log = Log()
    asked = actions.ActionRequested(
        request_id="a", action_type="backup", parameters={"text": "heron"}, principal=BY
    )
    before = await log.told("action-a", asked)
    done = actions.ActionEnded(
        request_id="a", action_type="backup", status="completed", result={"text": "heron"}
    )
    await log.told("action-a", done)
    assert (await log.rows("actions", before))["a"] == {
        "action_type": "backup", "status": "accepted", "owner": "ann"
    }  # fmt: skip
    assert (await log.rows("actions"))["a"]["status"] == "completed"
    assert "heron" not in str(await log.rows("actions"))
    erase = Erase(stream="action-a", types=(actions.ActionRequested.TYPE,), reason="the action ended")
    await log.store.commit(Transaction(erase=(erase,)))
    log.past.forget()
    assert "owner" not in (await log.rows("actions"))["a"]


def held(log: Log) -> tuple[str, list[Any], list[Any]]:
    """Groups: held, then not."""
    word = {"group": "mail", "reason": "broken", "by": "ann"}
    return (
        "consumer-mail",
        [messaging.ConsumerHeld(**word), messaging.ConsumerReleased(**word)],
        [{"state": "held", "reason": "broken", "by": "ann"}, None],
    )


def letters(log: Log) -> tuple[str, list[Any], list[Any]]:
    """Dead letters: the last decision on one."""
    one = {"letter": "l1", "group": "mail", "event_id": "e1", "by": "ann"}
    shown = {"group": "mail", "event_id": "e1", "by": "ann"}
    return (
        "dead-letter-l1",
        [
            messaging.DeadLetterReplayed(**one, replay="r1"),
            messaging.DeadLetterEdited(**one, copy_id="c1", reason="typo"),
            messaging.DeadLetterDiscarded(**one, reason="too old"),
        ],
        [
            {**shown, "decision": "replayed", "replay": "r1"},
            {**shown, "decision": "edited", "copy_id": "c1", "reason": "typo"},
            {**shown, "decision": "discarded", "reason": "too old"},
        ],
    )


def replayed(log: Log) -> tuple[str, list[Any], list[Any]]:
    """Replays: asked for, stopped, over."""
    stopping = {"status": "accepted", "asked_by": "ann", "stopped_by": "bob"}
    return (
        "replay-r1",
        [
            replays.ReplayRequested(replay="r1", principal=BY),
            replays.ReplayStopAsked(replay="r1", by="bob"),
            replays.ReplayEnded(replay="r1", status="stopped", replayed=3, failed=1),
        ],
        [
            {"status": "accepted", "asked_by": "ann"},
            stopping,
            {**stopping, "status": "stopped", "replayed": 3, "failed": 1},
        ],
    )


def registered(log: Log) -> tuple[str, list[Any], list[Any]]:
    """Schemas: a type with one version, then two."""

    def version(number: int, by: str) -> schemas.SchemaRegistered:
        return schemas.SchemaRegistered(
            type="acme.order", version=number, compatibility="full", schema={"title": str(number)}, by=by
        )

    first = {"compatibility": "full", "versions": {"1": {"title": "1"}}, "by": "ann"}
    both = {"1": {"title": "1"}, "2": {"title": "2"}}
    return (
        "schema-acme.order",
        [version(1, "ann"), version(2, "bob")],
        [first, {**first, "versions": both, "by": "bob"}],
    )


def processes(log: Log) -> tuple[str, list[Any], list[Any]]:
    """Roles: there, draining, lost, back in another life, gone; a word on an earlier life changes nothing."""

    def joined(epoch: int) -> roles.RoleJoined:
        return roles.RoleJoined(
            instance="ai-1", epoch=epoch, role="ai", address="http://127.0.0.1:1", version="1", contracts="m"
        )

    shown = {"role": "ai", "address": "http://127.0.0.1:1", "version": "1", "contracts": "m"}
    live = {**shown, "epoch": 1, "state": "live"}
    drained = {**live, "state": "draining", "by": "ann", "reason": "move"}
    again = {**shown, "epoch": 2, "state": "live"}
    return (
        "role-ai-1",
        [
            joined(1),
            roles.RoleDraining(instance="ai-1", epoch=1, by="ann", reason="move"),
            roles.RoleLost(instance="ai-1", epoch=1),
            joined(2),
            roles.RoleLost(instance="ai-1", epoch=1),
            roles.RoleLeft(instance="ai-1", epoch=2),
        ],
        [live, drained, {**drained, "state": "lost"}, again, again, None],
    )


def changed(log: Log) -> tuple[str, list[Any], list[Any]]:
    """Changes of read models: the last one of each."""
    asked = {"act": "rebuild", "status": "accepted", "reason": "look", "asked_by": "ann"}
    return (
        "read-model-chat",
        [
            read_models.ReadModelChangeRequested(
                change="c", name="chat", act="rebuild", reason="look", principal=BY
            ),
            read_models.ReadModelChangeEnded(change="c", name="chat", act="rebuild", status="completed"),
        ],
        [asked, {**asked, "status": "completed"}],
    )


@pytest.mark.parametrize(
    ("name", "story"),
    [
        ("consumers", held),
        ("dead_letters", letters),
        ("replays", replayed),
        ("schemas", registered),
        ("roles", processes),
        ("read_model_changes", changed),
    ],
)
async def test_each_moment_shows_what_was_written_until_then(
    name: str, story: Callable[[Log], tuple[str, list[Any], list[Any]]]
) -> None:
    """After each fact the one document is what the facts so far make of it, and gone where they took it away."""
    log = Log()
    stream, events, expected = story(log)
    positions = [await log.told(stream, one) for one in events]
    found = [list((await log.rows(name, at)).values()) for at in positions]
    assert found == [[] if one is None else [one] for one in expected]
