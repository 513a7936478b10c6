"""The check of message schemas passes what loses no stored message and names what does."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from autobot.bootstrap import PublishedSchemas
from autobot.testing.schema_files import EARLIER, FOLDER, broken_promises, text_of, wanted_files

Json = dict[str, Any]
NAME = "autobot.notes.note_written.v1"
OLD: Json = {
    "type": "object",
    "title": "NoteWritten",
    "required": ["id", "text"],
    "properties": {
        "id": {"type": "string"},
        "text": {"type": "string"},
        "title": {"type": "string", "default": ""},
    },
    "additionalProperties": False,
}


def code(schema: Json | None, retired: frozenset[str] = frozenset()) -> PublishedSchemas:
    """What the code would export with this schema."""
    return PublishedSchemas(
        today={} if schema is None else {NAME: schema}, mode="backward_transitive", retired=retired
    )


def changed(change: Callable[[Json], Any]) -> Json:
    """The schema after a change."""
    found = deepcopy(OLD)
    change(found)
    return found


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.update(description="Said in other words."),
        lambda s: s["properties"].update(colour={"type": "string", "default": "red"}),
        lambda s: s["required"].remove("text"),
        lambda s: s["properties"].pop("title"),
        lambda s: s["properties"].update(text={"anyOf": [{"type": "string"}, {"type": "null"}]}),
    ],
)
def test_what_reads_all_stored_messages_passes(change: Callable[[Json], Any]) -> None:
    """Words, members with defaults, wider types, and members that nobody reads any more lose nothing."""
    assert broken_promises({NAME: OLD}, {}, code(changed(change))) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda s: s["required"].append("title"),
            f"{NAME}/ (backward, of earlier schema 1): the member 'title'",
        ),
        (lambda s: s["properties"].update(text={"type": "integer"}), f"{NAME}/properties/text (backward"),
        (
            lambda s: (s["properties"].update(by={}), s["required"].append("by")),
            "the member 'by' is required",
        ),
        (lambda s: s["properties"]["text"].update(maxLength=10), "maxLength is 10"),
    ],
)
def test_what_loses_a_stored_message_is_named(change: Callable[[Json], Any], said: str) -> None:
    """A change that stored messages do not survive is named with its type, its place and the reason."""
    (found,) = broken_promises({NAME: OLD}, {}, code(changed(change)))
    assert said in found


def test_a_type_never_goes_without_an_upcaster() -> None:
    """A published type may leave the contracts only when an upcaster reads it."""
    (found,) = broken_promises({NAME: OLD}, {}, code(None))
    assert "upcaster" in found
    assert broken_promises({NAME: OLD}, {}, code(None, frozenset({NAME}))) == []


def test_every_earlier_schema_counts() -> None:
    """A member that was taken out and comes back with another type breaks what was stored long before."""
    first = changed(lambda s: s["properties"].update(size={"type": "integer"}))
    back = changed(lambda s: s["properties"].update(size={"type": "string"}))
    assert broken_promises({NAME: OLD}, {}, code(back)) == []
    (found,) = broken_promises({NAME: OLD}, {NAME: {1: first}}, code(back))
    assert "of earlier schema 1" in found


def test_what_was_published_is_kept() -> None:
    """A schema that changed in meaning stays among the earlier ones, one that changed in words does not."""
    published = {f"{FOLDER}/{NAME}.json": text_of(OLD)}
    new = changed(lambda s: s["properties"].update(colour={"type": "string"}))
    wanted = wanted_files(published, published, code(new))
    assert set(wanted) == {f"{FOLDER}/{NAME}.json", f"{FOLDER}/{EARLIER}/{NAME}.1.json"}
    assert json.loads(wanted[f"{FOLDER}/{EARLIER}/{NAME}.1.json"]) == OLD
    # Written a second time in the same change, nothing more is kept.
    assert wanted_files(wanted, published, code(new)) == wanted
    newer = changed(lambda s: s["properties"].update(colour={"type": "string"}, size={"type": "integer"}))
    assert set(wanted_files(wanted, wanted, code(newer))) == {*wanted, f"{FOLDER}/{EARLIER}/{NAME}.2.json"}
    words = changed(lambda s: s.update(description="Other words."))
    assert set(wanted_files(published, published, code(words))) == set(published)
