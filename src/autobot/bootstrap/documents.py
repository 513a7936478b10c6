"""What the knowledge context stands on here, behind rows of the matrix, and what works for it in the background."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from autobot.adapters.documents.parser import ChildParser
from autobot.adapters.files.archives import LocalFiles
from autobot.adapters.files.folders import MachineFolders
from autobot.adapters.http.fetching import WebTransport
from autobot.bootstrap.carrying import PROGRESS, Send
from autobot.bootstrap.outside import Outside
from autobot.bootstrap.placing import Placement
from autobot.bootstrap.routing import MODELS
from autobot.bootstrap.selves import process_id
from autobot.bootstrap.wiring import direct
from autobot.config import Config
from autobot.contexts.agents.facade import EMBED
from autobot.contexts.agents.ranking import RERANK
from autobot.contexts.knowledge import module
from autobot.contexts.knowledge.module import Indexer, Means
from autobot.contexts.knowledge.ports.blobs import Blobs
from autobot.contexts.knowledge.ports.index import PassageIndex
from autobot.contexts.knowledge.ports.linked import (
    LinkedBlobs,
    LinkedFetcher,
    LinkedParser,
    blobs_service,
    parser_service,
)
from autobot.contexts.knowledge.ports.ranking import Reranker
from autobot.contexts.settings.read_model import SettingsReader
from autobot.contracts.identity import UserRemoved
from autobot.contracts.inference import RankTexts, Reranked
from autobot.contracts.models import Embeddings
from autobot.kernel.commands.decision import Module
from autobot.kernel.commands.linked import LinkedBus
from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import SYSTEM, CallContext
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.linked import LinkedEventStore
from autobot.kernel.event_store.patience import patiently
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.links.direct import DirectTransport
from autobot.kernel.links.ports import Link
from autobot.kernel.links.registry import LinkRegistry, Wired
from autobot.kernel.links.trace_context import new_trace
from autobot.kernel.messaging.leases import Lease, while_held


class Worked(Protocol):
    """What is used of a product."""

    config: Config
    outside: Outside
    placement: Placement
    store: LinkedEventStore
    codec: EventCodec
    knowledge: Knowledge
    indexer: Indexer
    settings: SettingsReader
    services: LinkedBus


BLOBS, PARSER, WEB = "backend-blobs", "backend-parser", "backend-web"


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """What documents are kept, read and found with."""

    blobs: Blobs
    parser: LinkedParser
    fetcher: LinkedFetcher
    index: PassageIndex
    embedder: module.JudgedEmbedder
    reranker: Reranker
    child: ChildParser


def knowledge_on(config: Config, outside: Outside, registry: LinkRegistry) -> Knowledge:
    """Connect the rows and return what lies behind them."""
    child = ChildParser(hidden=(config.data_dir,))
    web = WebTransport(WEB, outside.clock, outside.chance, outside.listener)
    registry.wire(BLOBS, direct(DirectTransport(blobs_service(outside.blobs))))
    registry.wire(PARSER, direct(DirectTransport(parser_service(child))))
    registry.wire(WEB, Wired(transport=web, targets=("public addresses",)))
    own = CallContext(correlation_id="documents", principal=SYSTEM, trace=new_trace(outside.chance))
    return Knowledge(
        blobs=LinkedBlobs(registry.link(BLOBS), own),
        parser=LinkedParser(registry.link(PARSER)),
        fetcher=LinkedFetcher(registry.link(WEB)),
        index=outside.index,
        embedder=module.JudgedEmbedder(FacadeEmbedder(registry.link(MODELS)), outside.clock),
        reranker=FacadeReranker(registry.link(MODELS)),
        child=child,
    )


def own_context(outside: Outside) -> CallContext:
    """Return the context of work on documents that nobody waits for."""
    trace = new_trace(outside.chance)
    return CallContext(correlation_id=outside.ids.new(), principal=SYSTEM, trace=trace)


def runs_of_documents(
    knowledge: Knowledge, bus: Dispatcher, store: EventStore, clock: Clock
) -> tuple[module.MeasurementRun, module.ImportRun]:
    """Return the definitions of the context's runs for the engine."""
    imports = module.ImportRun(bus=bus, store=store, blobs=knowledge.blobs, clock=clock)
    return module.MeasurementRun(bus=bus, store=store), imports


def archives_of(knowledge: Knowledge, store: EventStore, codec: EventCodec, clock: Clock) -> module.Exporter:
    """Return what writes collections as archives."""
    return module.Exporter(store, codec, knowledge.blobs, clock)


class Assembled(Protocol):
    """What is used of a product that is being put together."""

    config: Config
    outside: Outside
    placement: Placement
    store: LinkedEventStore
    knowledge: Knowledge
    send: Send


