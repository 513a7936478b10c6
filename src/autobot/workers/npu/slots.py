"""The models of a worker: where each comes from, and its state."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from autobot.contracts.inference import Slot as SlotView
from autobot.contracts.inference import SlotState, Task
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import Absent, AutoBotError, ConfigurationError
from autobot.workers.npu import minilm
from autobot.workers.npu.options import BUILT_IN, ModelOptions, WorkerOptions
from autobot.workers.npu.runtime import INSTALL, Loaded, Runtime
from autobot.workers.npu.tokens import Tokenizer

KNOWN_INPUTS: Final = frozenset({"input_ids", "attention_mask", "token_type_ids"})
USUAL_WINDOW: Final = 512
WINDOW_MAX: Final = 1 << 20
NEAR_WORDS: Final = "Look at the folder of the model"


@dataclass(frozen=True, slots=True)
class Opened:
    """A model in memory: what computes it and what reads for it."""

    loaded: Loaded
    tokenizer: Tokenizer
    window: int
    dimensions: int | None


class Source:
    """Where a model comes from. `open` blocks and raises errors of the tree."""

    def __init__(
        self, name: str, task: Task, where: str, window: int | None, open_: Callable[[Runtime], Opened]
    ) -> None:
        self.name, self.task, self.where, self.window, self.open = name, task, where, window, open_


def sources_of(options: WorkerOptions) -> tuple[Source, ...]:
    """Return the built-in model and the operator's. Reads small files alone."""
    return (_built_in(), *(_of_folder(one) for one in options.models))


def _built_in() -> Source:
    folder = minilm.weights_folder()

    def opened(runtime: Runtime) -> Opened:
        if folder is None:
            raise Absent("npu", f"The weights of {BUILT_IN} are not installed.", hint=INSTALL)
        window = minilm.window_of(folder)
        loaded = runtime.load(minilm.build(folder), window)
        return Opened(loaded, Tokenizer(folder / "tokenizer.json", window), window, loaded.width)

    return Source(BUILT_IN, "embed", "built in", minilm.window_of(folder) if folder else None, opened)


def _of_folder(options: ModelOptions) -> Source:
    folder = options.folder
    window = _window(folder)

    def opened(runtime: Runtime) -> Opened:
        loaded = runtime.load(runtime.read(str(_graph(folder))), window or USUAL_WINDOW)
        strange = set(loaded.inputs) - KNOWN_INPUTS
        if strange or "input_ids" not in loaded.inputs:
            raise ConfigurationError(
                f"The model in {folder} wants {', '.join(sorted(loaded.inputs))}; "
                f"known are {', '.join(sorted(KNOWN_INPUTS))}."
            )
        tokenizer = Tokenizer(folder / "tokenizer.json", window or USUAL_WINDOW)
        dimensions = loaded.width if options.task == "embed" else None
        return Opened(loaded, tokenizer, window or USUAL_WINDOW, dimensions)

    return Source(options.name, options.task, str(folder), window, opened)


def _graph(folder: Path) -> Path:
    """Return the one IR file of a folder. Raises ConfigurationError unless there is one; tokenizers as IR are passed over."""
    found = [one for one in folder.glob("*.xml") if "tokenizer" not in one.name]
    if len(found) != 1:
        raise ConfigurationError(
            f"{folder} has {len(found)} OpenVINO models (.xml); a model of the accelerator is a folder with one."
        )
    return found[0]


def _window(folder: Path) -> int | None:
    """Return the tokens that a model reads, by the files that say so; None when none does."""
    for name, member in (
        ("sentence_bert_config.json", "max_seq_length"),
        ("config.json", "max_position_embeddings"),
    ):
        try:
            told = json.loads((folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        value = told.get(member) if isinstance(told, dict) else None
        if isinstance(value, int) and 1 <= value <= WINDOW_MAX:
            return value
    return None


class Held:
    """A model of the worker, loaded when it is first needed. Used from one event loop."""

    def __init__(self, source: Source, clock: Clock) -> None:
        self._source, self._clock = source, clock
        self._opened: Opened | None = None
        self._opening = asyncio.Lock()
        self._error: AutoBotError | None = None
        self._loaded_s: float | None = None
        self._state: SlotState = (
            "cold" if source.window is not None or source.where != "built in" else "absent"
        )
        self.reading = asyncio.Lock()
        """Held by who lets the tokenizer read."""

    @property
    def name(self) -> str:
        """Its name."""
        return self._source.name

    @property
    def task(self) -> Task:
        """What it does."""
        return self._source.task

    async def opened(self, runtime: Callable[[], Runtime], once: Callable[[Opened], Any]) -> Opened:
        """Return it loaded, having computed `once`. What failed is tried again by the next who needs it.

        Raises Absent or ConfigurationError.
        """
        if self._opened is not None:
            return self._opened
        async with self._opening:
            if self._opened is None:
                # A caller that leaves does not undo what the others wait for.
                self._opened = await asyncio.shield(
                    asyncio.get_running_loop().run_in_executor(None, self._open, runtime, once)
                )
        return self._opened

    def _open(self, runtime: Callable[[], Runtime], once: Callable[[Opened], Any]) -> Opened:
        self._state, self._error = "loading", None
        began = self._clock.monotonic()
        try:
            found = self._source.open(runtime())
            once(found)
        except AutoBotError as error:
            self._state, self._error = "absent" if isinstance(error, Absent) else "failed", error
            raise
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            self._state = "failed"
            self._error = ConfigurationError(
                f"The model {self.name} cannot be loaded: {type(error).__name__}.", hint=NEAR_WORDS
            )
            raise self._error from error
        self._state, self._loaded_s = "ready", self._clock.monotonic() - began
        return found

    def view(self) -> SlotView:
        """Return it as reports show it."""
        opened = self._opened
        return SlotView(
            model=self.name,
            task=self.task,
            state=self._state,
            window=opened.window if opened else self._source.window or 0,
            dimensions=opened.dimensions if opened else None,
            device=opened.loaded.device if opened else "",
            precision=opened.loaded.precision if opened else "",
            loaded_s=self._loaded_s,
            source=self._source.where,
            error=self._error.detail if self._error else "",
        )
