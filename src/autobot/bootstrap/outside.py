"""Everything that touches the world, chosen here: real adapters for the product, others for tests."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autobot.adapters.argon2.passwords import Argon2Passwords
from autobot.adapters.files.blobs import FolderBlobs
from autobot.adapters.logs.lines import Style
from autobot.adapters.logs.setup import open_log
from autobot.adapters.memory.blobs import MemoryBlobs
from autobot.adapters.memory.event_store import MemoryEventStore
from autobot.adapters.memory.passages import MemoryPassages
from autobot.adapters.prometheus.exposition import Exposition
from autobot.adapters.prometheus.listener import PrometheusListener
from autobot.adapters.sqlite.event_store import SqliteEventStore
from autobot.adapters.system.clock import SystemClock, system_chance
from autobot.adapters.system.lock import FolderLock, locked_folder
from autobot.adapters.vault.tokens import SystemTokens
from autobot.adapters.vault.vault import AesVault
from autobot.bootstrap.near import OwnIndex, open_index
from autobot.config import Config
from autobot.contexts.identity.ports.secrets import Passwords, Tokens, Vault
from autobot.contexts.knowledge.ports.blobs import Blobs
from autobot.contexts.knowledge.ports.index import PassageIndex
from autobot.kernel.core.chance import Chance
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import Absent
from autobot.kernel.core.ids import IdSource, Uuid7Source
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.links.registry import LinkRegistry
from autobot.kernel.messaging.invalidation import Invalidation
from autobot.kernel.messaging.presence import Presence
from autobot.kernel.messaging.source_broker import SourceBroker
from autobot.kernel.messaging.transient import TransientChannels
from autobot.kernel.resilience.rate_limit.limiter import Limiter
from autobot.kernel.telemetry.listener import Listener, Listeners

if TYPE_CHECKING:
    from autobot.adapters.postgres.blobs import PostgresBlobs

DATABASE = "autobot.db"
ORIGINALS = "originals"
"""Folder of the files that people added."""
KEY_FILE = "secret.key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What goes between processes: events to groups, passing frames, the quotas that all share, who is connected, and
    which cached answers became wrong."""

    broker: SourceBroker
    frames: TransientChannels
    limiter: Limiter
    presence: Presence
    invalidation: Invalidation


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """The adapters of one process.

    `place` says where the store is; empty for where it always was. `carrier` opens what carries events and
    frames between processes; without one this process follows the log itself and shows its own frames. `own_index` is
    what `index` belongs to, where that has to be cared for.
    """

    clock: Clock
    chance: Chance
    ids: IdSource
    store: EventStore
    blobs: Blobs
    index: PassageIndex
    passwords: Passwords
    tokens: Tokens
    vault: Vault
    listener: Listener | None = None
    lock: FolderLock | None = None
    place: str = ""
    own_index: OwnIndex | None = None
    carrier: Callable[[EventStore, LinkRegistry], Carried] | None = None
    extras: Mapping[str, Any] = field(default_factory=dict)


def key_path(config: Config) -> Path:
    """Return where the key of stored secrets lies."""
    return config.secret_key_file or config.data_dir / KEY_FILE


def need_postgres() -> None:
    """Raise Absent when PostgreSQL's driver is not installed."""
    if importlib.util.find_spec("asyncpg") is None:
        raise Absent("postgres", "PostgreSQL's driver is not installed.", hint="autobot add postgres")


def need_redis() -> None:
    """Raise Absent when Redis's driver is not installed."""
    if importlib.util.find_spec("hiredis") is None:
        raise Absent("redis", "Redis's driver is not installed.", hint="autobot add redis")


def has_grpc() -> bool:
    """Say whether gRPC is installed. Imports none of it."""
    return all(importlib.util.find_spec(one) for one in ("grpc", "grpc_health", "grpc_reflection"))


def need_grpc() -> None:
    """Raise Absent when gRPC is not installed."""
    if not has_grpc():
        raise Absent("grpc", "gRPC is not installed.", hint="autobot add grpc")


async def open_store(config: Config, clock: Clock, *, shared: bool = False) -> tuple[EventStore, str]:
    """Open the store that the settings name, and say where it is; empty for the file in the data folder.

    Unless `shared` no other process may write to the database.

    Raises Absent when PostgreSQL is named and its driver is not installed, and what the stores raise.
    """
    if not config.database_url:
        return await SqliteEventStore.open(config.data_dir / DATABASE, clock), ""
    need_postgres()
    from autobot.adapters.postgres.event_store import PostgresEventStore
    from autobot.adapters.postgres.options import StoreOptions

    store = await PostgresEventStore.open(config.database_url, clock, options=StoreOptions(alone=not shared))
    place = f"PostgreSQL {store.server.version} at {config.database_place}"
    if not store.server.flushes:
        place += ", which does not flush (fsync = off): a power loss may lose what was acknowledged"
    return store, place


async def open_blobs(config: Config, clock: Clock, ids: IdSource) -> FolderBlobs | PostgresBlobs:
    """Open where the originals of documents are kept: a folder, or the database where there is one."""
    if not config.database_url:
        return FolderBlobs(config.data_dir / ORIGINALS, clock)
    from autobot.adapters.postgres.blobs import PostgresBlobs

    return await PostgresBlobs.open(config.database_url, clock, ids)


@asynccontextmanager
async def real_outside(
    config: Config, *, quiet: bool = False, shared: bool = False
) -> AsyncIterator[Outside]:
    """Own the data folder and open everything in it; close in reverse.

    `quiet` logs errors alone; `shared` leaves the database to other processes, too.
    """
    clock, chance = SystemClock(), system_chance()
    prometheus = PrometheusListener()
    async with AsyncExitStack() as stack:
        level = "error" if quiet else config.log_level
        style: Style = "text" if sys.stderr.isatty() else "json"
        log = stack.enter_context(open_log(sys.stderr, clock, level=level, style=style))
        heard: Listener = Listeners(prometheus, log)
        lock = stack.enter_context(locked_folder(config.data_dir))
        store, place = await open_store(config, clock, shared=shared)
        stack.push_async_callback(store.close)
        ids = Uuid7Source(clock, chance)
        blobs, own_index = await open_blobs(config, clock, ids), await open_index(config)
        stack.push_async_callback(own_index.store.close)
        stack.push_async_callback(blobs.close)
        passwords = Argon2Passwords()
        stack.callback(passwords.close)
        yield Outside(
            clock=clock,
            chance=chance,
            ids=ids,
            store=store,
            blobs=blobs,
            index=own_index,
            own_index=own_index,
            place=place,
            passwords=passwords,
            tokens=SystemTokens(),
            vault=await asyncio.to_thread(AesVault.of_file, key_path(config)),
            listener=heard,
            lock=lock,
            extras={"exposition": Exposition(prometheus), "prometheus": prometheus},
        )


def memory_outside(listener: Listener | None = None) -> Outside:
    """Return adapters that keep nothing: for documents that are made of the wiring, and for tests."""
    clock, chance = SystemClock(), system_chance()
    return Outside(
        clock=clock,
        chance=chance,
        ids=Uuid7Source(clock, chance),
        store=MemoryEventStore(clock),
        blobs=MemoryBlobs(clock),
        index=MemoryPassages(),
        passwords=Argon2Passwords(),
        tokens=SystemTokens(),
        vault=AesVault(bytes(32)),
        listener=listener,
    )
