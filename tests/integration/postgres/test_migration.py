"""`autobot migrate --to URL --verify`: everything moves, and nothing by half."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from autobot.adapters.postgres.event_store import PostgresEventStore
from autobot.adapters.sqlite.event_store import SqliteEventStore
from autobot.bootstrap import migrate
from autobot.config import Config
from autobot.kernel.core.errors import AutoBotError, OperatorError
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.verification import verify_store
from autobot.testing.harness import ServerProcess, run_cli
from autobot.testing.postgres import Cluster
from autobot.testing.virtual_time import ManualClock
from tests.golden.generate_event_store import DATABASE, describe, fill

pytestmark = [pytest.mark.anyio, pytest.mark.needs_program("initdb")]


async def embedded(folder: Path) -> Config:
    """Fill a data folder with everything that a store can hold."""
    clock = ManualClock()
    folder.mkdir(parents=True)
    store = await SqliteEventStore.open(folder / DATABASE, clock)
    await fill(store, clock)
    await store.close()
    return Config(data_dir=folder)


async def opened(cluster: Cluster) -> EventStore:
    """Open the database that was filled."""
    return await PostgresEventStore.open(cluster.url("postgres"), ManualClock())


async def test_everything_moves_and_is_proven(postgres: Cluster, tmp_path: Path) -> None:
    """Log, times, erased payloads, documents, texts, chain and all the rest read the same in both; the file stays."""
    config = await embedded(tmp_path / "data")
    before = (config.data_dir / DATABASE).read_bytes()
    lines = await migrate(config, postgres.emptied(), verify=True)
    assert any("audit chain" in line for line in lines)
    assert (config.data_dir / DATABASE).read_bytes() == before
    file = await SqliteEventStore.open(config.data_dir / DATABASE, ManualClock())
    database = await opened(postgres)
    assert await describe(database) == await describe(file)
    async for batch in file.subscribe(after=0):
        for one in batch:
            assert (await database.read_all(after=one.position - 1, limit=1))[0] == one
        break
    assert list(await database.audit()) == list(await file.audit())
    assert (await verify_store(database)).sound
    await file.close()
    await database.close()


async def refused(cluster: Cluster, config: Config) -> AutoBotError:
    """Return why it is refused, after checking that the database is as it was."""
    before = cluster.dump()
    with pytest.raises(OperatorError) as error:
        await migrate(config, cluster.url("postgres"), verify=True)
    assert cluster.dump() == before
    return error.value


async def test_a_database_with_data_is_refused(postgres: Cluster, tmp_path: Path) -> None:
    """Moving twice changes nothing the second time."""
    config = await embedded(tmp_path / "data")
    await migrate(config, postgres.emptied(), verify=False)
    assert "data in it" in (await refused(postgres, config)).detail


async def test_an_empty_folder_is_refused(postgres: Cluster, tmp_path: Path) -> None:
    """Where there is nothing to move, no tables are made."""
    postgres.emptied()
    assert "nothing to move" in (await refused(postgres, Config(data_dir=tmp_path))).detail


@pytest.mark.parametrize(
    "table", ["events", "audit", "documents", "inbox", "snapshots", "aliases", "checkpoints"]
)
async def test_a_row_that_changes_on_the_way_is_found(postgres: Cluster, tmp_path: Path, table: str) -> None:
    """A database that does not keep what it was given fails the proof, and the move is undone."""
    changed = {
        "events": "NEW.meta := NEW.meta || '\\x00'",
        "audit": "NEW.body := NEW.body || '\\x00'",
        "documents": "NEW.text := NEW.text || '\\x41'",
        "inbox": "NEW.handled := NEW.handled + 1",
        "snapshots": "NEW.revision := NEW.revision + 1",
        "aliases": "NEW.target := NEW.target || '1'",
        "checkpoints": "NEW.position := NEW.position + 1",
    }[table]
    config = await embedded(tmp_path / "data")
    store = await PostgresEventStore.open(postgres.emptied(), ManualClock())
    await store.close()
    postgres.sql(
        f"CREATE FUNCTION autobot.spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {changed}; RETURN NEW; END $$;"
        f"CREATE TRIGGER spoil BEFORE INSERT ON autobot.{table} FOR EACH ROW EXECUTE FUNCTION autobot.spoil()"
    )
    assert table in (await refused(postgres, config)).detail


async def test_a_product_moves(postgres: Cluster, tmp_path: Path) -> None:
    """A product's data folder moves by the command line while it is stopped; started on the database it knows its
    people and chats, and a second AutoBot on it is refused."""
    url = postgres.database()
    with ServerProcess(tmp_path / "data") as server:
        with server.client(key=server.key()) as client:
            made = client.post("/api/v1/chat/sessions", {"title": "Moved"}).expect(201).json
        running = run_cli(server.folder, "migrate", "--to", url, "--verify")
        assert running.returncode != 0
        server.stop()
        done = run_cli(server.folder, "migrate", "--to", url, "--verify")
        assert done.returncode == 0, done.stderr
        assert "on both sides" in done.stdout
        (server.folder / DATABASE).rename(tmp_path / "old.db")
        server.environment["AUTOBOT_DATABASE_URL"] = url
        server.start()
        with server.client(key=server.key()) as client:
            found = client.get(f"/api/v1/chat/sessions/{made['id']}").expect(200).json
            assert found["title"] == "Moved"
        assert not (server.folder / DATABASE).exists()
        second = tmp_path / "second" / "data"
        shutil.copytree(server.folder, second, ignore=shutil.ignore_patterns("*.sock", "*.lock"))
        other = run_cli(second, "doctor", environment={"AUTOBOT_DATABASE_URL": url})
        assert other.returncode != 0
        assert "Another AutoBot uses this database" in other.stderr
        named = run_cli(server.folder, "doctor", environment={"AUTOBOT_DATABASE_URL": url})
        assert "PostgreSQL" in named.stdout


async def test_documents_move_with_their_originals(postgres: Cluster, tmp_path: Path) -> None:
    """A document that was added on the file is there on PostgreSQL: original, text, and found by its words again."""
    documents, text = "/api/v1/knowledge_base/documents", "The heron waits in shallow water."
    folder = tmp_path / "data"
    with ServerProcess(folder) as server, server.client(key=server.key("knowledge:*")) as client:
        made = client.post(documents, {"title": "Herons", "text": text}).expect(202).json
        path = f"{documents}/{made['id']}"
        wait = {"prefer": "wait=25"}
        assert client("GET", path, headers=wait).expect(200).json["status"] == "ready"
    url = postgres.database()
    done = run_cli(folder, "migrate", "--to", url, "--verify")
    assert done.returncode == 0, done.stderr
    assert "originals: 2 files" in done.stdout
    shutil.rmtree(folder / "originals")
    with ServerProcess(folder, {"AUTOBOT_DATABASE_URL": url}) as server:
        with server.client(key=server.key("knowledge:*")) as client:
            assert client.get(f"{path}/original").expect(200).text == text
            assert client.get(f"{path}/text").expect(200).json["text"] == text
            body = {"query": "heron", "mode": "lexical"}
            found: list[Any] = []
            for _ in range(300):
                found = client.post("/api/v1/knowledge_base/search", body).expect(200).json["items"]
                if found:
                    break
            assert [one["document_id"] for one in found] == [made["id"]]
