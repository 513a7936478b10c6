"""The knowledge context on memory adapters, through the real bus, with the real reader of files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any

from autobot.adapters.documents.parser import ChildParser, ParserOptions
from autobot.adapters.files.archives import LocalFiles
from autobot.adapters.memory.blobs import MemoryBlobs
from autobot.adapters.memory.passages import MemoryPassages
from autobot.adapters.system.clock import SystemClock
from autobot.contexts.knowledge.module import (
    EVENTS,
    Indexer,
    LogRules,
    Means,
    Mender,
    QueryLog,
    RerankRules,
    build,
    cleaner,
    labeller,
)
from autobot.contexts.knowledge.ports.blobs import once, store
from autobot.contexts.knowledge.ports.embedding import Embedder, JudgedEmbedder
from autobot.contexts.knowledge.ports.fetching import Fetched, Wanted
from autobot.contexts.knowledge.ports.index import Where
from autobot.contracts.chat import ReplyRecorded
from autobot.contracts.knowledge import documents as contract
from autobot.contracts.models import Embeddings
from autobot.kernel.core.context import CallContext, Principal, Role
from autobot.kernel.core.errors import Absent
from autobot.testing.inference.ranking import HashingReranker
from tests.unit.contexts.kit import Ground, context_of

READING = ParserOptions(bubblewrap=None)


def person(name: str, role: Role = "user") -> Principal:
    """Somebody."""
    return Principal(id=name, kind="user", role=role, user_id=name, username=name)


ALICE, BOB, EVE, ADMIN, VIEWER = (
    person("alice"), person("bob"), person("eve"), person("admin", "admin"), person("viewer", "viewer"),
)  # fmt: skip


class Switched:
    """An embedder that is away until it is switched on, and tells when it was asked."""

    def __init__(self, inner: Embedder) -> None:
        self.inner, self.there = inner, False
        self.then: Callable[[Sequence[str]], Awaitable[None]] | None = None

    async def embed(self, texts: Sequence[str], context: CallContext) -> Embeddings:
        """Embed, or be away."""
        if self.then is not None:
            await self.then(texts)
        if not self.there:
            raise Absent("npu", "There is no model.", hint="autobot add npu")
        return await self.inner.embed(texts, context)


class Pages:
    """Addresses and what lies there; an error is raised."""

    def __init__(self) -> None:
        self.at: dict[str, Fetched | Exception] = {}

    async def fetch(self, wanted: Wanted, context: CallContext) -> Fetched:
        """Return what lies there."""
        found = self.at[wanted.url]
        if isinstance(found, Exception):
            raise found
        return found


async def usual_rules() -> RerankRules:
    """The rules of reranking where nobody set any."""
    return RerankRules()


class World(Ground):
    """The context with what it stands on."""

    def __init__(self, embedder: Embedder) -> None:
        super().__init__((*EVENTS, ReplyRecorded), clock=SystemClock())
        self.blobs, self.index = MemoryBlobs(self.clock), MemoryPassages()
        self.embedder, self.pages = Switched(embedder), Pages()
        self.judged = JudgedEmbedder(self.embedder, self.clock)
        self.log_rules = LogRules()
        self.query_log = QueryLog(self.store, self.clock, self.ids, self.rules_of_log)
        module = build(
            store=self.store,
            blobs=self.blobs,
            index=self.index,
            embedder=self.judged,
            reranker=HashingReranker(self.clock, reads=False),
            rerank_rules=usual_rules,
            query_log=self.query_log,
            codec=self.codec,
            files=LocalFiles(),
            clock=self.clock,
            ids=self.ids,
        )
        self.modules = (module,)
        self.dispatcher = self.bus(self.modules)
        self.clean = cleaner(self.codec, self.index, self.blobs)
        self.label = labeller(self.codec, self.store, self.index)

    async def rules_of_log(self) -> LogRules:
        """The rules of the log of queries, as they are now."""
        return self.log_rules

    async def do(self, command: Any, who: Principal = ALICE, key: str | None = None) -> Any:
        """Dispatch a command."""
        return (await self.dispatcher.dispatch(command, context_of(who), key=key)).value

    async def ask(self, query: Any, who: Principal = ALICE) -> Any:
        """Ask a query."""
        return await self.dispatcher.ask(query, context_of(who))

    async def add(self, text: str, who: Principal = ALICE, **fields: Any) -> contract.Accepted:
        """Add a text as a file."""
        data, name = text.encode(), self.ids.new()
        await store(self.blobs, name, once(data), len(data))
        mark = contract.FileMark(size=len(data), sha256=sha256(data).hexdigest(), filename="a.md")
        command = contract.AddDocument(**{"title": "A title", "file": mark, "blob": name, **fields})
        accepted: contract.Accepted = await self.do(command, who)
        return accepted

    def indexer(self, **options: Any) -> Indexer:
        """Return what works through the queue."""
        means = Means(
            store=self.store,
            bus=self.dispatcher,
            blobs=self.blobs,
            parser=ChildParser(options=READING),
            fetcher=self.pages,
            index=self.index,
            embedder=self.judged,
            clock=self.clock,
            ids=self.ids,
            context=context_of,
        )
        return Indexer(means, **options)

    def mender(self) -> Mender:
        """Return what makes a lost index anew."""
        return Mender(self.store, self.codec, self.blobs, self.index, self.clock, self.ids)

    @asynccontextmanager
    async def working(self, **options: Any) -> AsyncIterator[Indexer]:
        """Index in the background for the block, and hear what is said of documents."""
        indexer = self.indexer(**options)

        async def follow() -> None:
            async for batch in self.store.subscribe(after=0):
                for one in batch:
                    indexer.heard(self.codec.unwrap(one))
                    await self.clean(one)
                    await self.label(one)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(indexer.run()), group.create_task(follow())]
            try:
                yield indexer
            finally:
                for task in tasks:
                    task.cancel()

    async def settled(self, document_id: str, who: Principal = ALICE) -> contract.DocumentView:
        """Return a document when nothing is done with it any more."""
        view: contract.DocumentView = await self.ask(contract.AwaitDocument(id=document_id, seconds=30), who)
        assert view.status in ("ready", "failed", "cancelled"), view
        return view

    async def found(self, words: str, as_of: int | None = None) -> list[str]:
        """Return the passages that words find."""
        hits = await self.index.lexical(words, Where(as_of=as_of), 10)
        return [one.passage_id for one in hits]
