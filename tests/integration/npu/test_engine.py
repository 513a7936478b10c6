"""The engine on this machine's devices: exact, in its window, one queue for all, and honest about what it has."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autobot.adapters.system.clock import SystemClock
from autobot.contracts.inference import EmbedTexts, RerankTexts, WarmUp
from autobot.kernel.core.errors import ConfigurationError, DeadlineExceeded, Overloaded
from autobot.testing.conformance.inference import CAT, STOCKS, TEXTS, InferenceSuite, Subject
from autobot.testing.models.contexts import CONTEXT
from autobot.workers.npu import minilm
from autobot.workers.npu.comparing import matrix_of
from autobot.workers.npu.engine import Engine
from autobot.workers.npu.options import BUILT_IN, BatchRules, ModelOptions, WorkerOptions
from autobot.workers.npu.runtime import Runtime
from autobot.workers.npu.tokens import Tokenizer
from tests.integration.npu.rankers import write_ranker
from tests.integration.npu.reference import Reference

LONG = "A long text about nothing in particular. " * 60
NO_CACHE = WorkerOptions(cache_bytes=0)
MIXED = (
    *TEXTS,
    LONG,
    "How do I restart the service when the circuit breaker opens?",
    "漢字とかな",
    "\x00 \u202e x",
    "a" * 400,
)


@asynccontextmanager
async def running(options: WorkerOptions) -> AsyncIterator[Engine]:
    """Run an engine for the block."""
    engine = Engine(options, SystemClock(), "test")
    async with asyncio.TaskGroup() as group:
        work = group.create_task(engine.run())
        yield engine
        work.cancel()


class TestEngine(InferenceSuite):
    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path) -> None:
        self.ranker = write_ranker(tmp_path / "ranker")

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Subject]:
        # Without the memory of vectors: it would give back what is to be computed again.
        options = replace(NO_CACHE, models=(ModelOptions(name="ranker", task="rerank", folder=self.ranker),))
        async with running(options) as engine:
            yield Subject(
                inference=Vectors(engine), context=CONTEXT, model=BUILT_IN, long=LONG, ranker="ranker"
            )

    def open(self) -> AbstractAsyncContextManager[Subject]:
        return self._open()


class Vectors:
    """The engine, judging by vectors where no model is named: the suite asks for their order."""

    def __init__(self, engine: Engine) -> None:
        self.embed, self.similarity, self.classify = engine.embed, engine.similarity, engine.classify
        self.report, self.warm_up, self._engine = engine.report, engine.warm_up, engine

    async def rerank(self, request, context):
        """Rerank by the built-in model unless another is named."""
        return await self._engine.rerank(replace(request, model=request.model or BUILT_IN), context)


def test_vectors_are_those_of_the_reference() -> None:
    """At f32 every number is within 1e-5 of the same network in plain 64-bit numpy, whatever the text."""

    async def main() -> None:
        folder = minilm.weights_folder()
        assert folder is not None
        async with running(NO_CACHE) as engine:
            found = await engine.embed(EmbedTexts(texts=MIXED), CONTEXT)
            (slot, *_) = (await engine.report(CONTEXT)).slots
        expected = Reference(folder).embed(MIXED)
        furthest = float(np.abs(matrix_of(found.vectors) - expected).max())
        assert furthest < 1e-5, furthest
        assert slot.precision == "f32"
        assert found.truncated == (len(TEXTS),)

    asyncio.run(main())


def test_eight_bits_stay_near_the_reference() -> None:
    """With int8 every vector's cosine to the reference's is above 0.99, the slot says int8, and company changes little."""

    async def main() -> None:
        folder = minilm.weights_folder()
        assert folder is not None
        async with running(replace(NO_CACHE, precision="int8")) as engine:
            found = matrix_of((await engine.embed(EmbedTexts(texts=MIXED), CONTEXT)).vectors)
            alone = [
                matrix_of((await engine.embed(EmbedTexts(texts=(one,)), CONTEXT)).vectors) for one in MIXED
            ]
            (slot, *_) = (await engine.report(CONTEXT)).slots
        cosines = (found * Reference(folder).embed(MIXED)).sum(axis=1)
        assert float(cosines.min()) > 0.99, cosines
        # Rounded it is, and not the network of f32 under another name.
        assert float(cosines.max()) < 1 - 1e-6, cosines
        assert float((np.concatenate(alone) * found).sum(axis=1).min()) > 0.999
        assert slot.precision == "int8"

    asyncio.run(main())


def test_a_model_without_matrices_is_computed_as_it_is(tmp_path: Path) -> None:
    """With int8 a model in which nothing can be rounded is told with the precision that it has."""

    async def main() -> None:
        ranker = ModelOptions(name="ranker", task="rerank", folder=write_ranker(tmp_path / "ranker"))
        async with running(WorkerOptions(precision="int8", models=(ranker,))) as engine:
            assert (await engine.warm_up(WarmUp(model="ranker"), CONTEXT)).precision == "f32"

    asyncio.run(main())


def test_fixed_shapes_give_the_same_vectors() -> None:
    """A device that computes one text of one length at a time gives what the others give."""
    folder = minilm.weights_folder()
    assert folder is not None
    runtime = Runtime(WorkerOptions())
    batch = Tokenizer(folder / "tokenizer.json", 64).read([CAT, STOCKS, "x"])
    free = runtime.load_on(minilm.build(folder), "CPU", None).compute(batch)
    fixed = runtime.load_on(minilm.build(folder), "CPU", 64).compute(batch)
    assert float(np.abs(free - fixed).max()) < 1e-5


def test_a_repeated_text_is_not_computed_again() -> None:
    """What was computed is known: the same text costs nothing, is counted as a hit, and is told as cut again."""

    async def main() -> None:
        async with running(WorkerOptions()) as engine:
            first = await engine.embed(EmbedTexts(texts=(CAT, LONG)), CONTEXT)
            before = (await engine.report(CONTEXT)).load
            again = await engine.embed(EmbedTexts(texts=(LONG, CAT, LONG)), CONTEXT)
            after = (await engine.report(CONTEXT)).load
        assert list(again.vectors) == [list(first.vectors)[place] for place in (1, 0, 1)]
        assert again.truncated == (0, 2)
        assert (after.texts, after.hits) == (before.texts, before.hits + 2)

    asyncio.run(main())


def test_calls_share_batches() -> None:
    """Calls that come while the device computes are computed together: far fewer batches than calls."""

    async def main() -> None:
        async with running(NO_CACHE) as engine:
            await engine.warm_up(WarmUp(), CONTEXT)
            calls = [engine.embed(EmbedTexts(texts=(f"question number {n}",)), CONTEXT) for n in range(64)]
            await asyncio.gather(*calls)
            load = (await engine.report(CONTEXT)).load
        assert load.texts == 64
        assert load.batches <= 16

    asyncio.run(main())


def test_who_asks_for_one_text_does_not_wait_for_thousands() -> None:
    """A question that comes while a large call is under way is answered long before that call."""

    async def main() -> None:
        done: list[str] = []

        async def ask(engine: Engine, word: str, count: int) -> None:
            texts = tuple(f"{word} {number} of a passage with some words in it" for number in range(count))
            await engine.embed(EmbedTexts(texts=texts), CONTEXT)
            done.append(f"{word} after {(await engine.report(CONTEXT)).load.texts}")

        async with running(NO_CACHE) as engine:
            await engine.warm_up(WarmUp(), CONTEXT)
            async with asyncio.TaskGroup() as group:
                group.create_task(ask(engine, "large", 640))
                while (await engine.report(CONTEXT)).load.texts < 32:
                    await asyncio.sleep(0)
                group.create_task(ask(engine, "small", 1))
        assert [one.split()[0] for one in done] == ["small", "large"]
        assert int(done[0].split()[-1]) < 400

    asyncio.run(main())


def test_a_full_queue_refuses() -> None:
    """A call whose texts do not fit beside those that wait is Overloaded with a time, and counted; the others end."""

    async def main() -> None:
        async with running(replace(NO_CACHE, batches=BatchRules(texts_max=1, waiting_max=8))) as engine:
            await engine.warm_up(WarmUp(), CONTEXT)
            with pytest.raises(Overloaded) as refused:
                await engine.embed(EmbedTexts(texts=tuple(f"text {n}" for n in range(9))), CONTEXT)
            assert refused.value.retry_after is not None
            found = await engine.embed(EmbedTexts(texts=tuple(f"text {n}" for n in range(8))), CONTEXT)
            load = (await engine.report(CONTEXT)).load
        assert (len(found.vectors), load.refused, load.waiting) == (8, 1, 0)

    asyncio.run(main())


def test_who_gives_up_leaves_the_queue() -> None:
    """Texts of a call that was cancelled or ran out of time are not computed any more."""

    async def main() -> None:
        async with running(replace(NO_CACHE, batches=BatchRules(texts_max=1))) as engine:
            await engine.warm_up(WarmUp(), CONTEXT)
            many = EmbedTexts(texts=tuple(f"text {n}" for n in range(500)))
            now = asyncio.get_running_loop().time()
            with pytest.raises(DeadlineExceeded):
                await engine.embed(many, replace(CONTEXT, deadline=now + 0.15))
            load = (await engine.report(CONTEXT)).load
            assert load.waiting == 0
            assert load.texts < 500
            async with asyncio.TaskGroup() as group:
                leaving = group.create_task(engine.embed(many, CONTEXT))
                while not (await engine.report(CONTEXT)).load.waiting:
                    await asyncio.sleep(0)
                leaving.cancel()
            assert (await engine.report(CONTEXT)).load.waiting == 0

    asyncio.run(main())


def test_an_operators_ranker_reads_query_and_document_together(tmp_path: Path) -> None:
    """With a model that ranks, rerank uses it by itself; its scores lie between 0 and 1; long pairs are told."""

    async def main() -> None:
        model = ModelOptions(name="mine", task="rerank", folder=write_ranker(tmp_path / "mine"))
        async with running(replace(NO_CACHE, models=(model,))) as engine:
            wish = RerankTexts(query=CAT, documents=(STOCKS, LONG, CAT, STOCKS))
            found = await engine.rerank(wish, CONTEXT)
            slots = (await engine.report(CONTEXT)).slots
        assert (found.model, found.by, found.truncated) == ("mine", "cross-encoder", (1,))
        scores = {one.index: one.score for one in found.ranking}
        assert all(0 < one < 1 for one in scores.values())
        assert scores[0] == scores[3]
        assert [one.index for one in found.ranking].index(0) < [one.index for one in found.ranking].index(3)
        assert [(one.model, one.task, one.state) for one in slots] == [
            (BUILT_IN, "embed", "cold"),
            ("mine", "rerank", "ready"),
        ]
        assert slots[1].window == 128

    asyncio.run(main())


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / "openvino_model.xml").unlink(), "0 OpenVINO models"),
        (lambda folder: (folder / "openvino_model.bin").unlink(), "cannot be loaded"),
        (lambda folder: (folder / "openvino_model.xml").write_text("<net/>"), "cannot be loaded"),
        (lambda folder: (folder / "tokenizer.json").write_text("{}"), "cannot be loaded"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "cannot be loaded"),
    ],
    ids=["no graph", "no weights", "broken graph", "broken tokenizer", "no tokenizer"],
)
def test_a_model_that_cannot_be_loaded_says_why(tmp_path: Path, spoil, said: str) -> None:
    """A broken folder fails its own calls with the cause, shows in the report, and leaves the other models alone."""

    async def main() -> None:
        folder = write_ranker(tmp_path / "mine")
        spoil(folder)
        model = ModelOptions(name="mine", task="rerank", folder=folder)
        async with running(replace(NO_CACHE, models=(model,))) as engine:
            with pytest.raises(ConfigurationError, match=said):
                await engine.warm_up(WarmUp(model="mine"), CONTEXT)
            slot = (await engine.report(CONTEXT)).slots[1]
            assert (slot.state, said in slot.error) == ("failed", True)
            assert len((await engine.embed(EmbedTexts(texts=(CAT,)), CONTEXT)).vectors) == 1

    asyncio.run(main())


def test_a_model_of_strange_inputs_is_refused(tmp_path: Path) -> None:
    """A graph that wants what texts do not give is named with what it wants."""

    async def main() -> None:
        folder = write_ranker(tmp_path / "mine", inputs=("input_ids", "attention_mask", "pixel_values"))
        model = ModelOptions(name="mine", task="rerank", folder=folder)
        async with running(replace(NO_CACHE, models=(model,))) as engine:
            with pytest.raises(ConfigurationError, match="pixel_values"):
                await engine.warm_up(WarmUp(model="mine"), CONTEXT)

    asyncio.run(main())


def test_a_device_that_is_not_there_is_told() -> None:
    """A wished device that the machine lacks is a fault of the configuration, and no other device steps in."""

    async def main() -> None:
        async with running(replace(NO_CACHE, device="GPU.7")) as engine:
            with pytest.raises(ConfigurationError, match=r"GPU\.7"):
                await engine.embed(EmbedTexts(texts=(CAT,)), CONTEXT)

    asyncio.run(main())


def test_the_runtime_tells_its_maker_nothing() -> None:
    """The library's sender of usage events is not loaded, though importing the library would send one."""
    Runtime(WorkerOptions())
    assert sys.modules["openvino_telemetry"] is None
