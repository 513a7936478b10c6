"""What those who index documents say of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Len

from autobot.contracts.knowledge.documents import Original
from autobot.contracts.knowledge.words import TITLE_MAX, Id
from autobot.kernel.core.failure import Failure

Claim = Annotated[str, Len(0, 200)]
"""By what a process works on a document where there are several; empty where there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFetched:
    """Written by who indexes: the original came."""

    id: Id
    version: Annotated[int, Ge(1)]
    url: str
    original: Original
    claim: Claim = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordIndexed:
    """Written by who indexes: the version is in the index. `title` is what the file calls itself, empty for nothing."""

    id: Id
    version: Annotated[int, Ge(1)]
    passages: Annotated[int, Ge(1)]
    characters: Annotated[int, Ge(1)]
    media_type: str
    model: str
    dimensions: Annotated[int, Ge(0)]
    title: Annotated[str, Len(0, TITLE_MAX)] = ""
    claim: Claim = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFailed:
    """Written by who indexes: it cannot be done."""

    id: Id
    version: Annotated[int, Ge(1)]
    error: Failure
    claim: Claim = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The answer to those who index. `wanted` is False when the document is gone, `yours` when another works on it now."""

    wanted: bool
    yours: bool = True
