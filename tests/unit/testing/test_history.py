"""The judge of histories finds every planted fault and accuses nobody who kept his word."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from autobot.testing.history import Attempt, Entry, History, Kind, judge


def sound(chance: random.Random, clients: int = 4, rounds: int = 12) -> History:
    """Return a history in which every promise was kept: some batches never answered, some of those not made."""
    attempts: list[Attempt] = []
    log: list[Entry] = []
    revisions: dict[str, int] = {}
    for number in range(rounds):
        for client in range(clients):
            stream = f"s{client % 3}"
            ids = tuple(f"{client}-{number}-{one}" for one in range(chance.randint(1, 3)))
            made, answered = chance.random() < 0.9, chance.random() < 0.8
            if made:
                for event_id in ids:
                    revisions[stream] = revisions.get(stream, -1) + 1
                    log.append(
                        Entry(
                            position=len(log) + 1,
                            stream=stream,
                            revision=revisions[stream],
                            event_id=event_id,
                        )
                    )
            position = len(log) if made and answered else None
            attempts.append(Attempt(client=f"c{client}", stream=stream, event_ids=ids, position=position))
    logged = frozenset(one.event_id for one in log)
    effects = {
        stream: [one.event_id for one in log if one.stream == stream]
        for stream in {one.stream for one in log}
    }
    return History(
        attempts=attempts, log=log, parts={"document": logged, "answer": logged}, effects={"group": effects}
    )


def renumbered(log: list[Entry]) -> list[Entry]:
    """Return entries with the positions and revisions of their order."""
    revisions: dict[str, int] = {}
    made = []
    for position, one in enumerate(log, start=1):
        revisions[one.stream] = revisions.get(one.stream, -1) + 1
        made.append(replace(one, position=position, revision=revisions[one.stream]))
    return made


def whole(history: History, log: list[Entry]) -> History:
    """Return a history whose effects and parts follow another log, so that only the log is wrong."""
    ids = frozenset(one.event_id for one in log)
    effects = {
        stream: [one.event_id for one in log if one.stream == stream]
        for stream in {one.stream for one in log}
    }
    return replace(history, log=log, parts=dict.fromkeys(history.parts, ids), effects={"group": effects})


def loses(history: History, chance: random.Random) -> History:
    """Drop a batch that was acknowledged, without a trace."""
    gone = chance.choice([one for one in history.attempts if one.position is not None])
    return whole(history, renumbered([one for one in history.log if one.event_id not in gone.event_ids]))


def doubles(history: History, chance: random.Random) -> History:
    """Write an event a second time at the end."""
    return whole(history, renumbered([*history.log, chance.choice(history.log)]))


def reorders(history: History, chance: random.Random) -> History:
    """Exchange two single batches of one client, which was told nothing of where they are."""
    log = list(history.log)
    client = chance.choice("0123")
    mine = [number for number, one in enumerate(log) if one.event_id.startswith(f"{client}-")]
    one, two = mine[0], mine[-1]
    log[one], log[two] = log[two], log[one]
    unknown = [replace(attempt, position=None) for attempt in history.attempts]
    return whole(replace(history, attempts=unknown), renumbered(log))


def tears(history: History, chance: random.Random) -> History:
    """Drop one event of a batch of several."""
    places = {one.event_id for one in history.log}
    several = [one for one in history.attempts if len(one.event_ids) > 1 and one.event_ids[0] in places]
    gone = chance.choice(several).event_ids[0]
    return whole(history, renumbered([one for one in history.log if one.event_id != gone]))


def tears_parts(history: History, chance: random.Random) -> History:
    """Drop the document of an event."""
    gone = chance.choice(history.log).event_id
    return replace(history, parts={**history.parts, "document": history.parts["document"] - {gone}})


def half_made(history: History, chance: random.Random) -> History:
    """Leave the answer of a batch whose events were never written."""
    return replace(history, parts={**history.parts, "answer": history.parts["answer"] | {"0-999-0"}})


def leaves_a_hole(history: History, chance: random.Random) -> History:
    """Skip a position."""
    place = chance.randrange(len(history.log))
    moved = [replace(one, position=one.position + 1) for one in history.log[place:]]
    attempts = [replace(attempt, position=None) for attempt in history.attempts]
    return replace(history, attempts=attempts, log=[*history.log[:place], *moved])


def tells_another_position(history: History, chance: random.Random) -> History:
    """Acknowledge a place that is not the event's."""
    number = chance.choice([n for n, one in enumerate(history.attempts) if one.position is not None])
    attempts = list(history.attempts)
    attempts[number] = replace(attempts[number], position=(attempts[number].position or 0) + 1)
    return replace(history, attempts=attempts)


