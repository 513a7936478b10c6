"""One role as a process of its own: `autobot serve gateway|backend|ai` (design §4)."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any, Final

from autobot.adapters.redis.options import StreamOptions
from autobot.bootstrap.dialling import CONTROL_SOCKET, ROLES_FOLDER
from autobot.bootstrap.edge import Edge, quotas_of
from autobot.bootstrap.mesh import Mesh, joined
from autobot.bootstrap.metrics import with_metrics
from autobot.bootstrap.outside import need_postgres, need_redis, real_outside
from autobot.bootstrap.parent import READY, Life, lived
from autobot.bootstrap.placing import Role, alone
from autobot.bootstrap.product import Product, assemble
from autobot.bootstrap.redis import RedisCarrier
from autobot.bootstrap.running import every, running
from autobot.bootstrap.selves import process_id
from autobot.bootstrap.server import (
    LEAVE_S,
    WebServer,
    address_of,
    inherited,
    listen,
    run_loop,
    settle_memory,
)
from autobot.bootstrap.serving import (
    USAGE_EVERY_S,
    check_tls,
    controlled,
    edge_work,
    first_start,
)
from autobot.config import Config
from autobot.gateway.site import EdgeLimits
from autobot.kernel.core.errors import ConfigurationError

SIGN_IN: Final = "Sign in once at the gateway with /sign-in#token="
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleOptions:
    """How a process of a role is started.

    `slot` numbers the processes of one role on one data folder, from 1. `descriptor` is a listening socket of the
    parent; `grpc_port` takes calls over gRPC too (0: any free one); `child` says that the process ends when its standard input does, which its parent holds.
    """

    port: int | None = None
    slot: int = 1
    descriptor: int | None = None
    grpc_port: int | None = None
    child: bool = False

    def __post_init__(self) -> None:
        """Raise ConfigurationError for a slot out of range."""
        if not 1 <= self.slot <= 99:
            raise ConfigurationError(f"The slot {self.slot} is none of 1 to 99.")


def need_scaled(config: Config) -> None:
    """Raise ConfigurationError unless what all roles share is named, Absent when a driver is not installed."""
    needed = {
        "AUTOBOT_DATABASE_URL": (config.database_url, "postgresql://NAME:PASSWORD@HOST:5432/DATABASE"),
        "AUTOBOT_REDIS_URL": (config.redis_url, "redis://HOST:6379/0"),
        "AUTOBOT_SECRET_KEY_FILE": (config.secret_key_file, "a file that is the same on every machine"),
    }
    for name, (value, example) in needed.items():
        if not value:
            raise ConfigurationError(
                f"Roles in processes of their own need {name}.", hint=f"Set it: {example}."
            )
    need_postgres()
    need_redis()


def own_config(config: Config, role: Role, slot: int) -> Config:
    """Return the options of one process: it owns a folder below the data folder."""
    name = role if slot == 1 else f"{role}-{slot}"
    return replace(config, data_dir=config.data_dir / ROLES_FOLDER / name)


def serve_role(config: Config, role: Role, options: RoleOptions, say: Say) -> int:
    """Run one role until it is told to stop; returns the exit code."""
    need_scaled(config)
    own = own_config(config, role, options.slot)
    return run_loop(lambda: lived(lambda life: _serve(own, role, options, say, life), child=options.child))


async def _serve(config: Config, role: Role, options: RoleOptions, say: Say, life: Life) -> int:
    async with real_outside(config, shared=True) as bare, AsyncExitStack() as stack:
        check_tls(config)
        carrier = RedisCarrier(
            config.redis_url,
            bare.clock,
            bare.chance,
            options=StreamOptions(holder=process_id(config, alone(role))),
            listener=bare.listener,
        )
        stack.push_async_callback(carrier.close)
        given = options.descriptor
        bound = listen(config, options.port) if given is None else inherited(given)
        host, port = bound.getsockname()[:2]
        outside = replace(bare, carrier=carrier)
        product = assemble(replace(config, host=host, port=port), outside, alone(role))
        await carrier.parts.server.prove()
        mesh = await stack.enter_async_context(joined(product, role, carrier, options.grpc_port))
        await stack.enter_async_context(running(product))
        await stack.enter_async_context(controlled(product, config.data_dir / CONTROL_SOCKET))
        if role == "backend":
            token = await first_start(product)
            if token is not None:
                say(f"{SIGN_IN}{token}")
        face, address = await _face(product, mesh), address_of(config, bound)
        server = WebServer(face.app, bound, config, outside.ids, EdgeLimits().frame_bytes)
        if outside.lock is not None:
            outside.lock.tell(address)
        await _until_stopped(face, mesh, server, life, lambda: say(f"{READY}{address}"))
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Face:
    """What a role shows to who calls it: the edge of the gateway, the hop of the others."""

    app: Any
    ready: Callable[[], None]
    drain: Callable[[], None]
    work: tuple[Any, ...] = ()
    flush: Callable[[], Any] | None = None


async def _face(product: Product, mesh: Mesh) -> _Face:
    if not product.placement.holds("gateway"):
        hop = mesh.hop
        app, flush = with_metrics(hop.app, product)
        return _Face(
            app=app,
            ready=hop.lifecycle.ready,
            drain=hop.lifecycle.drain,
            work=(every(USAGE_EVERY_S, flush),),
            flush=flush,
        )
    edge = Edge(product, await quotas_of(product), mesh.texts)
    mesh.shown_by(edge.fanout)
    head = await product.store.head()
    return _Face(
        app=edge.app,
        ready=edge.lifecycle.ready,
        drain=edge.lifecycle.drain,
        work=edge_work(edge, head, mesh.texts.ended),
        flush=edge.credentials.flush,
    )


async def _until_stopped(
    face: _Face, mesh: Mesh, server: WebServer, life: Life, tell: Callable[[], None]
) -> None:
    """Serve until a signal or the parent's end; then leave in order: be chosen no more, finish, stop."""
    loop, stop = asyncio.get_running_loop(), life.stop
    for word in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(word, stop.set)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one) for one in face.work]
        settle_memory()
        await mesh.reached()
        face.ready()
        serving = group.create_task(server.serve())
        serving.add_done_callback(lambda _: stop.set())
        await mesh.announce()
        life.working.set()
        tell()
        await stop.wait()
        await mesh.leave()
        server.leave()
        await asyncio.sleep(LEAVE_S)
        face.drain()
        server.stop()
        await mesh.end_calls()
        await serving
        for task in tasks:
            task.cancel()
    if face.flush is not None:
        await face.flush()
