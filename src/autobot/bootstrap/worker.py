"""The worker for inference as a process: a child on a unix socket, or `autobot serve npu` on a port (design §4).

In both ways calls come in as between roles, with a service token each. A child's key is made for its one life and told
over its standard input; on a port it is the key of the installation.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from autobot.adapters.logs.setup import open_log
from autobot.adapters.prometheus.exposition import Exposition
from autobot.adapters.prometheus.listener import PrometheusListener
from autobot.adapters.system.clock import SystemClock, system_chance
from autobot.adapters.system.sockets import bind_unix
from autobot.adapters.vault.program_tokens import ProgramTokens
from autobot.adapters.vault.service_tokens import KeyedServiceTokens
from autobot.adapters.vault.vault import load_or_create_key
from autobot.bootstrap.accelerators import GRPC_SOCKET
from autobot.bootstrap.enlisting import enlisted
from autobot.bootstrap.outside import has_grpc, key_path, need_grpc, need_postgres
from autobot.bootstrap.parent import READY, Life, lived
from autobot.bootstrap.selves import reachable
from autobot.bootstrap.server import LEAVE_S, WebServer, address_of, listen, run_loop
from autobot.bootstrap.version import VERSION
from autobot.config import Config
from autobot.contexts.roles.module import Membership
from autobot.contracts.inference import Load
from autobot.gateway.dialects.inference import CLIENT, WHERE_FROM, Door, InferenceDialect
from autobot.gateway.hop.app import RoleHop
from autobot.gateway.hop.parts import HopParts
from autobot.gateway.middleware.lifecycle import Lifecycle
from autobot.gateway.site import EdgeLimits
from autobot.kernel.core.errors import ConfigurationError
from autobot.kernel.core.ids import Uuid7Source
from autobot.kernel.event_store.patience import AWAY
from autobot.kernel.links.hop_door import HopRow
from autobot.kernel.telemetry.listener import Listeners
from autobot.workers.npu.bulk import bulk_wires, streams_of
from autobot.workers.npu.engine import Engine
from autobot.workers.npu.options import ModelOptions, WorkerOptions
from autobot.workers.npu.ports import ROW, calls_of, inference_wires
from autobot.workers.npu.runtime import need_runtime

ROLE: Final = "npu"
CALLER: Final = "ai"
"""The one role that calls a worker (design §5)."""
PORT: Final = 8081
GRPC_PORT: Final = 8082

Say = Callable[[str], None]


def worker_options(config: Config) -> WorkerOptions:
    """Return how the settings want a worker to compute. Raises ConfigurationError."""
    return WorkerOptions(
        device=config.npu_device,
        precision=config.npu_precision,  # type: ignore[arg-type]
        models=tuple(map(_model, config.npu_models)),
    )


def _model(text: str) -> ModelOptions:
    name, equals, rest = text.partition("=")
    task, colon, folder = rest.partition(":")
    if not equals or not colon or not folder:
        raise ConfigurationError(
            f"AUTOBOT_NPU_MODELS holds {text!r}, which names no model.",
            hint="NAME=embed:FOLDER or NAME=rerank:FOLDER, several by comma",
        )
    return ModelOptions(name=name, task=task, folder=Path(folder).expanduser())  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """What a worker's servers serve."""

    parts: HopParts
    app: RoleHop
    ids: Uuid7Source


