"""Today's code opens the database of every merged format and reads the same from it."""

from pathlib import Path

import msgspec
import pytest

from autobot.adapters.postgres.event_store import PostgresEventStore
from autobot.adapters.postgres.schema import VERSION
from autobot.kernel.event_store.verification import verify_store
from autobot.testing.postgres import Cluster
from autobot.testing.virtual_time import ManualClock
from tests.golden.generate_event_store import DUMP, EXPECTED, describe, digest_of, fill
from tests.golden.reading import reads_and_goes_on

pytestmark = [pytest.mark.anyio, pytest.mark.needs_program("initdb")]
GOLDEN = Path(__file__).resolve().parents[2] / "golden"
FOLDERS = sorted(GOLDEN.glob("postgres_v*"))


def test_there_is_a_dump_for_every_format() -> None:
    """Formats 1 to today's each have their dump."""
    assert [one.name for one in FOLDERS] == [f"postgres_v{number}" for number in range(1, VERSION + 1)]


@pytest.mark.parametrize("golden", FOLDERS, ids=lambda one: one.name)
async def test_a_restored_dump_is_read_as_it_was_written(postgres: Cluster, golden: Path) -> None:
    """Restored into an empty database, log, answers, documents, texts, snapshots and audit chain are all there and
    sound; writing goes on."""
    url = postgres.emptied()
    postgres.load((golden / DUMP).read_text(encoding="utf-8"))
    store = await PostgresEventStore.open(url, ManualClock())
    assert (await verify_store(store)).sound
    await reads_and_goes_on(store, golden)
    assert (await verify_store(store)).sound
    await store.close()


async def test_a_dump_that_was_tampered_with_is_found(postgres: Cluster) -> None:
    """One word of one payload changed in the newest dump: the store that is started on it is not sound."""
    script = (FOLDERS[-1] / DUMP).read_text(encoding="utf-8")
    word, other = "ße 1 ".encode().hex(), "ße 9 ".encode().hex()
    assert script.count(word) >= 1
    url = postgres.emptied()
    postgres.load(script.replace(word, other, 1))
    store = await PostgresEventStore.open(url, ManualClock())
    assert not (await verify_store(store)).sound
    await store.close()


async def test_the_dumped_content_is_what_today_writes(postgres: Cluster) -> None:
    """Filled with the same content, today's store reads like the newest dump: the generator has not drifted."""
    clock = ManualClock()
    store = await PostgresEventStore.open(postgres.emptied(), clock)
    await fill(store, clock)
    found = await describe(store, VERSION)
    await store.close()
    assert found == msgspec.json.decode((FOLDERS[-1] / EXPECTED).read_bytes())


def test_dumps_are_never_changed() -> None:
    """The dump of each merged format is byte for byte what was merged."""
    for folder in FOLDERS:
        assert digest_of(folder / DUMP) == (folder / "blake2b").read_text().strip(), folder.name
