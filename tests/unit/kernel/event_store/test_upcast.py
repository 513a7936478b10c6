"""Old events are read in today's shape."""

from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from autobot.kernel.core.errors import DataCorrupt
from autobot.kernel.core.message import Message
from autobot.kernel.event_store.codec import EventCodec, UnknownType
from autobot.kernel.event_store.transaction import Recorded
from autobot.kernel.event_store.upcast import Upcaster, Upcasters
from autobot.testing.virtual_time import ManualClock


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamed:
    """The third shape of a fact that was first called `named`."""

    TYPE: ClassVar[str] = "autobot.test.renamed.v1"
    first: str
    last: str


def split(data: dict[str, Any]) -> dict[str, Any]:
    """Make two names of one."""
    first, _, last = data.pop("name").partition(" ")
    return {"first": first, "last": last, **data}


STEPS = (
    Upcaster(
        source="autobot.test.named.v1",
        target="autobot.test.named.v2",
        change=lambda data: {"name": data["n"]},
    ),
    Upcaster(source="autobot.test.named.v2", target="autobot.test.renamed.v1", change=split),
)


class Ids:
    """Ids that nobody reads."""

    def new(self) -> str:
        return "id"


def stored(kind: str, data: bytes) -> Recorded:
    """Return an event as the store gives it."""
    message = Message(
        id="1",
        source="s",
        type=kind,
        time=ManualClock().now(),
        subject="x",
        data=data,
        correlation_id="c",
    )
    return Recorded(message=message, stream="x", revision=0, position=1, payload_hash="")


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("autobot.test.named.v1", b'{"n":"Ada Lovelace"}'),
        ("autobot.test.named.v2", b'{"name":"Ada Lovelace"}'),
        ("autobot.test.renamed.v1", b'{"first":"Ada","last":"Lovelace"}'),
    ],
)
def test_every_stored_version_becomes_todays(kind: str, data: bytes) -> None:
    """Each version that was ever stored decodes to the same event, through as many steps as it needs."""
    codec = EventCodec((Renamed,), ManualClock(), Ids(), source="s", upcast=Upcasters(STEPS))
    assert codec.unwrap(stored(kind, data)) == Renamed(first="Ada", last="Lovelace")


def test_what_needs_no_step_is_not_touched() -> None:
    """Data of a type without a step comes back as the very same bytes, readable or not."""
    data = b"not even json"
    assert Upcasters(STEPS)("autobot.test.other.v1", data) == ("autobot.test.other.v1", data)
    assert Upcasters(STEPS).sources == {"autobot.test.named.v1", "autobot.test.named.v2"}


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"n":1}', b"{"])
def test_data_that_no_step_can_take_is_corrupt(data: bytes) -> None:
    """A step that fails raises DataCorrupt, never a foreign error."""
    codec = EventCodec((Renamed,), ManualClock(), Ids(), source="s", upcast=Upcasters(STEPS))
    with pytest.raises(DataCorrupt):
        codec.unwrap(stored("autobot.test.named.v1", data))


def test_a_newer_type_is_unknown_not_a_crash() -> None:
    """An event of a version that this code does not know is told as such."""
    codec = EventCodec((Renamed,), ManualClock(), Ids(), source="s", upcast=Upcasters(STEPS))
    assert isinstance(codec.unwrap(stored("autobot.test.renamed.v2", b"{}")), UnknownType)


def test_steps_are_checked_when_built() -> None:
    """Two steps from one type, a circle, or a malformed type refuse to start."""
    one, two = STEPS
    back = Upcaster(source=two.target, target=one.source, change=lambda data: data)
    for wrong in ((one, one), (one, two, back), (Upcaster(source="x", target=two.target, change=split),)):
        with pytest.raises(ValueError, match=r"two steps|circle|autobot"):
            Upcasters(wrong)