@asynccontextmanager
async def working(
    options: WorkerOptions, key: bytes, door: Door, *, level: str = "info"
) -> AsyncIterator[Worker]:
    """Run an engine, with all that stands around it, for the block."""
    clock, chance = SystemClock(), system_chance()
    ids, prometheus, lifecycle = Uuid7Source(clock, chance), PrometheusListener(), Lifecycle()
    engine = Engine(options, clock, VERSION)
    prometheus.watch(lambda: _gauges(engine.load()))
    async with AsyncExitStack() as stack:
        log = stack.enter_context(open_log(sys.stderr, clock, level=level))
        row = HopRow(
            row=ROW,
            wires={**inference_wires(), **bulk_wires()},
            calls=calls_of(engine),
            streams=streams_of(engine),
        )
        parts = HopParts(
            role=ROLE,
            version=VERSION,
            rows={CALLER: (row,)},
            tokens=KeyedServiceTokens(key, clock),
            lifecycle=lifecycle,
            clock=clock,
            chance=chance,
            ids=ids,
            listener=Listeners(prometheus, log),
        )
        dialect = InferenceDialect(
            engine,
            door,
            lambda: lifecycle.phase == "ready",
            Exposition(prometheus).render,
            clock,
            chance,
            ids,
        )
        group = await stack.enter_async_context(asyncio.TaskGroup())
        computing = group.create_task(engine.run())
        stack.callback(computing.cancel)
        yield Worker(parts=parts, app=RoleHop(parts, dialect.routes()), ids=ids)


def _gauges(load: Load) -> Iterable[tuple[str, tuple[tuple[str, str], ...], float]]:
    """Yield what a worker does and has before it."""
    for name in ("waiting", "texts", "tokens", "batches", "hits", "refused", "texts_per_second"):
        yield f"autobot_inference_{name}", (), float(getattr(load, name))
    yield "autobot_inference_batch_texts", (), load.batch_mean
    yield "autobot_inference_batch_seconds", (), load.compute_ms_mean / 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """The server for gRPC beside the one for HTTP: its port, and how it says that it leaves."""

    port: int
    leave: Callable[[], Awaitable[None]]


@asynccontextmanager
async def grpc_beside(
    parts: HopParts, address: str, tls: tuple[bytes, bytes] | None, word: str = ""
) -> AsyncIterator[Beside]:
    """Serve the worker over gRPC, too, for the block. Raises Absent without gRPC.

    `word` is the token of programs that are no roles.
    """
    need_grpc()
    from autobot.adapters.grpc.inference import inference_proto_wires
    from autobot.adapters.grpc.methods import INFERENCE_METHODS
    from autobot.bootstrap.grpc import grpc_server

    wires = inference_proto_wires()
    rows = {who: [replace(one, wires=wires) for one in each] for who, each in parts.rows.items()}
    tokens = ProgramTokens(parts.tokens, word, issuer=CALLER, principal=CLIENT, hint=WHERE_FROM)
    server = grpc_server(replace(parts, rows=rows, tokens=tokens), INFERENCE_METHODS)
    bound = server.listen(address, tls)
    await server.start()
    await server.ready()
    try:
        yield Beside(port=bound, leave=server.leave)
    finally:
        await server.stop()


# ------------------------------------------------------------------------------------------------ as a child


def serve(wishes: dict[str, Any], tell: Callable[[dict[str, Any]], None]) -> None:
    """Serve on the socket that the parent wants, until the parent is gone or wants it to rest."""
    need_runtime()
    run_loop(lambda: _child(wishes, tell))


async def _child(wishes: dict[str, Any], tell: Callable[[dict[str, Any]], None]) -> int:
    options = WorkerOptions(
        device=wishes["device"], precision=wishes["precision"], models=tuple(map(_model, wishes["models"]))
    )
    path = Path(wishes["socket"])
    async with (
        working(options, bytes.fromhex(wishes["key"]), Door(open=True)) as worker,
        AsyncExitStack() as stack,
    ):
        if wishes["grpc"]:
            address = f"unix:{path.with_name(GRPC_SOCKET)}"
            await stack.enter_async_context(grpc_beside(worker.parts, address, None))
        bound = await asyncio.to_thread(bind_unix, path)
        server = WebServer(worker.app, bound, Config(), worker.ids, EdgeLimits().frame_bytes)
        # Who connects before the server accepts waits in line.
        life = Life(asyncio.Event(), asyncio.Event())
        await _until_stopped(worker, server, life, lambda: tell({"ready": str(path)}))
    return 0


