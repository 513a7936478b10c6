"""Events of an earlier version: what was stored then says today what it would say if it were stored now."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autobot.bootstrap.published import EVENTS
from autobot.contexts.system.module import build
from autobot.contracts import system
from autobot.kernel.core.errors import NotFound
from autobot.kernel.core.failure import Failure
from autobot.kernel.event_store.codec import EventCodec, UnknownType
from autobot.kernel.event_store.transaction import ANY, Append, Erase, Recorded, Transaction
from autobot.kernel.sagas import facts
from autobot.kernel.sagas.earlier import ALL_TYPES, END_TYPES, INTERRUPTED
from autobot.kernel.sagas.history import fold
from tests.unit.bootstrap.test_pasts import Log, started, step
from tests.unit.contexts.kit import context_of

pytestmark = pytest.mark.anyio
GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "events"
REASON = "AutoBot was restarted while this was being written."
CAUSE = Failure(code="interrupted", detail=REASON, correlation_id="")


async def interrupted(log: Log, *, by_version: int) -> None:
    """Write a run that was cut off, as a version of the fact says it."""
    await log.told("run-r1", started("r1", "chat-reply"), step("r1", "answer", "model"))
    if by_version == 2:
        await log.told("run-r1", facts.RunInterrupted(run_id="r1", error=CAUSE, message_id="m1"))
        return
    message = log.codec.wrap(facts.RunStopped(run_id="r1", by=""), "run-r1", context_of())
    data = {"run_id": "r1", "reason": REASON, "message_id": "m1"}
    old = replace(message, type=INTERRUPTED, data=json.dumps(data).encode())
    await log.store.commit(Transaction(appends=(Append(stream="run-r1", expected=ANY, events=(old,)),)))


async def test_a_history_of_either_version_gives_the_same() -> None:
    """Read model, the engine's own fold and the end that streams wait for are the same for both versions of a fact."""
    found: list[Any] = []
    for version in (1, 2):
        log = Log()
        await interrupted(log, by_version=version)
        recorded = await log.store.read_stream("run-r1")
        history = fold(log.codec.unwrap(one) for one in recorded)
        found.append((await log.rows("runs"), history.end, recorded[-1].message.type in END_TYPES))
    assert found[0] == found[1]
    assert found[0][0]["r1"]["error"] == {
        "code": "interrupted", "detail": REASON, "correlation_id": "", "hint": None, "link": None, "target": None
    }  # fmt: skip
    assert found[0][1:] == (facts.RunInterrupted(run_id="r1", error=CAUSE, message_id="m1"), True)


def test_every_stored_type_of_a_run_is_asked_for() -> None:
    """Who reads runs asks for retired types, too: each golden file of a run's fact is among them."""
    stored = {path.stem for path in GOLDEN.glob("autobot.runs.*.json")}
    assert stored == set(ALL_TYPES)


async def test_an_older_version_skips_what_it_does_not_know() -> None:
    """A codec without the second version takes its events as unknown: its folds pass over them."""
    log = Log()
    await interrupted(log, by_version=2)
    then = [one for one in EVENTS if one is not facts.RunInterrupted]
    old = EventCodec(then, log.clock, log.ids, source="urn:autobot:test")
    recorded: list[Recorded] = list(await log.store.read_stream("run-r1"))
    assert isinstance(old.unwrap(recorded[-1]), UnknownType)
    assert fold(old.unwrap(one) for one in recorded).end is None


async def test_an_event_is_shown_as_stored_and_as_read() -> None:
    """The log keeps type and bytes of an old event; asked for today's reading it says both types and the new shape."""
    log = Log()
    await interrupted(log, by_version=1)
    unused: Any = None  # What only other queries of the context ask.
    bus = log.bus([build(log.store, log.codec, unused, unused, unused, unused)], rules=())
    shown: system.EventRead = await bus.ask(system.ReadEvent(position=3), context_of())
    assert (shown.stored_type, shown.type, shown.upcast) == (INTERRUPTED, facts.RunInterrupted.TYPE, True)
    assert shown.data == {
        "run_id": "r1", "message_id": "m1", "error": {"code": "interrupted", "detail": REASON, "correlation_id": ""}
    }  # fmt: skip
    stored = (await log.store.read_stream("run-r1"))[-1].message
    assert (stored.type, json.loads(stored.data)["reason"]) == (INTERRUPTED, REASON)
    young: system.EventRead = await bus.ask(system.ReadEvent(position=1), context_of())
    assert (young.upcast, young.type) == (False, facts.RunStarted.TYPE)
    with pytest.raises(NotFound):
        await bus.ask(system.ReadEvent(position=4), context_of())
    await log.store.commit(Transaction(erase=(Erase(stream="run-r1", reason="asked"),)))
    blank: system.EventRead = await bus.ask(system.ReadEvent(position=3), context_of())
    assert (blank.erased, blank.upcast, blank.data) == (True, False, None)
