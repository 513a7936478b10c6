"""What tokens cost and how much may be used a day, as an operator says it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from autobot.kernel.core.context import Principal
from autobot.kernel.core.errors import InvalidInput, QuotaExceeded

NANO: Final = 1_000_000_000
"""Parts of a unit of currency that costs are counted in: whole numbers, so that sums are exact."""
EACH: Final = "*"
_MILLION: Final = 1_000_000
_PRICE: Final = re.compile(r"(.+)=(\d{1,6}(?:\.\d{1,6})?)(?:/(\d{1,6}(?:\.\d{1,6})?))?")
_QUOTA: Final = re.compile(r"(user|key):(\S+)=(\d{1,15}(?:\.\d{1,6})?) (tokens|cost)")

Kind = Literal["user", "key"]
Unit = Literal["tokens", "cost"]


@dataclass(frozen=True, slots=True)
class Price:
    """What a million tokens cost, in units of the currency."""

    prompt: float
    completion: float

    def nano(self, prompt_tokens: int, completion_tokens: int) -> int:
        """Return the cost of so many tokens in billionths of a unit."""
        return round((prompt_tokens * self.prompt + completion_tokens * self.completion) * (NANO // _MILLION))


FREE: Final = Price(0.0, 0.0)


def prices_of(rules: Sequence[str]) -> dict[str, Price]:
    """Read an operator's `NAME=INPUT/OUTPUT` items. Raises InvalidInput for one that is none."""
    found: dict[str, Price] = {}
    for rule in rules:
        match = _PRICE.fullmatch(rule.strip())
        if match is None:
            raise InvalidInput(
                f"{rule!r} is no price.", hint="Write NAME=INPUT/OUTPUT, such as openai:gpt-4o-mini=0.15/0.60"
            )
        name, prompt, completion = match.groups()
        found[name.strip()] = Price(float(prompt), float(completion or 0))
    return found


def price_of(prices: Mapping[str, Price], name: str, model: str) -> Price:
    """Return the price of a model by its full name, else by its bare one; nothing where none is set."""
    return prices.get(name) or prices.get(model) or FREE


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """How much somebody may use a day. `who` is a user's id or name, or a key's id; `*` is each of them."""

    kind: Kind
    who: str
    unit: Unit
    amount: float

    def concerns(self, principal: Principal) -> bool:
        """Say whether it bounds what this principal asks."""
        if self.kind == "key":
            return principal.kind == "key" and self.who in (EACH, principal.id)
        if principal.kind == "service" and principal.user_id == principal.id:
            # AutoBot's own work is nobody's usage.
            return False
        return self.who in (EACH, principal.user_id, principal.username)


def quotas_of(rules: Sequence[str]) -> tuple[Quota, ...]:
    """Read an operator's `user:WHO=N tokens` and `key:WHO=N cost` items. Raises InvalidInput for one that is none."""
    found: list[Quota] = []
    for rule in rules:
        match = _QUOTA.fullmatch(rule.strip())
        if match is None:
            raise InvalidInput(
                f"{rule!r} is no quota.", hint="Write user:*=200000 tokens, or key:KEY_ID=2.50 cost"
            )
        kind, who, amount, unit = match.groups()
        found.append(Quota(kind=kind, who=who, unit=unit, amount=float(amount)))  # type: ignore[arg-type]
    return tuple(found)


def bounding(quotas: Sequence[Quota], principal: Principal) -> list[Quota]:
    """Return the quotas of this principal: one that names it comes before the one for each, by kind and unit."""
    chosen: dict[tuple[Kind, Unit], Quota] = {}
    for quota in quotas:
        place = (quota.kind, quota.unit)
        if quota.concerns(principal) and (place not in chosen or chosen[place].who == EACH):
            chosen[place] = quota
    return list(chosen.values())


@dataclass(frozen=True, slots=True)
class Spent:
    """What was used today."""

    tokens: int
    nano: int

    def of(self, unit: Unit) -> float:
        """Return the amount in a quota's unit."""
        return self.tokens if unit == "tokens" else self.nano / NANO


def exceeded(quota: Quota, spent: Spent, now: datetime, currency: str) -> QuotaExceeded | None:
    """Return the error of a quota that is spent, None while it is not. The day ends at midnight UTC."""
    used = spent.of(quota.unit)
    if used < quota.amount:
        return None
    unit = "tokens" if quota.unit == "tokens" else currency
    whose = "This key" if quota.kind == "key" else "This account"
    error = QuotaExceeded(
        f"{whose} used {used:.12g} of the {quota.amount:.12g} {unit} that it may use a day.",
        retry_after=seconds_to_midnight(now),
    )
    error.hint = "The day ends at midnight UTC. An administrator can raise the setting model.quotas."
    return error


def seconds_to_midnight(now: datetime) -> float:
    """Return the seconds until the day ends in UTC."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return (today + timedelta(days=1) - now).total_seconds()


def day_of(now: datetime) -> str:
    """Return the day in UTC."""
    return now.astimezone(UTC).date().isoformat()
