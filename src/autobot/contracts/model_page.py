"""Published language of the page of models: who has them, how their servers stand, what goes on, what it costs today."""

from __future__ import annotations

from dataclasses import dataclass

from autobot.contracts.runs import ModelChoice
from autobot.contracts.usage import UsageFigures


@dataclass(frozen=True, slots=True, kw_only=True)
class GetModelOverview:
    """Providers with their servers and models, as they are now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerView:
    """One server of a provider.

    Attributes:
        breaker: closed, open, half_open, isolated or shadow.
        ejected_until: until when it is set aside because it fails more than the others, None while it is not.
        paused_until: until when it asked not to be called.
        calls: attempts since the process started; `failures` of them failed.
        reachable: the last background probe's answer, None when there was none, or a call was answered after it failed.
        error: what its last failed attempt said.
    """

    address: str
    breaker: str
    ejected_until: str | None = None
    paused_until: str | None = None
    calls: int = 0
    failures: int = 0
    reachable: bool | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelLoad:
    """One model.

    Attributes:
        tokens_per_second: of its last 64 answers, from the first word on; None while it gave none.
        running: answers being made, None for a model without a limit; `waiting` for a place; `limit` at a time.
        today: by whom the asker may see, since midnight UTC, in the currency of the prices.
    """

    choice: ModelChoice
    tokens_per_second: float | None = None
    running: int | None = None
    waiting: int | None = None
    limit: int | None = None
    today: UsageFigures


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderView:
    """A provider with its link; `in_flight` and `p50_ms` are the link's of now and of the last minute."""

    provider: str
    link: str
    in_flight: int
    calls: int
    failures: int
    p50_ms: float | None
    servers: tuple[ServerView, ...]
    models: tuple[ModelLoad, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOverview:
    """The whole page.

    Attributes:
        cached: answers and lists that needed no model, since the process started.
        everybody: whether `today` counts all users, or only the asker.
        others: today's usage of models that no provider lists now, by name.
    """

    currency: str
    everybody: bool
    calls: int
    cached: int
    providers: tuple[ProviderView, ...]
    others: dict[str, UsageFigures]
