"""Whatever is changed in the audit chain is found, at its place."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autobot.kernel.core.errors import DataCorrupt
from autobot.kernel.event_store.audit_chain import GENESIS, body, link, parse, verify
from autobot.kernel.event_store.transaction import AuditEntry, AuditRecord

ENTRY = AuditEntry(
    id="1",
    time=datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
    principal="ann",
    tenant="default",
    action="chat:post",
    object="chat-1",
    outcome="accepted",
    payload_hash="ab" * 32,
    correlation_id="c",
    client="127.0.0.1",
    reason="grüße",
    count=3,
)


def chain(length: int) -> list[AuditRecord]:
    """Return a sound chain."""
    records: list[AuditRecord] = []
    for number in range(length):
        previous = records[-1].hash if records else GENESIS
        entry, hashes = replace(ENTRY, id=str(number)), ("cd" * 32,) * (number % 3)
        records.append(
            AuditRecord(
                sequence=number + 1,
                entry=entry,
                event_hashes=hashes,
                previous=previous,
                hash=link(previous, entry, hashes),
            )
        )
    return records


def test_the_bytes_of_a_record_never_change() -> None:
    """This hash was written by the first version; records that carry it must verify for ever."""
    assert (
        link(GENESIS, ENTRY, ("cd" * 32,))
        == "b8fe4d0f42b66d4b2af53fd1c6accc8fd3fc616d941b568bdac94b240d964b4e"
    )


def test_a_whole_chain_verifies_in_pieces() -> None:
    """A chain verifies whole, and piece by piece from where the last one ended."""
    records = chain(10)
    assert verify(records) == (records[-1].hash, 10, None)
    last, sequence, broken = verify(records[:4])
    assert broken is None
    assert verify(records[4:], last, sequence) == (records[-1].hash, 10, None)
    assert verify([]) == (GENESIS, 0, None)


@given(st.integers(0, 9), st.sampled_from(["entry", "hashes", "hash", "previous", "drop", "swap", "double"]))
def test_every_change_is_found_at_its_place(place: int, change: str) -> None:
    """A record changed, dropped, moved or doubled breaks the chain there, and the reason says how."""
    records = chain(11)
    one = records[place]
    match change:
        case "entry":
            records[place] = replace(one, entry=replace(one.entry, principal="eve"))
        case "hashes":
            records[place] = replace(one, event_hashes=("00" * 32,))
        case "hash":
            records[place] = replace(one, hash="0" * 64)
        case "previous":
            records[place] = replace(one, previous="1" * 64)
        case "drop":
            del records[place]
        case "swap":
            records[place], records[place + 1] = records[place + 1], one
        case "double":
            records.insert(place, one)
    _, _, broken = verify(records)
    assert broken is not None
    assert broken.sequence == place + 1 + (change == "double")
    assert broken.reason


def test_consistent_forgery_breaks_at_the_next_record() -> None:
    """Who changes a record and recomputes its hash is found at the record after it."""
    records = chain(5)
    forged = replace(records[2].entry, object="other")
    records[2] = replace(
        records[2], entry=forged, hash=link(records[2].previous, forged, records[2].event_hashes)
    )
    broken = verify(records)[2]
    assert broken is not None
    assert broken.sequence == 4


@given(
    st.builds(
        AuditEntry,
        id=st.text(),
        time=st.datetimes(timezones=st.just(UTC)),
        principal=st.text(),
        tenant=st.text(),
        action=st.text(),
        object=st.text(),
        outcome=st.text(),
        payload_hash=st.text(),
        correlation_id=st.text(),
        client=st.text(),
        reason=st.text(),
        count=st.integers(0, 2**53),
    ),
    st.lists(st.binary(min_size=32, max_size=32)),
)
def test_a_body_is_read_back(entry: AuditEntry, hashes: list[bytes]) -> None:
    """The bytes that the chain covers hold the whole record."""
    stored = body(entry, tuple(hashes))
    again, hexes = parse(stored)
    assert (again, hexes) == (entry, tuple(one.hex() for one in hashes))
    assert body(again, tuple(hashes)) == stored


def test_the_same_moment_in_another_zone_is_the_same_record() -> None:
    """The hash speaks of the moment, not of how its zone was written."""
    there = ENTRY.time.astimezone(timezone(timedelta(hours=5)))
    assert link(GENESIS, replace(ENTRY, time=there), ()) == link(GENESIS, ENTRY, ())


def test_bytes_that_are_no_record_are_corrupt() -> None:
    """Damaged bytes raise DataCorrupt."""
    for stored in (b"", b"\x90", body(ENTRY, ())[:-1], b"{}"):
        with pytest.raises(DataCorrupt):
            parse(stored)
