"""The read side: runs, and what there is to choose from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from autobot.contexts.agents.agent import DOCUMENTS
from autobot.contexts.agents.facade import ROW
from autobot.contexts.agents.limits import Load
from autobot.contexts.agents.metering import FIELDS, usage_rows
from autobot.contexts.agents.orchestrator import KINDS
from autobot.contexts.agents.ports import FoundRuns
from autobot.contexts.agents.quotas import NANO, day_of
from autobot.contracts import inference, model_page, runs, usage
from autobot.kernel.core.context import CallContext, Principal
from autobot.kernel.core.errors import Forbidden
from autobot.kernel.event_store.ports import EventStore

EVERYBODY: Final = "models:usage_all"
"""The action of seeing what others used."""

AcceleratorsOf = Callable[[CallContext], Awaitable[inference.AcceleratorList]]
"""Asks each worker what it says of itself."""
ModelList = Callable[[CallContext], Awaitable[Sequence[runs.ModelChoice]]]


Allowed = Callable[[Principal, str], bool]
"""Says whether somebody may do an action."""


class UsageQueries:
    """What models were used for, of the asker or of everybody."""

    def __init__(self, store: EventStore, allowed: Allowed) -> None:
        self._store, self._allowed = store, allowed

    async def get(self, query: usage.GetModelUsage, context: CallContext) -> usage.ModelUsage:
        """Return sums of days. Raises Forbidden for another user's where the asker may see only their own."""
        own = context.principal.user_id
        everybody = self._allowed(context.principal, EVERYBODY)
        if not everybody and query.user not in (None, own):
            raise Forbidden("Only administrators and operators see what others used.")
        user = query.user if everybody else own
        rows = await usage_rows(self._store, query.since, query.until, user)
        mine = [one.document for one in rows if one.document["tenant"] == context.principal.tenant]
        return usage.ModelUsage(
            by=query.by,
            since=query.since,
            until=query.until,
            items=_summed(mine, lambda row: str(row[query.by])),
            totals=_summed(mine, lambda _: ""),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """Where figures of now come from: rows of the matrix by what they describe, models with a limit, paces, currency."""

    links: Callable[[], Sequence[Mapping[str, Any]]]
    loads: Callable[[], Mapping[str, Load]]
    pace: Callable[[str], float | None]
    currency: Callable[[], str]
    now: Callable[[], datetime]


class OverviewQueries:
    """Providers, servers and models with what goes on at them."""

    def __init__(self, models: ModelList, watched: Watched, store: EventStore, allowed: Allowed) -> None:
        self._models, self._watched, self._store, self._allowed = models, watched, store, allowed

    async def overview(
        self, query: model_page.GetModelOverview, context: CallContext
    ) -> model_page.ModelOverview:
        """Return the page; what today cost is the asker's own unless they may see everybody's."""
        watched = self._watched
        everybody, currency = self._allowed(context.principal, EVERYBODY), watched.currency()
        day = day_of(watched.now())
        rows = await usage_rows(self._store, day, day, None if everybody else context.principal.user_id)
        mine = [
            one.document
            for one in rows
            if (one.document["tenant"], one.document["currency"]) == (context.principal.tenant, currency)
        ]
        today = {one.name: one.figures for one in _summed(mine, lambda row: str(row["model"]))}
        choices = await self._models(context)
        described = {str(one["id"]): one for one in watched.links()}
        # The facade's own row counts the calls to every provider, so it tells nothing of the one that has no row.
        facade = described.pop(ROW, {})
        links = dict.fromkeys((one.provider, one.link) for one in choices)
        providers = tuple(
            self._provider(
                name, link, described.get(link, {}), [one for one in choices if one.link == link], today
            )
            for name, link in links
        )
        known = {one.id for one in choices}
        return model_page.ModelOverview(
            currency=currency,
            everybody=everybody,
            calls=facade.get("calls", 0),
            cached=facade.get("cached", 0),
            providers=providers,
            others={name: figures for name, figures in today.items() if name not in known},
        )

    def _provider(
        self,
        name: str,
        link: str,
        row: Mapping[str, Any],
        choices: Sequence[runs.ModelChoice],
        today: Mapping[str, usage.UsageFigures],
    ) -> model_page.ProviderView:
        loads = self._watched.loads()

        def load(choice: runs.ModelChoice) -> model_page.ModelLoad:
            held = loads.get(choice.id)
            return model_page.ModelLoad(
                choice=choice,
                tokens_per_second=self._watched.pace(choice.id),
                running=held.running if held else None,
                waiting=held.waiting if held else None,
                limit=held.limit if held else None,
                today=today.get(choice.id, usage.UsageFigures()),
            )

        return model_page.ProviderView(
            provider=name,
            link=link,
            in_flight=row.get("in_flight", 0),
            calls=row.get("calls", 0),
            failures=row.get("failures", 0),
            p50_ms=row.get("p50_ms"),
            servers=tuple(_server(one) for one in row.get("targets", ())),
            models=tuple(map(load, choices)),
        )


def _server(target: Mapping[str, Any]) -> model_page.ServerView:
    error = target.get("last_error")
    return model_page.ServerView(
        address=target["address"],
        breaker=target["breaker_state"],
        ejected_until=target.get("ejected_until"),
        paused_until=target.get("paused_until"),
        calls=target["calls"],
        failures=target["failures"],
        reachable=target.get("reachable"),
        error=error["detail"] if error else None,
    )


def _summed(
    rows: Sequence[Mapping[str, Any]], name: Callable[[Mapping[str, Any]], str]
) -> tuple[usage.UsageItem, ...]:
    """Return the sums of rows by name and currency, most tokens first."""
    sums: dict[tuple[str, str], dict[str, int]] = {}
    for row in rows:
        figures = sums.setdefault((name(row), row["currency"]), dict.fromkeys(FIELDS, 0))
        for field in FIELDS:
            figures[field] += row[field]
    items = [
        usage.UsageItem(name=one, currency=currency, figures=usage.UsageFigures(cost=nano / NANO, **figures))
        for (one, currency), figures in sums.items()
        for nano in (figures.pop("cost_nano"),)
    ]
    return tuple(
        sorted(items, key=lambda one: (-one.figures.prompt_tokens - one.figures.completion_tokens, one.name))
    )


class RunQueries:
    """One method a query."""

    def __init__(self, found: FoundRuns, models: ModelList, accelerators: AcceleratorsOf) -> None:
        self._found, self._models, self._accelerators = found, models, accelerators

    async def get(self, query: runs.GetRun, context: CallContext) -> runs.RunView:
        """Return a run, live or ended."""
        return await self._found.view(query.run_id)

    async def wait(self, query: runs.AwaitRun, context: CallContext) -> runs.RunView:
        """Return the run when it has ended, or as it is when the time is up."""
        await self._found.wait(query.run_id, query.seconds, context.deadline)
        return await self._found.view(query.run_id)

    async def models(self, query: runs.ListModels, context: CallContext) -> tuple[runs.ModelChoice, ...]:
        """Return the models that a chat can choose."""
        return tuple(await self._models(context))

    async def accelerators(
        self, query: inference.ListAccelerators, context: CallContext
    ) -> inference.AcceleratorList:
        """Return the workers for inference."""
        return await self._accelerators(context)

    async def agents(self, query: runs.ListAgents, context: CallContext) -> tuple[runs.AgentChoice, ...]:
        """Return the agents with the model that they use: the one that a new chat gets."""
        models = await self._models(context)
        model = next((one for one in models if one.default), None)
        unknown = any(one.state == "unreachable" for one in models)
        return tuple(
            runs.AgentChoice(
                id=f"agent:{kind}",
                label=label,
                state=model.state if model else ("unreachable" if unknown else "absent"),
                model=model.id if model else None,
                window=model.window if model else None,
                documents_first=kind == DOCUMENTS,
            )
            for kind, label in KINDS.items()
        )
