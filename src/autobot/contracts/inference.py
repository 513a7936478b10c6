"""Published language of inference on an accelerator: what its worker is asked, and what it answers.

Vectors travel as 32-bit floats (IEEE 754 binary32, little-endian), row after row in one block: a tenth of their size
as JSON numbers, and exactly what was computed. Every vector of an embedding has length 1, so that the scalar product of two is their
cosine.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Le, Len

from autobot.contracts.models import TEXTS_MAX

TEXT_MAX: int = 200_000
"""Characters of one text; a model reads its window of it, and the answer says that the text was cut."""

MANY_MAX: int = 65_536
"""Texts of one call that is answered in steps."""
CLASSES_MAX: int = 256
EXAMPLES_MAX: int = 64
"""Examples of one class."""

Task = Literal["embed", "rerank"]
SlotState = Literal["absent", "cold", "loading", "ready", "failed"]
RerankedBy = Literal["embedding", "cross-encoder"]

Text = Annotated[str, Len(1, TEXT_MAX)]
Texts = Annotated[tuple[Text, ...], Len(1, TEXTS_MAX)]
ModelName = Annotated[str, Len(0, 200)]
"""The name of a slot; empty for the worker's own first one of the task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vectors:
    """Rows of 32-bit floats of one length.

    `data` holds `len(self) * dimensions` floats, little-endian. Raises ValueError when it cannot.
    """

    dimensions: Annotated[int, Ge(1)]
    data: bytes

    def __post_init__(self) -> None:
        """Refuse a block that is no whole number of rows."""
        if self.dimensions < 1 or len(self.data) % (4 * self.dimensions):
            raise ValueError(f"{len(self.data)} bytes are no rows of {self.dimensions} floats")

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.data) // (4 * self.dimensions)

    def __iter__(self) -> Iterator[tuple[float, ...]]:
        """Yield each row."""
        numbers, step = floats(self.data), self.dimensions
        for at in range(0, len(numbers), step):
            yield tuple(numbers[at : at + step])


