"""What `Reranker` (of documents) and `Ranker` (of a provider) promise. Subclass the suite of the port, and override `open`."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any, Generic, TypeVar

import pytest

from autobot.contexts.agents.ports import Ranker
from autobot.contexts.knowledge.ports.ranking import Reranker
from autobot.contracts.inference import RankTexts, Reranked, RerankTexts
from autobot.contracts.models import TEXTS_MAX
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import Absent, InvalidInput, NotFound

CAT, STOCKS = "a cat sleeps on the mat", "stock markets fell today"
OTHERS = ("rivers run to the sea", STOCKS, "the mat is warm")
Port = TypeVar("Port")


class OrderSuite(ABC, Generic[Port]):
    """What both promise: an order of documents."""

    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[Port]:
        """Return the implementation under test, open for the block."""

    @abstractmethod
    def context(self) -> CallContext:
        """Return who asks."""

    @abstractmethod
    async def ordered(self, port: Port, query: str, documents: tuple[str, ...]) -> Reranked:
        """Return the order of documents."""

    def ask(self, query: str, *documents: str) -> Any:
        """Return the answer to one question."""

        async def main() -> Reranked:
            async with self.open() as port:
                return await self.ordered(port, query, documents)

        return asyncio.run(main())

    def test_every_document_comes_once_the_best_first(self) -> None:
        """By score, each with its place among those that were given; what says the question's own words is first."""
        found = self.ask(CAT, *OTHERS, CAT)
        assert sorted(one.index for one in found.ranking) == [0, 1, 2, 3]
        scores = [one.score for one in found.ranking]
        assert scores == sorted(scores, reverse=True)
        assert scores[0] > scores[-1]
        assert found.ranking[0].index == 3
        assert found.model

    def test_equal_documents_stay_in_their_order(self) -> None:
        """The same text twice has one score, and the first stays first."""
        found = self.ask(CAT, STOCKS, CAT, STOCKS, CAT)
        assert [one.index for one in found.ranking] == [1, 3, 0, 2]
        assert len({one.score for one in found.ranking}) == 2

    def test_no_documents_empty_ones_and_too_many_are_refused(self) -> None:
        """There must be something to put in order, and not more than one call may carry."""
        for documents in ((), (CAT, ""), ("x",) * (TEXTS_MAX + 1)):
            with pytest.raises(InvalidInput):
                self.ask(CAT, *documents)
        with pytest.raises(InvalidInput):
            self.ask("", CAT)


class RerankerSuite(OrderSuite[Reranker]):
    """The port of documents. `reads` says whether there is a model that reads question and passage together."""

    reads = True

    async def ordered(self, port: Reranker, query: str, documents: tuple[str, ...]) -> Reranked:
        """Ask it to judge in any way."""
        return await port.rerank(RankTexts(query=query, documents=documents), self.context())

    def test_what_was_asked_for_judges(self) -> None:
        """Embeddings judge for who asks for them; a model that reads both is Absent where there is none, with the step."""

        async def main() -> None:
            async with self.open() as port:
                any_wish = RankTexts(query=CAT, documents=(STOCKS, CAT))
                own = await port.rerank(replace(any_wish, by="embedding"), self.context())
                assert (own.by, own.ranking[0].index) == ("embedding", 1)
                any_ = await port.rerank(any_wish, self.context())
                assert any_.by == ("cross-encoder" if self.reads else "embedding")
                both = replace(any_wish, by="cross-encoder")
                if self.reads:
                    read = await port.rerank(both, self.context())
                    assert (read.by, read.model) == ("cross-encoder", any_.model)
                    assert read.model != own.model
                    return
                with pytest.raises(Absent) as caught:
                    await port.rerank(both, self.context())
                assert caught.value.hint

        asyncio.run(main())


class RankerSuite(OrderSuite[Ranker]):
    """The port of a provider. `model` is one of its models."""

    model: str

    async def ordered(self, port: Ranker, query: str, documents: tuple[str, ...]) -> Reranked:
        """Ask its model."""
        wish = RerankTexts(query=query, documents=documents, model=self.model)
        return await port.rerank(wish, self.context())

    def test_an_unknown_model_is_not_found(self) -> None:
        """A name that it does not have is NotFound."""

        async def main() -> None:
            async with self.open() as port:
                wish = RerankTexts(query=CAT, documents=(CAT,), model="there-is-no-such-model")
                with pytest.raises(NotFound):
                    await port.rerank(wish, self.context())

        asyncio.run(main())
