"""A moment of the past, in questions that any context answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from annotated_types import Ge


@dataclass(frozen=True, slots=True, kw_only=True)
class AsOf:
    """A moment of the past: a log position, or a time (not both); neither is now."""

    position: Annotated[int, Ge(0)] | None = None
    at: datetime | None = None


NOW = AsOf()