def floats(data: bytes) -> array[float]:
    """Return little-endian 32-bit floats as numbers."""
    numbers = array("f", data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def vectors_of(rows: Sequence[Sequence[float]], dimensions: int | None = None) -> Vectors:
    """Return rows of equal length as one block. Raises ValueError for rows of unequal length, or none without `dimensions`."""
    size = dimensions if dimensions is not None else len(rows[0]) if rows else 0
    if any(len(row) != size for row in rows):
        raise ValueError("rows of unequal length")
    numbers = array("f", (value for row in rows for value in row))
    if sys.byteorder == "big":
        numbers.byteswap()
    return Vectors(dimensions=size, data=numbers.tobytes())


# ------------------------------------------------------------------------------------------------------ asking


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedTexts:
    """A vector for each text, in their order."""

    texts: Texts
    model: ModelName = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedMany:
    """A vector for each of very many texts, told in steps of `step` texts as they are computed."""

    texts: Annotated[tuple[Text, ...], Len(1, MANY_MAX)]
    model: ModelName = ""
    step: Annotated[int, Ge(1), Le(TEXTS_MAX)] = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareTexts:
    """How near each of `texts` is to each of `others`, by cosine."""

    texts: Texts
    others: Texts
    model: ModelName = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prototype:
    """A class, told by examples of it."""

    label: Annotated[str, Len(1, 200)]
    examples: Annotated[tuple[Text, ...], Len(1, EXAMPLES_MAX)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifyTexts:
    """Which class each text belongs to, by cosine to the middle of each class's examples."""

    texts: Texts
    classes: Annotated[tuple[Prototype, ...], Len(1, CLASSES_MAX)]
    model: ModelName = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RerankTexts:
    """The order of `documents` by what they say to `query`; the first `top` of it, all when None."""

    query: Text
    documents: Texts
    top: Annotated[int, Ge(1)] | None = None
    model: ModelName = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RankTexts:
    """`RerankTexts` for who knows no models: all of `documents`, by what they say to `query`.

    `by` names what shall judge; None takes a model that reads query and document together where there is one, else
    embeddings.
    """

    query: Text
    documents: Texts
    by: RerankedBy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmUp:
    """Load a slot and let it compute once, so that the next call finds it ready."""

    model: ModelName = ""


# ---------------------------------------------------------------------------------------------------- answering


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """Vectors in the order of the texts.

    Attributes:
        model: the slot that computed them.
        vectors: one row a text, each of length 1.
        tokens: what the model read of all texts, its marks included.
        truncated: places of the texts that were longer than the model's window; of those it read the beginning.
    """

    model: str
    vectors: Vectors
    tokens: Annotated[int, Ge(0)]
    truncated: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Similarities:
    """One row a text, one column an other text: cosines from -1 to 1. `truncated`: places in texts, then others."""

    model: str
    cosines: Vectors
    tokens: Annotated[int, Ge(0)]
    truncated: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The class that a text is nearest to.

    `confidence` is its cosine to that class, `margin` how much less the next class has (2 when there is one class);
    `scores` has the cosine of every class in the order in which they were given.
    """

    label: str
    confidence: float
    margin: float
    scores: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Classified:
    """A verdict for each text, in their order."""

    model: str
    verdicts: tuple[Verdict, ...]
    tokens: Annotated[int, Ge(0)]
    truncated: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """A document by its place among those that were given. Scores of one answer can be compared, others not."""

    index: Annotated[int, Ge(0)]
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reranked:
    """Documents, the best first; equal ones in the order in which they were given.

    `by` says what judged: the cosine of two embeddings, or a model that read query and document together.
    """

    model: str
    by: RerankedBy
    ranking: tuple[Ranked, ...]
    tokens: Annotated[int, Ge(0)]
    truncated: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A model that the worker holds or can load.

    Attributes:
        window: tokens that it reads of a text, its marks included; 0 while that is not known.
        dimensions: of its vectors; None for a model that ranks.
        device, precision: what computes it, as told by the runtime after loading; empty before.
        loaded_s: seconds that loading and the first computation took, None before.
        error: why it is absent or failed.
    """

    model: str
    task: Task
    state: SlotState
    window: Annotated[int, Ge(0)] = 0
    dimensions: int | None = None
    device: str = ""
    precision: str = ""
    loaded_s: float | None = None
    source: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device of the worker's machine: its short name (NPU, GPU, CPU) and what it calls itself."""

    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What a worker has done and has before it.

    Attributes:
        waiting, waiting_max: texts that wait for a batch, and how many may.
        texts, tokens, batches, refused: computed since it began; refused calls found the queue full.
        hits: texts since it began whose vectors were still known; they are not among `texts`.
        texts_per_second: over the last `window_s` seconds.
        batch_mean: texts of a batch, over the same time; 0 when there was none.
        compute_ms_mean: milliseconds of a batch on the device, over the same time.
    """

    waiting: int
    waiting_max: int
    texts: int
    tokens: int
    batches: int
    hits: int
    refused: int
    texts_per_second: float
    batch_mean: float
    compute_ms_mean: float
    window_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class InferenceReport:
    """What a worker is: devices, models, load, memory."""

    version: str
    runtime: str
    devices: tuple[Device, ...]
    slots: tuple[Slot, ...]
    load: Load
    memory_bytes: int
    uptime_s: float


# ------------------------------------------------------------------------------------- what the product says of it

AcceleratorState = Literal["ready", "idle", "starting", "absent", "unreachable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListAccelerators:
    """The workers for inference, with what each says of itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accelerator:
    """A worker as the row to it leads there.

    Attributes:
        target: its address, empty when there is none.
        state: *idle* is a worker of ours that nobody needs now: it starts with the next call.
        detail: why it is absent or unreachable, with the step that helps.
        supervised: whether it is a child process of ours; `starts` is how often that became ready, `rests` how often it
            was ended because nobody needed it for `idle_after_s` seconds (None: never), `load_s` what its last start took.
    """

    target: str
    state: AcceleratorState
    detail: str = ""
    supervised: bool = False
    starts: int = 0
    report: InferenceReport | None = None
    rests: int = 0
    idle_after_s: float | None = None
    load_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceleratorList:
    """Every worker, and the model that embeds when none is named (None when there is none)."""

    items: tuple[Accelerator, ...]
    embedder: str | None = None
