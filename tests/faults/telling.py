"""Puts what clients were told and what the log and the views hold into the words of the judges of histories."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from autobot.testing.history import Attempt, Entry, History, judge
from autobot.testing.history_linear import judge_linear, register
from autobot.testing.history_sagas import Fact, Told, What, judge_sagas
from tests.faults.asking import Acknowledged, Notes
from tests.faults.writing import SETTING, Removal

SETTINGS_STREAM: Final = f"settings-{SETTING.rpartition('/')[2]}"
FACTS: Final[Mapping[str, What]] = {
    "run_started": "started",
    "step_started": "step_started",
    "step_completed": "step_completed",
    "step_failed": "step_failed",
    "run_turned": "turned",
    "step_compensated": "step_compensated",
    "run_completed": "completed",
    "run_compensated": "compensated",
    "run_settled": "settled",
}


def findings_of_log(
    log: Sequence[Any],
    everybody: Sequence[Notes],
    removals: Sequence[Removal],
    views: Mapping[str, Sequence[str]],
    letters: Sequence[Any],
) -> list[str]:
    """Return what the judges of histories find. `views` are the messages shown of each chat, `letters` the dead letters."""
    found = [
        *judge(history_of(log, everybody, removals, views, letters)),
        *judge_linear({SETTING: [one for notes in everybody for one in notes.settings]}, register, ("",)),
        *judge_sagas([saga_of(log, one) for one in removals]),
    ]
    return [f"{one.kind}: {one.detail}" for one in found]


def history_of(
    log: Sequence[Any],
    everybody: Sequence[Notes],
    removals: Sequence[Removal],
    views: Mapping[str, Sequence[str]],
    letters: Sequence[Any],
) -> History:
    """Return the history of all that programs said, changed and posted; chats that are gone are left out."""
    deleted = {f"chat-{one}" for notes in everybody for one in notes.deleted}
    theirs = {f"chat-{session}" for one in removals for session in one.sessions}
    names = _Names(deleted | theirs)
    entries = [
        Entry(
            position=one["position"],
            stream=one["stream"],
            revision=one["revision"],
            event_id=names.of(one),
        )
        for one in log
    ]
    streams = {one.event_id: one.stream for one in entries}
    attempts = [
        _attempt(notes.name, one, streams, deleted) for notes in everybody for one in notes.acknowledged
    ]
    asked = frozenset(names.asked.values())
    cloud = frozenset(one for one in streams if one.startswith("cloud:"))
    said = frozenset(
        one for one, stream in streams.items() if one.startswith("said:") and stream not in theirs
    )
    return History(
        attempts=[one for one in attempts if one is not None],
        log=entries,
        beside=frozenset(names.beside),
        effects={
            "runs": names.effects(log, "autobot.runs.run_started.v1", "serial_key"),
            "replies": names.effects(log, "autobot.chat.reply_recorded.v1", "run_id"),
            "dead letters": _grouped(
                (str(one["key"]), names.at[one["position"]]) for one in letters if one["position"] in names.at
            ),
            "views": {one: [f"said:{text}" for text in shown] for one, shown in views.items()},
        },
        handles={"runs": asked, "replies": asked, "dead letters": cloud, "views": said},
    )


class _Names:
    """Gives each event the name under which a client knows it, or its own id when no client sent it."""

    def __init__(self, gone: set[str]) -> None:
        self._gone = gone
        self._said: dict[str, str] = {}
        self.asked: dict[str, str] = {}
        """Run id → the name of the request for its reply."""
        self.at: dict[int, str] = {}
        self.beside: set[str] = set()

    def of(self, event: Any) -> str:
        """Return an event's name."""
        name = None if event["stream"] in self._gone else self._known(event, event.get("data") or {})
        if name is None:
            name = f"{event['source']}#{event['id']}"
            self.beside.add(name)
        self.at[event["position"]] = name
        return name

    def _known(self, event: Any, data: Any) -> str | None:
        if event["source"] == "/soak":
            return f"cloud:{event['id']}"
        match event["type"]:
            case "autobot.chat.message_posted.v1":
                self._said[data["message_id"]] = data["content"]
                return f"said:{data['content']}"
            case "autobot.chat.reply_requested.v1":
                name = f"asked:{self._said.get(data['parent_id'], data['parent_id'])}"
                self.asked[data["run_id"]] = name
                return name
            case "autobot.chat.session_created.v1":
                return f"begun:{event['stream']}"
            case "autobot.chat.session_changed.v1":
                return f"renamed:{data['title']}"
            case "autobot.settings.setting_changed.v1" if event["stream"] == SETTINGS_STREAM:
                return f"set:{data['reason']}"
        return None

    def effects(self, log: Sequence[Any], kind: str, key: str) -> Mapping[str, list[str]]:
        """Return the requests whose run has a fact of this kind, in the order of these facts, by a member of theirs."""
        pairs = []
        for one in log:
            run = (one.get("data") or {}).get("run_id") if one["type"] == kind else None
            if run in self.asked:
                pairs.append((str(one["data"][key]), self.asked[run]))
        return _grouped(pairs)


def _grouped(pairs: Iterator[tuple[str, str]] | Sequence[tuple[str, str]]) -> Mapping[str, list[str]]:
    made: dict[str, list[str]] = defaultdict(list)
    for key, name in pairs:
        made[key].append(name)
    return made


def _attempt(client: str, one: Acknowledged, streams: Mapping[str, str], deleted: set[str]) -> Attempt | None:
    """Return what was acknowledged as an attempt; None for what leaves nothing that can be looked for."""
    ids: tuple[str, ...]
    stream = f"chat-{one.session}"
    match one.kind:
        case "message":
            ids = (f"said:{one.body['content']}", f"asked:{one.body['content']}")
        case "rename":
            ids = (f"renamed:{one.body['title']}",)
        case "chat":
            stream = f"chat-{one.answer['id']}"
            ids = (f"begun:{stream}",)
        case "setting":
            ids, stream = (f"set:{one.body['reason']}",), SETTINGS_STREAM
        case "event":
            ids = (f"cloud:{one.body['id']}",)
            stream = streams.get(ids[0], "")
        case _:
            return None
    if stream in deleted:
        return None
    return Attempt(client=client, stream=stream, event_ids=ids, position=one.position, acknowledged=True)


def saga_of(log: Sequence[Any], removal: Removal) -> Told:
    """Return a removal with its facts, and what it did to the user and their chats."""
    run = removal.saga.rpartition("/")[2]
    facts, left = [], dict[str, int]()
    for one in log:
        word = one["type"].rpartition(".v")[0].rpartition(".")[2]
        data = one.get("data") or {}
        if one["stream"] == f"run-{run}" and word in FACTS:
            facts.append(
                Fact(
                    what=FACTS[word],
                    step=data.get("step", -1),
                    compensated_by=data.get("compensation", False),
                    pivot=data.get("pivot", False),
                )
            )
        effect = {
            (f"user-{removal.user_id}", "user_removed"): "removed",
            (f"user-{removal.user_id}", "user_kept"): "kept",
        }.get((one["stream"], word))
        if word == "session_deleted" and one["stream"].removeprefix("chat-") in removal.sessions:
            effect = f"deleted {one['stream']}"
        if effect:
            left[effect] = left.get(effect, 0) + 1
    gone = frozenset({"removed", *(f"deleted chat-{one}" for one in removal.sessions)})
    return Told(
        saga=f"the removal of {removal.username}",
        facts=facts,
        wanted=gone,
        undone=frozenset({"kept"}),
        left=left,
    )
