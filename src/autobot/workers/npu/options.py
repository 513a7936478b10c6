"""How a worker computes: devices, models, batches. Each value is checked when it is built."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, get_args

from autobot.contracts.inference import Task
from autobot.kernel.core.errors import ConfigurationError

Precision = Literal["f32", "f16", "bf16", "int8"]
BUILT_IN: Final = "all-minilm-l6-v2"
"""The embedding model whose weights come as a Python package."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions:
    """A model of the operator's: a folder with its OpenVINO IR (one `.xml` with its `.bin`) and its `tokenizer.json`."""

    name: str
    task: Task
    folder: Path

    def __post_init__(self) -> None:
        """Raise ConfigurationError for a name that is none, or is taken."""
        if not 1 <= len(self.name) <= 200 or self.name == BUILT_IN:
            raise ConfigurationError(
                f"{self.name!r} is no name for a model of the accelerator: "
                f"it has 1 to 200 characters and is not {BUILT_IN}."
            )
        if self.task not in get_args(Task):
            raise ConfigurationError(f"{self.task!r} is none of {', '.join(get_args(Task))}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRules:
    """When texts are computed together.

    Attributes:
        texts_max: texts of one batch (1 to 1,024).
        tokens_max: texts times the longest of them (1 to 1,048,576): bounds memory and how long a batch takes. A text
            longer than that is computed alone.
        linger_s: seconds that a text waits for company while the device is idle (0 to 0.1). While it computes,
            company gathers by itself.
        beside_tokens: a batch of fewer (0 to 1,048,576) is not begun beside one that is computed: together they need a good
            part less than each by itself, as the model's weights are read once. It waits for that one to end, and its texts
            no longer than `beside_s` (0 to 1).
        spread_s: each further text of a call has its turn as if it had come so much later than the one before it (0 to
            1), so that a call with one text does not wait for all of one with thousands.
        waiting_max: texts that may wait (1 to 1,000,000); a call that does not fit is refused.
    """

    texts_max: int = 32
    tokens_max: int = 2_048
    linger_s: float = 0.0
    beside_tokens: int = 128
    beside_s: float = 0.05
    spread_s: float = 0.005
    waiting_max: int = 8_192

    def __post_init__(self) -> None:
        """Raise ConfigurationError for a value outside its range."""
        if not 1 <= self.texts_max <= 1_024 or not 1 <= self.tokens_max <= 1 << 20:
            raise ConfigurationError("A batch has 1 to 1,024 texts and 1 to 1,048,576 tokens.")
        if not 0 <= self.linger_s <= 0.1 or not 0 <= self.spread_s <= 1:
            raise ConfigurationError("A text lingers 0 to 0.1 s, and turns are spread by 0 to 1 s.")
        if not 0 <= self.beside_tokens <= 1 << 20 or not 0 <= self.beside_s <= 1:
            raise ConfigurationError(
                "A batch beside another one has 0 to 1,048,576 tokens, or waits for 0 to 1 s."
            )
        if not 1 <= self.waiting_max <= 1_000_000:
            raise ConfigurationError("1 to 1,000,000 texts may wait.")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """What a worker is made of.

    Attributes:
        device: `AUTO`, or a device by OpenVINO's name (`CPU`, `GPU.1`). AUTO tries NPU, GPU and CPU in this order.
        precision: of the computation; f32 gives the reference's numbers. With int8 the weights are whole numbers of 8
            bits, and what they are multiplied with is rounded likewise as it comes.
        threads: of the processor, 0 for all.
        models: the operator's, after the built-in one.
        cache_bytes: memory for vectors of texts that were computed before, 0 for none (to 4 GiB).
    """

    device: str = "AUTO"
    precision: Precision = "f32"
    threads: int = 0
    models: tuple[ModelOptions, ...] = ()
    batches: BatchRules = field(default_factory=BatchRules)
    cache_bytes: int = 32 * 1024 * 1024

    def __post_init__(self) -> None:
        """Raise ConfigurationError for a value outside its range."""
        if self.precision not in get_args(Precision):
            raise ConfigurationError(
                f"The precision {self.precision!r} is none of {', '.join(get_args(Precision))}."
            )
        if not self.device or not 0 <= self.threads <= 1_024 or not 0 <= self.cache_bytes <= 1 << 32:
            raise ConfigurationError("The accelerator's device, threads or cache are out of range.")
        names = [one.name for one in self.models]
        if len(set(names)) < len(names):
            raise ConfigurationError("Two models of the accelerator have one name.")
