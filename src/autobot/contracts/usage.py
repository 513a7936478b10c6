"""Published language of what models were used for: who, which model, how many tokens, at what cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Len

UsageBy = Literal["user", "key", "model", "day"]
DAY = r"\d{4}-\d{2}-\d{2}"
"""How a day is written: ISO 8601, in UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GetModelUsage:
    """What was used on the days from `since` to `until`, both included and in UTC.

    Attributes:
        by: what the items are summed by.
        user: whose usage; None: that of all whom the asker may see.
    """

    by: UsageBy = "model"
    since: Annotated[str, Len(10, 10)]
    until: Annotated[str, Len(10, 10)]
    user: Annotated[str, Len(1, 100)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageFigures:
    """Sums of answers and embeddings.

    Attributes:
        calls: answers, those from a cache included.
        cached: answers that came from a cache or were shared with an equal question; they cost nothing.
        estimated: answers whose tokens the provider did not count (they broke off, or it never does).
        cost: in the row's currency, by the prices that held when the answer was made.
    """

    calls: int = 0
    cached: int = 0
    estimated: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageItem:
    """The sum of one user, key (its id, empty for what was asked without one), model or day."""

    name: str
    currency: str
    figures: UsageFigures


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelUsage:
    """The items, most tokens first; `totals` are of all of them, one for each currency."""

    by: UsageBy
    since: str
    until: str
    items: tuple[UsageItem, ...]
    totals: tuple[UsageItem, ...]
