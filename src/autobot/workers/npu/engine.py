"""Implements `Inference` on the devices of this machine: calls wait in one queue; each lane computes one batch at a time."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np

from autobot.contracts.inference import (
    Classified,
    ClassifyTexts,
    CompareTexts,
    Embedded,
    EmbedTexts,
    InferenceReport,
    Load,
    Reranked,
    RerankTexts,
    Similarities,
    Slot,
    Task,
    WarmUp,
)
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import AutoBotError, DeadlineExceeded, InvalidInput, NotFound, Overloaded
from autobot.kernel.core.validate import validate
from autobot.workers.npu.batching import Later, Piece, leave, next_batch, queue
from autobot.workers.npu.comparing import Comparisons, Rows, ranking_of, vectors_of_matrix
from autobot.workers.npu.figures import WINDOW_S, Figures
from autobot.workers.npu.known import Known, KnownVectors
from autobot.workers.npu.options import WorkerOptions
from autobot.workers.npu.runtime import LANES, Runtime, need_runtime
from autobot.workers.npu.slots import Held, Opened, sources_of
from autobot.workers.npu.tokens import Tokens

FIRST_WORDS: Final = "warm up"
RETRY_AFTER_S: Final = 1.0
SPENT: Final = "The time that the caller gave is spent."


class _Call:
    """The texts of one call that are computed, in whatever batches."""

    def __init__(self, count: int) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.rows: list[Rows | None] = [None] * count
        self._left = count

    def put(self, place: int, row: Rows) -> None:
        self.rows[place] = row
        self._left -= 1
        if not self._left and not self.done.done():
            self.done.set_result(None)

    def fail(self, error: BaseException) -> None:
        if not self.done.done():
            self.done.set_exception(error)


class _Work:
    """One text of a call."""

    __slots__ = ("call", "opened", "place", "tokens")

    def __init__(self, call: _Call, place: int, opened: Opened, tokens: Tokens) -> None:
        self.call, self.place, self.opened, self.tokens = call, place, opened, tokens


class Engine:
    """Calls are answered while `run` runs."""

    def __init__(self, options: WorkerOptions, clock: Clock, version: str = "") -> None:
        self._options, self._clock, self._version = options, clock, version
        self._held = {one.name: Held(one, clock) for one in sources_of(options)}
        self._runtime: Runtime | None = None
        self._waiting: list[Piece] = []
        self._woken = asyncio.Event()
        self._busy = 0
        self._figures = Figures(clock.monotonic())
        self._known = KnownVectors(options.cache_bytes)
        self._comparing = Comparisons(self.embed)

    async def run(self) -> None:
        """Compute what waits until cancelled."""
        with ThreadPoolExecutor(LANES, thread_name_prefix="accelerator") as device:
            async with asyncio.TaskGroup() as computing:
                await self._feed(device, computing)

    async def _feed(self, device: ThreadPoolExecutor, computing: asyncio.TaskGroup) -> None:
        """Start a batch whenever one is due and a lane of its model is free."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            while self._waiting and self._busy < self._waiting[0].work.opened.loaded.lanes:
                batch = next_batch(
                    self._waiting, self._clock.monotonic(), self._options.batches, beside=self._busy > 0
                )
                if isinstance(batch, Later):
                    with suppress(TimeoutError):
                        async with asyncio.timeout(batch.seconds):
                            await self._woken.wait()
                    self._woken.clear()
                    continue
                leave(self._waiting, batch)
                self._busy += 1
                computing.create_task(self._compute(device, batch))

    async def _compute(self, device: ThreadPoolExecutor, batch: Sequence[Piece]) -> None:
        works: list[_Work] = [one.work for one in batch]
        began = self._clock.monotonic()
        try:
            rows = await asyncio.get_running_loop().run_in_executor(
                device, works[0].opened.loaded.compute, [one.tokens for one in works]
            )
        except Exception as error:  # noqa: BLE001 - whatever the runtime raises ends these calls, not the worker
            said = AutoBotError(f"The accelerator failed: {type(error).__name__}.")
            for one in works:
                one.call.fail(said)
            return
        finally:
            self._busy -= 1
            self._woken.set()
        ended = self._clock.monotonic()
        read = sum(len(one.tokens.ids) for one in works)
        self._figures.batch(ended, len(works), read, ended - began)
        for one, row in zip(works, rows, strict=True):
            one.call.put(one.place, row)

    # ---------------------------------------------------------------------------------------- the port

    async def embed(self, request: EmbedTexts, context: CallContext) -> Embedded:
        """Return a vector for each text."""
        self._check_time(context)
        validate(request)
        held = self._slot(request.model, "embed")
        found = {text: self._known.get(held.name, text) for text in dict.fromkeys(request.texts)}
        missing = [text for text, known in found.items() if known is None]
        if missing:
            opened = await self._opened(held, context)
            tokens = await self._read(held, opened, missing)
            rows = _unit(await self._through(held, opened, tokens, context))
            for text, read, row in zip(missing, tokens, rows, strict=True):
                computed = Known(row.astype("<f4").tobytes(), len(read.ids), read.cut)
                self._known.put(held.name, text, computed)
                found[text] = computed
        ordered = [known for text in request.texts if (known := found[text]) is not None]
        data = b"".join(one.row for one in ordered)
        flat = np.frombuffer(data, dtype="<f4").reshape(len(ordered), -1)
        return Embedded(
            model=held.name,
            vectors=vectors_of_matrix(flat),
            tokens=sum(one.tokens for one in found.values() if one is not None),
            truncated=tuple(place for place, one in enumerate(ordered) if one.cut),
        )

    async def similarity(self, request: CompareTexts, context: CallContext) -> Similarities:
        """Return the cosine of each text with each other text."""
        return await self._comparing.similarity(request, context)

    async def classify(self, request: ClassifyTexts, context: CallContext) -> Classified:
        """Return the class that each text is nearest to."""
        return await self._comparing.classify(request, context)

    async def rerank(self, request: RerankTexts, context: CallContext) -> Reranked:
        """Return the documents by relevance."""
        self._check_time(context)
        validate(request)
        held = self._ranker(request.model)
        if held is None:
            return await self._comparing.rerank(request, context)
        opened = await self._opened(held, context)
        each = list(dict.fromkeys(request.documents))
        tokens = await self._read(held, opened, [(request.query, one) for one in each])
        scores = dict(zip(each, _relevance(await self._through(held, opened, tokens, context)), strict=True))
        cut = {text for text, one in zip(each, tokens, strict=True) if one.cut}
        return Reranked(
            model=held.name,
            by="cross-encoder",
            ranking=ranking_of([scores[one] for one in request.documents], request.top),
            tokens=sum(len(one.ids) for one in tokens),
            truncated=tuple(place for place, one in enumerate(request.documents) if one in cut),
        )

    async def report(self, context: CallContext) -> InferenceReport:
        """Return devices, models and load."""
        runtime = await asyncio.to_thread(self._open_runtime)
        return InferenceReport(
            version=self._version,
            runtime=f"OpenVINO {runtime.version}",
            devices=runtime.devices,
            slots=tuple(one.view() for one in self._held.values()),
            load=self.load(),
            memory_bytes=await asyncio.to_thread(_memory),
            uptime_s=self._figures.uptime(self._clock.monotonic()),
        )

    def load(self) -> Load:
        """Return what was done and what waits."""
        speed, size, milliseconds = self._figures.lately(self._clock.monotonic())
        counted = self._figures
        return Load(
            waiting=len(self._waiting),
            waiting_max=self._options.batches.waiting_max,
            texts=counted.texts,
            tokens=counted.tokens,
            batches=counted.batches,
            hits=self._known.hits,
            refused=counted.refused,
            texts_per_second=speed,
            batch_mean=size,
            compute_ms_mean=milliseconds,
            window_s=WINDOW_S,
        )

    async def warm_up(self, request: WarmUp, context: CallContext) -> Slot:
        """Return the slot after loading it and computing once."""
        self._check_time(context)
        held = self._held.get(request.model) if request.model else self._slot("", "embed")
        if held is None:
            raise _unknown(request.model)
        await self._opened(held, context)
        return held.view()

    # -------------------------------------------------------------------------------------- the queue

    async def _through(
        self, held: Held, opened: Opened, tokens: Sequence[Tokens], context: CallContext
    ) -> Rows:
        """Return the model's answer to each text, computed in whatever company.

        Raises Overloaded when too many wait. Who leaves, or whose time is up, waits no more.
        """
        rules = self._options.batches
        if len(self._waiting) + len(tokens) > rules.waiting_max:
            self._figures.refused += 1
            raise Overloaded(
                f"{len(self._waiting)} texts wait for the accelerator; at most {rules.waiting_max} may.",
                link="",
                retry_after=RETRY_AFTER_S,
            )
        call = _Call(len(tokens))
        pieces = queue(
            self._waiting,
            held.name,
            [len(one.ids) for one in tokens],
            [_Work(call, place, opened, one) for place, one in enumerate(tokens)],
            self._clock.monotonic(),
            rules,
        )
        self._woken.set()
        try:
            async with asyncio.timeout_at(context.deadline):
                await call.done
        except TimeoutError:
            raise DeadlineExceeded(SPENT) from None
        finally:
            leave(self._waiting, pieces)
        return np.stack([row for row in call.rows if row is not None])

    async def _opened(self, held: Held, context: CallContext) -> Opened:
        """Return a model loaded, within the caller's time."""
        try:
            async with asyncio.timeout_at(context.deadline):
                return await held.opened(self._open_runtime, _compute_once)
        except TimeoutError:
            raise DeadlineExceeded(f"{held.name} was not loaded in the time that was left.") from None

    async def _read(self, held: Held, opened: Opened, texts: Any) -> list[Tokens]:
        async with held.reading:
            return await asyncio.to_thread(opened.tokenizer.read, texts)

    def _open_runtime(self) -> Runtime:
        if self._runtime is None:
            need_runtime()
            self._runtime = Runtime(self._options)
        return self._runtime

    # ------------------------------------------------------------------------------------------ names

    def _slot(self, name: str, task: Task) -> Held:
        """Return the model of a name, or the first of a task. Raises NotFound or InvalidInput."""
        held = (
            self._held.get(name)
            if name
            else next((one for one in self._held.values() if one.task == task), None)
        )
        if held is None:
            raise _unknown(name)
        if held.task != task:
            raise InvalidInput(f"{name} is a model for {held.task}, not for {task}.")
        return held

    def _ranker(self, name: str) -> Held | None:
        """Return the model that reads query and document together, None when vectors are to judge."""
        if not name:
            return next((one for one in self._held.values() if one.task == "rerank"), None)
        held = self._held.get(name)
        if held is None:
            raise _unknown(name)
        return held if held.task == "rerank" else None

    def _check_time(self, context: CallContext) -> None:
        if context.deadline is not None and context.deadline <= self._clock.monotonic():
            raise DeadlineExceeded(SPENT)


def _unknown(name: str) -> NotFound:
    return NotFound(f"The accelerator has no model called {name}.")


def _compute_once(opened: Opened) -> None:
    opened.loaded.compute(opened.tokenizer.read([FIRST_WORDS]))


def _unit(rows: Rows) -> Rows:
    """Return rows made to length 1."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    found: Rows = rows / np.maximum(lengths, 1e-12)
    return found


def _relevance(logits: Rows) -> list[float]:
    """Return a score from 0 to 1 a pair: the logistic of one logit, or the share of the last of two classes."""
    single = logits[:, 0] if logits.shape[1] == 1 else logits[:, -1] - logits[:, 0]
    scores: list[float] = (1.0 / (1.0 + np.exp(-single.astype(np.float64)))).tolist()
    return scores


def _memory() -> int:
    """Return the bytes of this process that are in memory, 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
