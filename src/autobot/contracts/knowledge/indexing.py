"""What those who index documents say of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge

from autobot.contracts.knowledge.documents import Original
from autobot.contracts.knowledge.words import Id
from autobot.kernel.core.failure import Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFetched:
    """Written by who indexes: the original came."""

    id: Id
    version: Annotated[int, Ge(1)]
    url: str
    original: Original


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordIndexed:
    """Written by who indexes: the version is in the index."""

    id: Id
    version: Annotated[int, Ge(1)]
    passages: Annotated[int, Ge(1)]
    characters: Annotated[int, Ge(1)]
    media_type: str
    model: str
    dimensions: Annotated[int, Ge(0)]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFailed:
    """Written by who indexes: it cannot be done."""

    id: Id
    version: Annotated[int, Ge(1)]
    error: Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The answer of those who index. `wanted` is False when the document is gone."""

    wanted: bool