def invents(history: History, chance: random.Random) -> History:
    """Write what nobody sent."""
    ghost = Entry(position=len(history.log) + 1, stream="ghost", revision=0, event_id="ghost")
    return whole(history, [*history.log, ghost])


def loses_an_effect(history: History, chance: random.Random) -> History:
    """Handle an event never."""
    effects = {key: list(ids) for key, ids in history.effects["group"].items()}
    ids = chance.choice(list(effects.values()))
    ids.remove(chance.choice(ids))
    return replace(history, effects={"group": effects})


def doubles_an_effect(history: History, chance: random.Random) -> History:
    """Handle an event twice."""
    effects = {key: list(ids) for key, ids in history.effects["group"].items()}
    ids = chance.choice(list(effects.values()))
    ids.append(ids[-1])
    return replace(history, effects={"group": effects})


def reorders_effects(history: History, chance: random.Random) -> History:
    """Handle two events of one key in the wrong order."""
    effects = {key: list(ids) for key, ids in history.effects["group"].items()}
    ids = chance.choice([ids for ids in effects.values() if len(ids) > 1])
    ids[0], ids[-1] = ids[-1], ids[0]
    return replace(history, effects={"group": effects})


PLANTED: list[tuple[Callable[[History, random.Random], History], Kind]] = [
    (loses, "lost"),
    (doubles, "doubled"),
    (reorders, "reordered"),
    (tears, "torn"),
    (tears_parts, "torn"),
    (half_made, "torn"),
    (leaves_a_hole, "gap"),
    (tells_another_position, "moved"),
    (invents, "invented"),
    (loses_an_effect, "lost"),
    (doubles_an_effect, "doubled"),
    (reorders_effects, "reordered"),
]


@pytest.mark.parametrize(("fault", "kind"), PLANTED, ids=lambda one: getattr(one, "__name__", one))
@pytest.mark.parametrize("seed", range(15))
def test_a_planted_fault_is_found_and_named(
    fault: Callable[[History, random.Random], History], kind: Kind, seed: int
) -> None:
    """Each way to break a history is found under its name, whatever the history."""
    chance = random.Random(seed)
    found = judge(fault(sound(chance), chance))
    assert kind in {one.kind for one in found}


@pytest.mark.parametrize("seed", range(60))
def test_a_sound_history_passes(seed: int) -> None:
    """A history in which every promise was kept has no findings, unanswered and unmade batches included."""
    assert judge(sound(random.Random(seed))) == []


def test_what_the_program_wrote_itself_is_nobodys_invention() -> None:
    """Events beside those of clients are no finding, need no parts and no effects; unnamed they are invented."""
    history = sound(random.Random(1))
    own = Entry(position=len(history.log) + 1, stream="own", revision=0, event_id="own")
    mixed = replace(history, log=[*history.log, own])
    assert "invented" in {one.kind for one in judge(mixed)}
    assert judge(replace(mixed, beside=frozenset({"own"}))) == []


def test_what_was_acknowledged_without_a_place_may_not_be_lost() -> None:
    """An answer that says done and not where is a promise too."""
    told = Attempt(client="c", stream="s", event_ids=("gone",), position=None, acknowledged=True)
    assert [one.kind for one in judge(History(attempts=[told], log=[]))] == ["lost"]
    assert judge(History(attempts=[replace(told, acknowledged=False)], log=[])) == []


def test_a_consumer_of_some_events_misses_only_those() -> None:
    """Which events a consumer is for decides what it lacks."""
    history = sound(random.Random(2))
    some, *rest = history.effects["group"]
    effects = {"group": {key: history.effects["group"][key] for key in rest}}
    assert "lost" in {one.kind for one in judge(replace(history, effects=effects))}
    handled = frozenset(one for key in rest for one in history.effects["group"][key])
    assert judge(replace(history, effects=effects, handles={"group": handled})) == []
    wider = handled | set(history.effects["group"][some][:1])
    assert [one.kind for one in judge(replace(history, effects=effects, handles={"group": wider}))] == [
        "lost"
    ]
