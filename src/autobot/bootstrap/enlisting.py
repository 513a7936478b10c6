"""The place of a worker for inference in the roles table, where the installation has a database that all share.

A worker holds no context: of the product it opens the store alone, for its row in that table. One that is given no
database is known by its address (`AUTOBOT_NPU_URL`) instead.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from autobot.adapters.system.memory import resident_bytes
from autobot.adapters.vault.service_tokens import key_mark
from autobot.bootstrap.outside import open_store
from autobot.bootstrap.selves import worker_self
from autobot.bootstrap.wiring import direct, load_matrix
from autobot.config import Config
from autobot.contexts.roles.module import Membership
from autobot.contracts import roles
from autobot.gateway.hop.parts import HopParts
from autobot.kernel.core.context import SYSTEM, CallContext
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.linked import LinkedEventStore, store_service
from autobot.kernel.event_store.patience import AWAY
from autobot.kernel.links.direct import DirectTransport
from autobot.kernel.links.registry import LinkRegistry
from autobot.kernel.links.trace_context import new_trace

STORE: Final = "services-repositories"


@asynccontextmanager
async def enlisted(
    config: Config, parts: HopParts, key: bytes, *, slot: int = 1, grpc: str = ""
) -> AsyncIterator[Membership]:
    """Keep a worker's place for the block, from the first `join` on; it is given back at the end.

    `config` has the port that the worker listens at, `grpc` is its address for gRPC, `slot` tells it from others of its machine.
    Raises Absent without the database's driver, ConfigurationError, and what the store raises.
    """
    clock, listener = parts.clock, parts.listener
    registry = LinkRegistry(load_matrix(config), clock, parts.chance, listener)
    raw, _ = await open_store(config, clock, shared=True)
    try:
        registry.wire(STORE, direct(DirectTransport(store_service(raw))))
        own = await asyncio.to_thread(worker_self, config, slot, key_mark(key), grpc)
        context = CallContext(correlation_id=parts.ids.new(), principal=SYSTEM, trace=new_trace(parts.chance))
        store = LinkedEventStore(registry.link(STORE), raw, context)
        codec = EventCodec(roles.EVENTS, clock, parts.ids, source="urn:autobot:npu")
        member = Membership(own, store, codec, clock, context, within=_alone, listener=listener)
        async with asyncio.TaskGroup() as group:
            living = group.create_task(member.run())
            try:
                yield member
            finally:
                living.cancel()
                await _left(member)
    finally:
        await registry.close()
        await raw.close()


def _alone() -> tuple[tuple[roles.RoleChild, ...], int | None]:
    """Return that a worker starts no others, and its memory."""
    return (), resident_bytes(os.getpid())


async def _left(member: Membership) -> None:
    try:
        await member.leave()
    except AWAY:
        # The place is taken away when its lease has ended.
        return
