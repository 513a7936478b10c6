"""Every type of event that was ever stored is read by today's code, from files that are never written again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from autobot.bootstrap.published import EVENTS, STEPS, UPCASTERS
from autobot.kernel.core.ids import Uuid7Source
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.transaction import Recorded
from autobot.testing.messages import Maker
from autobot.testing.virtual_time import FixedChance, ManualClock
from tools.check_openapi import published_files

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests" / "golden" / "events"
FILES = sorted(FOLDER.glob("*.json"))
TODAY = {kind.TYPE: kind for kind in EVENTS}


def stored(path: Path) -> dict[str, Any]:
    """The content of a golden file."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def kept(stored: Any, again: Any) -> Any:
    """What of `again` was stored before, at every depth: a member that came later has its default there."""
    if isinstance(stored, dict) and isinstance(again, dict):
        return {name: kept(stored[name], again[name]) for name in stored if name in again}
    if isinstance(stored, list) and isinstance(again, list) and len(stored) == len(again):
        return [kept(*pair) for pair in zip(stored, again, strict=True)]
    return again


def test_every_type_has_a_golden_file() -> None:
    """Today's types and those that only an upcaster reads have a golden file each, and no file is without a reader."""
    wanted = TODAY.keys() | {one.source for one in STEPS}
    assert {path.stem for path in FILES} == wanted, "run: python -m tests.golden.generate_events"


@pytest.mark.parametrize("path", FILES, ids=lambda one: one.stem)
def test_todays_code_reads_what_was_stored(path: Path) -> None:
    """The codec makes today's class of stored bytes, and what it does not change it gives back as it was."""
    clock = ManualClock()
    codec = EventCodec(
        EVENTS, clock, Uuid7Source(clock, FixedChance()), source="urn:autobot:test", upcast=UPCASTERS
    )
    make = Maker(clock, prefix="golden")
    golden = stored(path)
    for data in golden["data"]:
        message = make.message("stream", data, type=golden["type"])
        event = codec.unwrap(
            Recorded(message=message, stream="stream", revision=0, position=1, payload_hash="")
        )
        assert type(event) in EVENTS
        if golden["type"] == type(event).TYPE:
            again = json.loads(msgspec.json.encode(event))
            assert kept(data, again) == data


@pytest.mark.parametrize("path", FILES, ids=lambda one: one.stem)
def test_the_published_schema_allows_what_was_stored(path: Path) -> None:
    """What the store holds of a type is valid under the schema that others read it by."""
    schema = json.loads((ROOT / "schema" / "messages" / path.name).read_text(encoding="utf-8"))
    check = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    for data in stored(path)["data"]:
        assert [str(one) for one in check.iter_errors(data)] == []
        assert not check.is_valid({**data, "never": "said"}), "the schema is closed"


def test_golden_files_are_never_changed() -> None:
    """A golden file that was published says what an older version wrote: it is as it was, and it is there."""
    published = published_files(FOLDER.relative_to(ROOT).as_posix())
    changed = [path for path, text in published.items() if (ROOT / path).read_text(encoding="utf-8") != text]
    assert changed == []
