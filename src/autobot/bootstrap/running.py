"""Runs what works in the background of a product."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any, Final

from autobot.bootstrap.documents import follow_documents, work_on_documents
from autobot.bootstrap.following import unclaimed
from autobot.bootstrap.near import tend
from autobot.bootstrap.product import Product
from autobot.bootstrap.published import EVENTS, UPCASTERS
from autobot.contexts.messaging import module as messaging_module
from autobot.contexts.system import module as system_module
from autobot.kernel.event_store.patience import patiently
from autobot.kernel.event_store.transaction import Recorded, Transaction
from autobot.kernel.messaging.broker import Delivery, Subscription
from autobot.kernel.telemetry.listener import Change

REFUSALS_EVERY_S: Final = 1.0
USAGE_EVERY_S: Final = 1.0
QUERIES_EVERY_S: Final = 1.0
PROBE_LINKS_EVERY_S: Final = 5.0


@asynccontextmanager
async def running(product: Product, *, decisions: bool = True) -> AsyncIterator[Product]:
    """Run everything that works in the background for the block.

    `decisions` puts in force what operators decided about rows and breakers at run time.
    """
    await product.live.refresh()
    product.live.open_file(product.outside.clock, product.config.inherited)
    if product.placement.holds("ai"):
        product.live.npu.current = await product.accelerators.open()
    seen = await product.store.head()
    if product.placement.holds("backend"):
        await messaging_module.reindex(product.store)
    if decisions:
        refused = await system_module.restore_policies(product.store, product.codec, product.registry)
        for row, why in refused:
            _tell(product, row, why)
    async with AsyncExitStack() as stack:
        group = await stack.enter_async_context(asyncio.TaskGroup())
        tasks = [group.create_task(one, name=name) for name, one in _background(product, seen).items()]
        serving = group.create_task(product.engine.serve(), name="runs")
        await product.engine.recovered.wait()
        try:
            yield product
        finally:
            product.engine.close()
            await serving
            for task in tasks:
                task.cancel()
            try:
                await product.refusals.flush()
                await product.answering.meter.flush()
                await product.query_log.flush()
                await product.answering.router.close()
            finally:
                await product.registry.close()
                await product.wires.close()
                await product.accelerators.close()


def _tell(product: Product, row: str, why: str) -> None:
    """Say that an operator's decision on a row could not be put in force again."""
    listener = product.outside.listener
    if listener is not None:
        listener.changed(
            Change(
                kind="policy", subject=f"link:{row}", before="stored", after="as the files say", reason=why
            )
        )


def _background(product: Product, seen: int) -> dict[str, Any]:
    """Return what works beside the requests, by the roles of this process."""
    placement, work = product.placement, _everywhere(product, seen)
    if placement.holds("backend") or placement.holds("ai"):
        work["reactions"] = product.broker.serve(_by_newest_settings(product))
        if placement.holds("backend"):
            known = {kind.TYPE for kind in EVENTS} | UPCASTERS.sources
            work |= {
                "view of chats": product.chat_view.run(),
                "unclaimed": product.broker.serve(unclaimed(known, product.reacting.wants)),
                "scrubbing": product.upkeep.scrub_after_erasures(),
                "documents": work_on_documents(product),
                "index of passages": tend(
                    product.outside.own_index, product.store, product.codec, product.outside.listener
                ),
                "log of queries": every(QUERIES_EVERY_S, product.query_log.flush),
                "news of documents": follow_documents(
                    product.indexer, product.query_log, product.store, product.codec
                ),
            }
    if placement.holds("ai"):
        server = product.live.server
        work |= {"model file": server.run()} if server is not None else {}
        child = product.accelerators.child
        work |= {"worker for inference": child.run()} if child is not None else {}
        work["discovery"] = product.live.discover()
        work["usage"] = every(USAGE_EVERY_S, product.answering.meter.flush)
    return work


def _everywhere(product: Product, seen: int) -> dict[str, Any]:
    work = {
        "settings": _follow_settings(product),
        "refusals": every(REFUSALS_EVERY_S, product.refusals.flush),
        "health": product.health.run(),
        "probes": every(PROBE_LINKS_EVERY_S, product.registry.probe_idle),
    }
    if product.placement.scaled:
        work |= {"decisions": _follow_decisions(product, seen), "figures": product.figures.run()}
    return work


async def every(seconds: float, work: Callable[[], Awaitable[Any]]) -> None:
    """Do `work` again and again, with a pause before each. A row that refuses it now is waited out: an
    operator who breaks one on purpose does not end the process."""
    while True:
        await asyncio.sleep(seconds)
        await patiently(work)


async def _follow_settings(product: Product) -> None:
    head = await product.store.head()
    product.live.passed(head)
    async for batch in product.store.subscribe(after=head):
        if any(one.message.type.startswith("autobot.settings.") for one in batch):
            await patiently(product.live.refresh)
        if any(one.message.type.startswith("autobot.knowledge.") for one in batch):
            # An answer may rest on what documents said before.
            product.answering.similar.forget()
        product.live.passed(batch[-1].position)


def _by_newest_settings(product: Product) -> Subscription:
    """Return the group of reactions; where others change settings, each waits for those made before its fact."""
    reacting = product.reacting
    if not product.placement.scaled:
        return reacting

    async def react(recorded: Recorded, delivery: Delivery) -> Transaction:
        await product.live.caught_up(recorded.position)
        return await reacting.handler(recorded, delivery)

    return replace(reacting, handler=react)


async def _follow_decisions(product: Product, seen: int) -> None:
    """Put in force what operators decide in another process after `seen`."""
    async for batch in product.store.subscribe(after=seen):
        for one in batch:
            fact = product.codec.unwrap(one)
            system_module.hear_policy(fact, product.registry)
            messaging_module.hear(fact, product.broker)
