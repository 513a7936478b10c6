"""What the tests of the hop between roles share: a role on a real server, and a transport to it."""

import asyncio
import contextlib
import random
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import uvicorn

from autobot.adapters.http.transport import HttpOptions, HttpTransport
from autobot.adapters.roles.transport import RoleTransport
from autobot.adapters.vault.service_tokens import KeyedServiceTokens
from autobot.bootstrap.protocols import protocols
from autobot.gateway.hop.app import RoleHop
from autobot.gateway.hop.parts import HopLimits, HopParts
from autobot.gateway.middleware.lifecycle import Lifecycle
from autobot.kernel.core.context import CallContext, Principal, TraceContext
from autobot.kernel.core.ids import Uuid7Source
from autobot.kernel.links.hop_door import Handler, HopRow, StreamHandler
from autobot.kernel.links.hop_wire import HEALTH
from autobot.kernel.links.wire import TypedWire, Wire
from autobot.kernel.resilience.operation import Effect, Operation
from autobot.kernel.telemetry.listener import Change, Hop

KEY = bytes(range(32))
ROW = "gateway-backend"
ANN = Principal(
    id="key-1",
    kind="key",
    role="operator",
    user_id="ann",
    tenant="acme",
    scopes=frozenset({"chat:read", "chat:write"}),
    username="Änn",
)
CONTEXT = CallContext(
    correlation_id="c-1",
    principal=ANN,
    trace=TraceContext(trace_id="1" * 32, span_id="2" * 16, flags=1),
    causation_id="m-1",
    baggage=(("user_id", "ann"),),
    client="192.0.2.7",
)
PATIENCE_S = 10.0


class MovableClock:
    """The running loop's time, with a wall that a test moves."""

    def __init__(self) -> None:
        self.wall = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def move(self, seconds: float) -> None:
        """Let the wall jump."""
        self.wall += timedelta(seconds=seconds)


@dataclass
class Heard:
    """A listener that keeps what it hears; `failing` is set when a call failed."""

    hops: list[tuple[str, Hop, BaseException | None]] = field(default_factory=list)
    counts: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    failing: asyncio.Event = field(default_factory=asyncio.Event)

    def started(self, hop: Hop) -> None:
        self.hops.append(("started", hop, None))

    def completed(self, hop: Hop, duration: float) -> None:
        self.hops.append(("completed", hop, None))

    def failed(self, hop: Hop, duration: float, error: BaseException) -> None:
        self.hops.append(("failed", hop, error))
        self.failing.set()

    def changed(self, change: Change) -> None:
        self.changes.append(change)

    def counted(self, name: str, value: float, labels: tuple[tuple[str, str], ...]) -> None:
        self.counts.append((name, dict(labels)))

    @property
    def ends(self) -> list[str]:
        """How calls ended, in order."""
        return [what for what, _, _ in self.hops if what != "started"]


@dataclass
class Role:
    """A role that serves, and what reaches into it."""

    port: int
    parts: HopParts
    heard: Heard
    arrivals: list[str]
    server: uvicorn.Server

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def kill(self) -> None:
        """Cut every connection as a killed process would."""
        for one in list(self.server.server_state.connections):
            one.transport.abort()


def text_wires(*names: str) -> dict[str, Wire]:
    """Wires of operations from text to text."""
    return {name: TypedWire(name, str, str) for name in names}


def parts_of(
    calls: Mapping[str, Handler],
    streams: Mapping[str, StreamHandler],
    wires: Mapping[str, Wire] | None,
    limits: HopLimits,
    clock: MovableClock,
) -> tuple[HopParts, Heard, list[str]]:
    """What a role called `backend` serves to one called `gateway`."""
    heard, arrivals = Heard(), []
    chance = random.Random(1)
    rows = {
        "gateway": [
            HopRow(row=ROW, wires=wires or text_wires(*calls, *streams), calls=calls, streams=streams)
        ]
    }
    parts = HopParts(
        role="backend",
        version="1",
        rows=rows,
        tokens=KeyedServiceTokens(KEY, clock),
        lifecycle=Lifecycle("ready"),
        clock=clock,
        chance=chance,
        ids=Uuid7Source(clock, chance),
        listener=heard,
        arrived=arrivals.append,
        limits=limits,
    )
    return parts, heard, arrivals


class _Server(uvicorn.Server):
    """Says when it listens, and leaves the process's signals alone."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


@asynccontextmanager
async def role(
    calls: Mapping[str, Handler] | None = None,
    streams: Mapping[str, StreamHandler] | None = None,
    *,
    wires: Mapping[str, Wire] | None = None,
    limits: HopLimits | None = None,
    clock: MovableClock | None = None,
    kind: type[HopParts] = HopParts,
    **changes: Any,
) -> AsyncIterator[Role]:
    """Serve a role on a free port of 127.0.0.1 for the block."""
    parts, heard, arrivals = parts_of(
        calls or {}, streams or {}, wires, limits or HopLimits(), clock or MovableClock()
    )
    parts = replace(kind(**{one.name: getattr(parts, one.name) for one in fields(parts)}), **changes)
    config = uvicorn.Config(
        RoleHop(parts), **protocols(parts.ids), lifespan="on", log_config=None, timeout_graceful_shutdown=2
    )
    server = _Server(config)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server.serve(sockets=[listening]))
            await server.up.wait()
            try:
                yield Role(listening.getsockname()[1], parts, heard, arrivals, server)
            finally:
                server.should_exit = True


@asynccontextmanager
async def transport(
    wires: Mapping[str, Wire], clock: MovableClock | None = None, **changes: Any
) -> AsyncIterator[RoleTransport]:
    """A transport from the role `gateway` to a role `backend`."""
    clock = clock or MovableClock()
    inner = HttpTransport(ROW, HttpOptions(internal=True, health_path=HEALTH), clock, random.Random(2))
    given: dict[str, Any] = {
        "link": ROW,
        "issuer": "gateway",
        "audience": "backend",
        "wires": wires,
        "tokens": KeyedServiceTokens(KEY, clock),
        "inner": inner,
        "clock": clock,
        **changes,
    }
    made = RoleTransport(**given)
    try:
        yield made
    finally:
        await made.close()


def operation(name: str, effect: Effect = Effect.FREE) -> Operation:
    """An operation by name."""
    return Operation(name=name, effect=effect)