# ------------------------------------------------------------------------------------------------ on a port


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerPlace:
    """Where a worker listens: `port` (0: any free one), `grpc_port` for gRPC (None: not), which of its machine it is.

    `child` says that it ends when its standard input does, which its parent holds.
    """

    port: int | None = None
    grpc_port: int | None = None
    slot: int = 1
    child: bool = False


def serve_worker(config: Config, place: WorkerPlace, say: Say) -> int:
    """Run a worker on a port until it is told to stop; returns the exit code. Raises Absent and ConfigurationError.

    At its usual port it takes gRPC at the usual one, too, where that is installed. With a database it takes a place in the
    roles table, where the ai role finds it.
    """
    need_runtime()
    if config.database_url:
        need_postgres()
    if place.grpc_port is None and place.port is None and has_grpc():
        place = replace(place, grpc_port=GRPC_PORT)
    return run_loop(lambda: lived(lambda life: _serve(config, place, say, life), child=place.child))


async def _serve(config: Config, place: WorkerPlace, say: Say, life: Life) -> int:
    key = await asyncio.to_thread(load_or_create_key, key_path(config))
    bound = listen(config, PORT if place.port is None else place.port)
    here = replace(config, port=bound.getsockname()[1])
    door = Door(token=config.npu_token)
    async with (
        working(worker_options(config), key, door, level=config.log_level) as worker,
        AsyncExitStack() as stack,
    ):
        beside: Beside | None = None
        if place.grpc_port is not None:
            host = f"[{config.host}]" if ":" in config.host else config.host
            tls = await asyncio.to_thread(_tls, config)
            beside = await stack.enter_async_context(
                grpc_beside(worker.parts, f"{host}:{place.grpc_port}", tls, config.npu_token)
            )
            say(f"Takes gRPC at {host}:{beside.port}")
        if not config.npu_token:
            say("Only AutoBot can ask it: for other programs set AUTOBOT_NPU_TOKEN.")
        member: Membership | None = None
        if config.database_url:
            at = await asyncio.to_thread(reachable, replace(here, port=beside.port)) if beside else ""
            member = await stack.enter_async_context(
                enlisted(here, worker.parts, key, slot=place.slot, grpc=at)
            )
        server = WebServer(worker.app, bound, config, worker.ids, EdgeLimits().frame_bytes)
        address = address_of(config, bound)
        leaving = _Leaving(member, beside)
        await _until_stopped(worker, server, life, lambda: say(f"{READY}{address}"), leaving)
    return 0


@dataclass(frozen=True, slots=True)
class _Leaving:
    """Who is told before a worker ends: the roles table, and who asks for the health of its gRPC."""

    member: Membership | None = None
    beside: Beside | None = None

    async def announce(self) -> None:
        """Take a place: calls come from now on."""
        if self.member is not None:
            await self.member.join()

    async def leave(self, server: WebServer) -> None:
        """Be chosen no more, and let everybody see it."""
        if self.beside is not None:
            await self.beside.leave()
        if self.member is None:
            return
        with suppress(*AWAY):
            # Without the table the others see it by silence.
            await self.member.drain("it leaves")
        server.leave()
        await asyncio.sleep(LEAVE_S)


async def _until_stopped(
    worker: Worker, server: WebServer, life: Life, tell: Callable[[], None], leaving: _Leaving = _Leaving()
) -> None:
    loop, stop = asyncio.get_running_loop(), life.stop
    for word in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(word, stop.set)
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(server.serve())
        serving.add_done_callback(lambda _: stop.set())
        worker.parts.lifecycle.ready()
        await leaving.announce()
        life.working.set()
        tell()
        await stop.wait()
        await leaving.leave(server)
        worker.parts.lifecycle.drain()
        server.stop()


def _tls(config: Config) -> tuple[bytes, bytes] | None:
    if config.tls_cert is None or config.tls_key is None:
        return None
    return config.tls_key.read_bytes(), config.tls_cert.read_bytes()
