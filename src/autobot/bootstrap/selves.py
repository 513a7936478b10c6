"""What a process says of itself to the others."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from autobot.adapters.system.sockets import address_towards
from autobot.bootstrap.placing import AI_CONTEXTS, WORKER_ROW, Placement
from autobot.bootstrap.version import VERSION
from autobot.config import Config
from autobot.contexts.roles.module import Self
from autobot.gateway.message_schemas import contract_schema
from autobot.kernel.commands.decision import Module
from autobot.kernel.commands.speech import Contracts, Operation, contracts_of
from autobot.kernel.core.clock import Clock
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.sagas.tenure import Tenure
from autobot.workers.npu.ports import SHAPES

POSTGRES_PORT: Final = 5432


def process_id(config: Config, placement: Placement) -> str:
    """Return a process's name: the same after a restart, and nobody else's, because it owns its data folder.

    The folder's own name says role and slot, the machine's name the rest.
    """
    return on_this_machine(config.data_dir.name) if placement.scaled else "all"


def on_this_machine(name: str) -> str:
    """Return the name of a process with that of its machine."""
    host = platform.node().partition(".")[0] or "host"
    clean = "".join(one if one.isalnum() or one in "._-" else "-" for one in host)
    return f"{name}@{clean}"[:120]


def tenure_of(config: Config, placement: Placement, store: EventStore, clock: Clock) -> Tenure | None:
    """Return the lease under which this process carries runs; None for one that is alone, or carries none."""
    if not placement.scaled or not (placement.holds("ai") or placement.holds("backend")):
        return None
    return Tenure(store, clock, process_id(config, placement))


def reachable(config: Config) -> str:
    """Return the address at which others reach this process.

    One that listens everywhere says the address by which it reaches the database: that is the network that all
    roles share.
    """
    if not _everywhere(config.host):
        return config.local_url
    parts = urlsplit(config.database_url)
    try:
        own = address_towards(parts.hostname or "localhost", parts.port or POSTGRES_PORT)
    except OSError:
        own = platform.node()
    return replace(config, host=own).local_url


def _everywhere(host: str) -> bool:
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False


def self_of(config: Config, placement: Placement) -> Self:
    """Return the process as the roles table shows it, before it is known what it speaks."""
    return Self(
        id=process_id(config, placement),
        role=placement.name,
        address=reachable(config),
        version=VERSION,
        contracts="",
        host=platform.node(),
        pid=os.getpid(),
    )


def worker_self(config: Config, slot: int, key_mark: str, grpc: str) -> Self:
    """Return a worker for inference as the roles table shows it; `config` has the port that it listens at."""
    speaks = Contracts(worker_operations())
    return Self(
        id=on_this_machine("npu" if slot == 1 else f"npu-{slot}"),
        role="npu",
        address=reachable(config),
        version=VERSION,
        contracts=speaks.fingerprint(),
        host=platform.node(),
        pid=os.getpid(),
        speaks=speaks,
        key_mark=key_mark,
        grpc=grpc,
        carries=("http", "grpc") if grpc else ("http",),
    )


def worker_operations() -> dict[str, Operation]:
    """Return what a worker for inference can be asked, by names that no command or query has."""
    return {
        f"{WORKER_ROW}.{name}": Operation(
            role="npu", payload=contract_schema(asked), answer=contract_schema(answer)
        )
        for name, (asked, answer) in SHAPES.items()
    }


def speaking(own: Self, placement: Placement, modules: Iterable[Module]) -> Self:
    """Return the process with what it speaks.

    It is worked out only where somebody compares it: that takes a quarter of a second.
    """
    if not placement.scaled:
        return own
    found = contracts_of(modules, contract_schema, lambda name: "ai" if name in AI_CONTEXTS else "backend")
    speaks = Contracts({**found.operations, **worker_operations()})
    return replace(own, contracts=speaks.fingerprint(), speaks=speaks)
