"""Today's code opens the data of every merged format and reads the same from it."""

import shutil
from pathlib import Path

import msgspec
import pytest

from autobot.adapters.sqlite.event_store import SqliteEventStore
from autobot.adapters.sqlite.schema import VERSION
from autobot.testing.virtual_time import ManualClock
from tests.golden.generate_event_store import DATABASE, EXPECTED, describe, digest_of, fill
from tests.golden.reading import reads_and_goes_on

pytestmark = pytest.mark.anyio
GOLDEN = Path(__file__).resolve().parents[2] / "golden"
FOLDERS = sorted(GOLDEN.glob("event_store_v*"))


def test_there_is_a_folder_for_every_format() -> None:
    """Formats 1 to today's each have their golden folder."""
    assert [one.name for one in FOLDERS] == [f"event_store_v{number}" for number in range(1, VERSION + 1)]


@pytest.mark.parametrize("golden", FOLDERS, ids=lambda one: one.name)
async def test_golden_data_is_read_as_it_was_written(golden: Path, tmp_path: Path) -> None:
    """Events, streams, answers, audit chain, snapshots, documents, aliases and full text are all there; writing goes on."""
    shutil.copy(golden / DATABASE, tmp_path)
    store = await SqliteEventStore.open(tmp_path / DATABASE, ManualClock())
    await reads_and_goes_on(store, golden)
    await store.close()


async def test_the_golden_content_is_what_today_writes(tmp_path: Path) -> None:
    """Filled with the same content, today's store reads like the newest golden folder: the generator has not drifted."""
    clock = ManualClock()
    store = await SqliteEventStore.open(tmp_path / DATABASE, clock)
    await fill(store, clock)
    found = await describe(store)
    await store.close()
    assert found == msgspec.json.decode((FOLDERS[-1] / EXPECTED).read_bytes())


def test_golden_files_are_never_changed() -> None:
    """The database of each merged format is byte for byte what was merged."""
    for folder in FOLDERS:
        assert digest_of(folder / DATABASE) == (folder / "blake2b").read_text().strip(), folder.name