def indexer_of(product: Assembled, bus: Dispatcher) -> Indexer:
    """Return what works through the queue of documents, together with other processes where there are several."""
    outside, knowledge, name = product.outside, product.knowledge, ""
    if product.placement.scaled:
        name = process_id(product.config, product.placement)
    return module.Indexer(
        Means(
            store=product.store,
            bus=bus,
            blobs=knowledge.blobs,
            parser=knowledge.parser,
            fetcher=knowledge.fetcher,
            index=knowledge.index,
            embedder=knowledge.embedder,
            clock=outside.clock,
            ids=outside.ids,
            context=lambda: own_context(outside),
            tell=lambda said: product.send(PROGRESS, said),
        ),
        module.Shares(product.store, outside.clock, name) if name else None,
    )


async def work_on_documents(product: Worked) -> None:
    """Work through the queue; mend what was lost and watch folders, where there are several in the one that has the lease."""
    outside, knowledge = product.outside, product.knowledge
    mender = module.Mender(
        product.store, product.codec, knowledge.blobs, knowledge.index, outside.clock, outside.ids
    )

    async def folders() -> Sequence[str]:
        wanted: Sequence[str] = await product.settings.current("knowledge.folders")
        return wanted

    watcher = module.Watcher(
        store=product.store,
        bus=product.services,
        blobs=knowledge.blobs,
        folders=MachineFolders(closed=product.config.data_dir),
        wanted=folders,
        clock=outside.clock,
        ids=outside.ids,
        context=lambda: own_context(outside),
    )

    async def look_after() -> None:
        await patiently(mender.run)
        await watcher.run()

    async with asyncio.TaskGroup() as group:
        if not product.placement.scaled:
            await patiently(mender.run)
            caring = group.create_task(watcher.run(), name="watched folders")
        else:
            name = process_id(product.config, product.placement)
            lease = Lease(product.store, outside.clock, "documents", name, about="documents")
            caring = group.create_task(while_held(lease, outside.clock, look_after), name="care of documents")
        await product.indexer.run()
        caring.cancel()


async def follow_documents(
    indexer: Indexer, query_log: module.QueryLog, store: EventStore, codec: EventCodec
) -> None:
    """Let the indexer hear what is said of documents, and the log of queries who is removed, as it is said."""
    async for batch in store.subscribe(after=await store.head()):
        for one in batch:
            if one.message.type.startswith(KNOWLEDGE):
                indexer.heard(codec.unwrap(one))
            elif one.message.type == UserRemoved.TYPE:
                fact = codec.unwrap(one)
                if isinstance(fact, UserRemoved):
                    query_log.forget(fact.user_id)


KNOWLEDGE: Final = "autobot.knowledge."


class FacadeEmbedder:
    """Implements `Embedder` over the row to the model facade, by the model that embeds when none is named."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def embed(self, texts: Sequence[str], context: CallContext) -> Embeddings:
        """Return a vector for each text. `model` names its provider, too: two may have models of one name."""
        found: Embeddings = await self._link.call(EMBED, ("", tuple(texts)), context)
        provider = found.served_by.provider if found.served_by else ""
        return replace(found, model=f"{provider}:{found.model}")


class FacadeReranker:
    """Implements `Reranker` over the row to the model facade."""

    def __init__(self, link: Link) -> None:
        self._link = link

    async def rerank(self, request: RankTexts, context: CallContext) -> Reranked:
        """Return the order of the documents."""
        found: Reranked = await self._link.call(RERANK, request, context)
        return found


def rerank_rules(settings: SettingsReader) -> Callable[[], Awaitable[module.RerankRules]]:
    """Return what tells the operator's rules of the rerank stage."""

    async def rules() -> module.RerankRules:
        return module.RerankRules(
            usual=await settings.current("knowledge.rerank"),
            passages=await settings.current("knowledge.rerank_passages"),
            within_s=await settings.current("knowledge.rerank_seconds"),
        )

    return rules


def log_rules(settings: SettingsReader) -> Callable[[], Awaitable[module.LogRules]]:
    """Return what tells the operator's rules of the log of queries."""

    async def rules() -> module.LogRules:
        return module.LogRules(
            kept=await settings.current("knowledge.log_queries"),
            days=await settings.current("knowledge.log_days"),
            rows=await settings.current("knowledge.log_rows"),
        )

    return rules


def knowledge_context(
    knowledge: Knowledge, outside: Outside, store: EventStore, codec: EventCodec, settings: SettingsReader
) -> tuple[module.QueryLog, Module]:
    """Return the context, and the log of queries that hears of its searches."""
    log = module.QueryLog(store, outside.clock, outside.ids, log_rules(settings))
    context = module.build(
        store=store,
        blobs=knowledge.blobs,
        index=knowledge.index,
        embedder=knowledge.embedder,
        reranker=knowledge.reranker,
        rerank_rules=rerank_rules(settings),
        query_log=log,
        files=LocalFiles(),
        codec=codec,
        clock=outside.clock,
        ids=outside.ids,
    )
    return log, context
