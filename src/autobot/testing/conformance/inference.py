"""What `Inference` promises. Subclass `InferenceSuite` and override `open`."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest

from autobot.contracts.inference import (
    ClassifyTexts,
    CompareTexts,
    EmbedTexts,
    Prototype,
    RerankTexts,
    WarmUp,
)
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import DeadlineExceeded, InvalidInput, NotFound
from autobot.workers.npu.ports import Inference

NEAR: Final = 1e-5
"""How far a number of a vector may be from itself, computed in other company."""

CAT: Final = "A cat sleeps on the warm mat"
KITTEN: Final = "A cat rests on the warm mat"
STOCKS: Final = "Stock markets fell sharply after the central bank spoke"
TEXTS: Final = (CAT, STOCKS, "Ein Satz mit Umlauten: Größe, Übung 🦊", "x", KITTEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A worker under test.

    Attributes:
        inference: the worker. context: what it is called with.
        model: the name of a slot that embeds, which is the first one.
        long: a text that does not fit into that model's window.
        ranker: the name of a slot that ranks and does not embed, None when there is none.
    """

    inference: Inference
    context: CallContext
    model: str
    long: str
    ranker: str | None = None


class InferenceSuite:
    """One test a promise."""

    patience_s = 60.0

    def open(self) -> AbstractAsyncContextManager[Subject]:
        """Return a new subject for a block."""
        raise AssertionError("the subclass opens its subject")

    def run(self, main: Coroutine[Any, Any, None]) -> None:
        """Run a test."""
        asyncio.run(main)

    @asynccontextmanager
    async def subject(self) -> AsyncIterator[Subject]:
        """Open, and bound the time of what follows."""
        async with self.open() as subject, asyncio.timeout(self.patience_s):
            yield subject

    # ------------------------------------------------------------------------------------------- embed

    def test_each_text_has_a_unit_vector_in_its_place(self) -> None:
        """One row a text, of length 1, in the order of the texts; near texts are nearer than strange ones."""

        async def main() -> None:
            async with self.subject() as one:
                found = await one.inference.embed(EmbedTexts(texts=TEXTS), one.context)
                rows = list(found.vectors)
                assert found.model == one.model
                assert len(rows) == len(found.vectors) == len(TEXTS)
                assert all(abs(math.hypot(*row) - 1) < NEAR for row in rows)
                assert found.tokens >= len(TEXTS)
                assert found.truncated == ()
                assert _dot(rows[0], rows[4]) > _dot(rows[0], rows[1])
                backwards = await one.inference.embed(EmbedTexts(texts=TEXTS[::-1]), one.context)
                assert _furthest(rows[::-1], list(backwards.vectors)) < NEAR

        self.run(main())

    def test_a_vector_does_not_depend_on_its_company(self) -> None:
        """A text has the same vector alone, beside others, and beside a much longer one."""

        async def main() -> None:
            async with self.subject() as one:
                (alone,) = (await one.inference.embed(EmbedTexts(texts=(CAT,)), one.context)).vectors
                for texts, place in (((CAT, *TEXTS), 0), ((one.long, CAT), 1), ((CAT, one.long, CAT), 2)):
                    answer = await one.inference.embed(EmbedTexts(texts=texts), one.context)
                    assert _furthest([alone], [list(answer.vectors)[place]]) < NEAR

        self.run(main())

    def test_a_long_text_is_cut_and_named(self) -> None:
        """What does not fit is left out and its place told; what comes after the cut changes nothing."""

        async def main() -> None:
            async with self.subject() as one:
                texts = (CAT, one.long, STOCKS, f"{one.long} {STOCKS}")
                found = await one.inference.embed(EmbedTexts(texts=texts), one.context)
                rows = list(found.vectors)
                assert found.truncated == (1, 3)
                assert _furthest([rows[1]], [rows[3]]) < NEAR

        self.run(main())

    def test_many_at_once_are_kept_apart(self) -> None:
        """Calls that run side by side each get the vectors of their own texts."""

        async def main() -> None:
            async with self.subject() as one:
                texts = [f"{word} number {number}" for number, word in enumerate("abcdefghij" * 3)]
                alone = await one.inference.embed(EmbedTexts(texts=tuple(texts)), one.context)
                calls = [one.inference.embed(EmbedTexts(texts=(text,)), one.context) for text in texts]
                together = await asyncio.gather(*calls)
                rows = [row for found in together for row in found.vectors]
                assert _furthest(list(alone.vectors), rows) < NEAR

        self.run(main())

    # ------------------------------------------------------------------------------------- comparisons

    def test_similarity_is_the_cosine_of_the_vectors(self) -> None:
        """Each row is the scalar product with each other text; a text is one with itself."""

        async def main() -> None:
            async with self.subject() as one:
                others = (STOCKS, CAT)
                found = await one.inference.similarity(CompareTexts(texts=TEXTS, others=others), one.context)
                here = list((await one.inference.embed(EmbedTexts(texts=TEXTS), one.context)).vectors)
                there = list((await one.inference.embed(EmbedTexts(texts=others), one.context)).vectors)
                rows = list(found.cosines)
                assert _furthest(rows, [[_dot(a, b) for b in there] for a in here]) < NEAR
                assert abs(rows[0][1] - 1) < NEAR
                assert all(-1 <= value <= 1 for row in rows for value in row)

        self.run(main())

    def test_a_class_is_told_by_its_examples(self) -> None:
        """A text gets the label of the class whose examples it is nearest to, with every class's score in order."""

        async def main() -> None:
            async with self.subject() as one:
                classes = (
                    Prototype(label="money", examples=(STOCKS, "The bank raised its stock of gold")),
                    Prototype(label="animals", examples=(CAT,)),
                )
                wish = ClassifyTexts(texts=(CAT, STOCKS, KITTEN), classes=classes)
                found = await one.inference.classify(wish, one.context)
                assert [it.label for it in found.verdicts] == ["animals", "money", "animals"]
                exact = found.verdicts[0]
                assert abs(exact.confidence - 1) < NEAR
                assert exact.confidence == exact.scores[1]
                assert abs(exact.margin - (exact.scores[1] - exact.scores[0])) < NEAR
                single = replace(wish, classes=classes[1:])
                assert [it.margin for it in (await one.inference.classify(single, one.context)).verdicts] == [
                    2.0
                ] * 3

        self.run(main())

    def test_documents_come_by_relevance(self) -> None:
        """Every document once, the best first, equal ones in their order; `top` keeps the first of them."""

        async def main() -> None:
            async with self.subject() as one:
                wish = RerankTexts(query=CAT, documents=(STOCKS, KITTEN, CAT, KITTEN))
                found = await one.inference.rerank(wish, one.context)
                order, scores = [it.index for it in found.ranking], [it.score for it in found.ranking]
                assert sorted(order) == [0, 1, 2, 3]
                assert scores == sorted(scores, reverse=True)
                assert order[-1] == 0
                assert order.index(1) < order.index(3)
                best = await one.inference.rerank(replace(wish, top=2), one.context)
                assert [it.index for it in best.ranking] == order[:2]

        self.run(main())

    def test_what_is_cut_is_told_by_every_operation(self) -> None:
        """A text over the window is named by its place among the texts of the call."""

        async def main() -> None:
            async with self.subject() as one:
                pair = CompareTexts(texts=(CAT,), others=(CAT, one.long))
                assert (await one.inference.similarity(pair, one.context)).truncated == (2,)
                ranked = RerankTexts(query=CAT, documents=(one.long, CAT))
                assert (await one.inference.rerank(ranked, one.context)).truncated == (0,)
                classes = (Prototype(label="a", examples=(CAT,)),)
                told = ClassifyTexts(texts=(CAT, one.long), classes=classes)
                assert (await one.inference.classify(told, one.context)).truncated == (1,)

        self.run(main())

    # ---------------------------------------------------------------------------------------- refusals

    def test_an_unknown_model_is_not_found(self) -> None:
        """A name that no slot has is NotFound for every operation."""

        async def main() -> None:
            async with self.subject() as one:
                it, name = one.inference, "there-is-no-such-model"
                classes = (Prototype(label="a", examples=(CAT,)),)
                wishes: tuple[tuple[Any, Any], ...] = (
                    (it.embed, EmbedTexts(texts=(CAT,), model=name)),
                    (it.similarity, CompareTexts(texts=(CAT,), others=(CAT,), model=name)),
                    (it.classify, ClassifyTexts(texts=(CAT,), classes=classes, model=name)),
                    (it.rerank, RerankTexts(query=CAT, documents=(CAT,), model=name)),
                    (it.warm_up, WarmUp(model=name)),
                )
                for call, wish in wishes:
                    with pytest.raises(NotFound):
                        await call(wish, one.context)

        self.run(main())

    def test_a_wrong_call_is_refused(self) -> None:
        """No texts, an empty text and two classes of one label are InvalidInput, and no vectors."""

        async def main() -> None:
            async with self.subject() as one:
                it = one.inference
                twice = (Prototype(label="a", examples=(CAT,)), Prototype(label="a", examples=(STOCKS,)))
                wishes: tuple[tuple[Any, Any], ...] = (
                    (it.embed, EmbedTexts(texts=())),
                    (it.embed, EmbedTexts(texts=(CAT, ""))),
                    (it.similarity, CompareTexts(texts=(CAT,), others=())),
                    (it.classify, ClassifyTexts(texts=(CAT,), classes=twice)),
                    (it.rerank, RerankTexts(query="", documents=(CAT,))),
                )
                for call, wish in wishes:
                    with pytest.raises(InvalidInput):
                        await call(wish, one.context)

        self.run(main())

    def test_a_model_that_ranks_embeds_nothing(self) -> None:
        """A slot does its own task; another one asked of it is InvalidInput."""

        async def main() -> None:
            async with self.subject() as one:
                if one.ranker is None:
                    return
                with pytest.raises(InvalidInput):
                    await one.inference.embed(EmbedTexts(texts=(CAT,), model=one.ranker), one.context)
                wish = RerankTexts(query=CAT, documents=(STOCKS, CAT), model=one.ranker)
                found = await one.inference.rerank(wish, one.context)
                assert (found.model, found.by) == (one.ranker, "cross-encoder")

        self.run(main())

    def test_spent_time_is_told(self) -> None:
        """A call whose deadline has passed raises DeadlineExceeded, and the next one is answered."""

        async def main() -> None:
            async with self.subject() as one:
                late = replace(one.context, deadline=0.0)
                with pytest.raises(DeadlineExceeded):
                    await one.inference.embed(EmbedTexts(texts=(CAT,)), late)
                assert len((await one.inference.embed(EmbedTexts(texts=(CAT,)), one.context)).vectors) == 1

        self.run(main())

    def test_who_is_cancelled_leaves_the_worker_usable(self) -> None:
        """Cancelling a call ends it at once; the calls beside it and after it are answered."""

        async def main() -> None:
            async with self.subject() as one, asyncio.TaskGroup() as group:
                wish = EmbedTexts(texts=TEXTS)
                leaving = group.create_task(one.inference.embed(wish, one.context))
                staying = group.create_task(one.inference.embed(wish, one.context))
                await asyncio.sleep(0)
                leaving.cancel()
                assert len((await staying).vectors) == len(TEXTS)
                assert len((await one.inference.embed(wish, one.context)).vectors) == len(TEXTS)

        self.run(main())

    # ------------------------------------------------------------------------------------------ report

    def test_the_report_tells_what_there_is_and_was_done(self) -> None:
        """Warming up makes a slot ready on a device; what was computed is counted; asking counts nothing."""

        async def main() -> None:
            async with self.subject() as one:
                slot = await one.inference.warm_up(WarmUp(), one.context)
                assert (slot.model, slot.task, slot.state) == (one.model, "embed", "ready")
                before = await one.inference.report(one.context)
                found = await one.inference.embed(EmbedTexts(texts=TEXTS), one.context)
                after = await one.inference.report(one.context)
                assert after.load.texts - before.load.texts == len(TEXTS)
                assert after.load.tokens - before.load.tokens == found.tokens
                assert after.load.batches > before.load.batches
                assert after.load.waiting == 0
                (own,) = [it for it in after.slots if it.model == one.model]
                assert (own.dimensions, own.state) == (found.vectors.dimensions, "ready")
                assert own.device
                assert own.precision
                assert own.device.split(".")[0] in {it.id.split(".")[0] for it in after.devices}

        self.run(main())


def _dot(one: Any, other: Any) -> float:
    return math.fsum(a * b for a, b in zip(one, other, strict=True))


def _furthest(some: Any, others: Any) -> float:
    """Return the largest difference of two numbers in the same place."""
    pairs = zip(some, others, strict=True)
    return max(abs(float(a) - float(b)) for one, other in pairs for a, b in zip(one, other, strict=True))
