"""What makes processes of roles one installation: the roles table, calls between them, events and frames (design §4)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from autobot.adapters.http.transport import HttpOptions, HttpTransport
from autobot.adapters.roles.transport import RoleTransport
from autobot.adapters.vault.service_tokens import KeyedServiceTokens, key_mark
from autobot.adapters.vault.vault import load_or_create_key
from autobot.bootstrap.agreeing import carried_here
from autobot.bootstrap.carrying import PROGRESS, TEXT, WANTED
from autobot.bootstrap.channels import EngineTexts, publish_passing
from autobot.bootstrap.household import within
from autobot.bootstrap.outside import key_path, need_grpc
from autobot.bootstrap.placing import AI_CONTEXTS, HOPS, WORKER_ROW, Role
from autobot.bootstrap.product import Product
from autobot.bootstrap.redis import RedisCarrier, RedisParts
from autobot.bootstrap.routing import MODELS, OF_DOCUMENTS, REPORTS
from autobot.bootstrap.sides import Sides, open_streams
from autobot.bootstrap.targets import Others, TargetDirectory
from autobot.bootstrap.version import VERSION
from autobot.contexts.agents.facade import model_wires, over_facade
from autobot.contexts.roles.module import Membership, Self
from autobot.gateway.hop.app import RoleHop
from autobot.gateway.hop.parts import HopParts
from autobot.gateway.middleware.lifecycle import Lifecycle
from autobot.gateway.realtime.fanout import Fanout
from autobot.gateway.realtime.texts import FrameTexts
from autobot.kernel.commands.decision import Module
from autobot.kernel.commands.linked import COMMAND, QUERY, REPORT, BusService
from autobot.kernel.commands.wire import bus_wires
from autobot.kernel.event_store.patience import AWAY
from autobot.kernel.links.hop_door import HopRow
from autobot.kernel.links.hop_wire import HEALTH
from autobot.kernel.links.registry import Carrier
from autobot.kernel.links.row import TransportName
from autobot.kernel.links.service_token import ServiceTokens
from autobot.kernel.links.wire import Wire
from autobot.kernel.messaging.transient import Missed
from autobot.kernel.resilience.operation import Transport
from autobot.kernel.telemetry.listener import Listeners
from autobot.workers.npu.ports import inference_wires

if TYPE_CHECKING:
    from autobot.bootstrap.grpc_side import GrpcSide

FOUND_S: Final = 20.0
"""Seconds that a process waits at its start for the roles that it calls; then it serves without, and says so."""


@dataclass(slots=True, kw_only=True)
class Mesh:
    """This process among the others, while `joined` runs."""

    product: Product
    membership: Membership
    directory: TargetDirectory
    texts: FrameTexts
    hop: Hop
    sides: Sides
    fanouts: list[Fanout] = field(default_factory=list)

    def shown_by(self, fanout: Fanout) -> None:
        """Give passing frames of other processes to a fan-out."""
        self.fanouts.append(fanout)

    async def announce(self) -> None:
        """Take a place: calls come from now on."""
        await self.sides.ready()
        await self.membership.join()

    async def reached(self) -> None:
        """Wait for the roles that this process calls, but not for ever."""
        try:
            async with asyncio.timeout(FOUND_S):
                await self.directory.found.wait()
        except TimeoutError:
            return

    async def leave(self) -> None:
        """Be chosen no more."""
        await self.sides.leave()
        try:
            await self.membership.drain("it leaves")
        except AWAY:
            # The others see it by silence.
            return

    async def end_calls(self) -> None:
        """Let calls end that did not come by HTTP, and take no more."""
        await self.sides.stop()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """Where other roles call this one."""

    app: RoleHop
    lifecycle: Lifecycle


@asynccontextmanager
async def joined(
    product: Product, role: Role, carrier: RedisCarrier, grpc_port: int | None = None
) -> AsyncIterator[Mesh]:
    """Connect a product of one role to the others for the block.

    It takes calls over gRPC too, at `grpc_port` or at any free one when a row of the matrix says so.
    """
    outside, placement, redis = product.outside, product.placement, carrier.parts
    key = await asyncio.to_thread(load_or_create_key, key_path(product.config))
    tokens = KeyedServiceTokens(key, outside.clock)
    transports = {row: _transport(product, row, tokens) for row in _followed(product)}
    parts = _parts(product, role, tokens)
    sides = await _sides(product, parts, tokens, redis, grpc_port)
    address = sides.grpc.address if sides.grpc else ""
    own = replace(product.own, key_mark=key_mark(key), grpc=address, carries=carried_here())
    membership = Membership(
        own,
        product.store,
        product.codec,
        outside.clock,
        product.context(),
        within=within(product.accelerators, lambda: product.live.server),
        listener=outside.listener,
    )
    directory = _directory(product, own, transports, sides, membership)
    mesh = Mesh(
        product=product,
        membership=membership,
        directory=directory,
        texts=FrameTexts(lambda wanted: redis.frames.publish(WANTED, wanted)),
        hop=Hop(app=RoleHop(parts), lifecycle=parts.lifecycle),
        sides=sides,
    )
    try:
        async with asyncio.TaskGroup() as group:
            work = (membership.run(), directory.run(), carrier.run(), _frames(mesh, redis), sides.run())
            tasks = [group.create_task(one) for one in work]
            if not placement.holds("gateway"):
                tasks.append(group.create_task(redis.relay.run()))
            try:
                yield mesh
            finally:
                for task in tasks:
                    task.cancel()
    finally:
        await _left(membership)
        for transport in transports.values():
            await transport.close()
        await sides.close()


def _directory(
    product: Product, own: Self, transports: Mapping[str, Transport], sides: Sides, member: Membership
) -> TargetDirectory:
    """Return what connects the rows that lead from here."""
    outside = product.outside

    async def open_for(words: frozenset[TransportName]) -> Others | None:
        if not await sides.open_for(words):
            return None
        if sides.grpc is not None:
            with suppress(*AWAY):
                # Else the next sign of life says it.
                await member.takes_grpc(sides.grpc.address)
        return sides.others

    return TargetDirectory(
        transports,
        own.contracts,
        registry=product.registry,
        store=product.store,
        codec=product.codec,
        clock=outside.clock,
        observer=product.observer,
        context=product.context(),
        listener=outside.listener,
        speaks=own.speaks,
        key_mark=own.key_mark,
        others=sides.others,
        otherwise=_otherwise(product),
        open_for=open_for,
    )


def _followed(product: Product) -> Sequence[str]:
    """Return the rows from here whose other end the roles table shows."""
    rows = [row for row in HOPS if product.placement.outgoing(row)]
    return [row for row in rows if row != WORKER_ROW or not product.accelerators.named]


def _otherwise(product: Product) -> Mapping[str, Carrier]:
    """Return what carries such a row while nobody is there: a worker of our own needs no process in the table."""
    if WORKER_ROW not in _followed(product):
        return {}
    own = product.accelerators.own()
    return {} if own is None else {WORKER_ROW: own}


async def _left(membership: Membership) -> None:
    try:
        await membership.leave()
    except AWAY:
        # The place is taken away when its lease has ended.
        return


# ------------------------------------------------------------------------------------------------------ calls


def _modules(product: Product, row: str) -> Sequence[Module]:
    """Return the modules whose commands and queries cross a row."""
    ai = HOPS[row][1] == "ai"
    return [one for one in product.modules if (one.name in AI_CONTEXTS) == ai]


def _wires(product: Product, row: str) -> Mapping[str, Wire]:
    if row == MODELS:
        return {name: model_wires()[name] for name in OF_DOCUMENTS}
    if row == WORKER_ROW:
        return inference_wires()
    modules = _modules(product, row)
    commands = [spec for module in modules for spec in module.commands]
    queries = [spec for module in modules for spec in module.queries]
    models = model_wires() if HOPS[row][1] == "ai" else {}
    return {**bus_wires(commands, queries), **models}


def _transport(product: Product, row: str, tokens: ServiceTokens) -> Transport:
    outside = product.outside
    caller, callee = HOPS[row]
    options = HttpOptions(internal=True, health_path=HEALTH)
    return RoleTransport(
        link=row,
        issuer=caller,
        audience=callee,
        wires=_wires(product, row),
        tokens=tokens,
        inner=HttpTransport(row, options, outside.clock, outside.chance, outside.listener),
        clock=outside.clock,
    )


async def _sides(
    product: Product, parts: HopParts, tokens: ServiceTokens, redis: RedisParts, port: int | None
) -> Sides:
    """Return what carries rows here besides HTTP: what a row of the matrix asks for, and gRPC for a port of its own.

    More is opened when a row asks for it later.
    """
    rows = product.registry.matrix.rows
    asked = {rows[row].transport for row in HOPS if row in rows}
    wires = {row: _wires(product, row) for row in HOPS}

    async def open_grpc() -> GrpcSide:
        need_grpc()
        # Its libraries are no part of the core.
        from autobot.bootstrap.grpc_side import open_side

        return await open_side(product, parts, wires, tokens, port or 0)

    sides = Sides(
        open_grpc=open_grpc, open_stream=lambda: open_streams(product, parts, wires, tokens, redis.server)
    )
    await sides.open_for(asked if port is None else asked | {"grpc"})
    return sides


def _parts(product: Product, role: Role, tokens: ServiceTokens) -> HopParts:
    """Return what answers other roles here; in the gateway nobody asks."""
    outside, lifecycle = product.outside, Lifecycle()
    service = BusService(product.services)
    usual: dict[str, Any] = {COMMAND.name: service.command, QUERY.name: service.query}
    streams: dict[str, Any] = {}
    if role == "ai":
        models, texts = over_facade(product.facade)
        usual |= models
        streams |= texts
    rows: dict[str, list[HopRow]] = {}
    for row, (caller, _) in HOPS.items():
        if product.placement.incoming(row):
            calls, chunks = usual, streams
            if row == REPORTS:
                calls = {REPORT.name: service.query}
            elif row == MODELS:
                calls, chunks = {name: usual[name] for name in OF_DOCUMENTS}, {}
            made = HopRow(row=row, wires=_wires(product, row), calls=calls, streams=chunks)
            rows.setdefault(caller, []).append(made)
    return HopParts(
        role=role,
        version=VERSION,
        rows=rows,
        tokens=tokens,
        lifecycle=lifecycle,
        clock=outside.clock,
        chance=outside.chance,
        ids=outside.ids,
        listener=Listeners(*filter(None, (outside.listener, product.registry.arrivals))),
        arrived=product.registry.arrived,
    )


# ----------------------------------------------------------------------------------------------------- frames


async def _frames(mesh: Mesh, redis: RedisParts) -> None:
    """Take in passing frames where they are shown; tell whole texts where they are made."""
    if mesh.product.placement.holds("gateway"):
        await _show(mesh, redis)
    elif mesh.product.placement.holds("ai"):
        await _tell(mesh, redis)


async def _show(mesh: Mesh, redis: RedisParts) -> None:
    async with redis.frames.subscribe((TEXT, PROGRESS), limit=4_096) as heard:
        mesh.texts.joined()
        while True:
            frame = await heard.receive()
            if isinstance(frame, Missed):
                mesh.texts.joined()
                continue
            if frame.channel == TEXT:
                mesh.texts.take(frame.payload)
            for fanout in mesh.fanouts:
                publish_passing(fanout, frame.payload)


async def _tell(mesh: Mesh, redis: RedisParts) -> None:
    texts = EngineTexts(mesh.product.engine)
    async with redis.frames.subscribe((WANTED,)) as heard:
        while True:
            frame = await heard.receive()
            wanted = "*" if isinstance(frame, Missed) else str(frame.payload)
            for whole in texts.wholes(wanted):
                redis.frames.publish(TEXT, whole)
