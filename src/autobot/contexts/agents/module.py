"""The door of the agents context."""

from __future__ import annotations

from autobot.contexts.agents.handlers import RunHandlers
from autobot.contexts.agents.ports import CaughtUp, FoundRuns
from autobot.contexts.agents.read_model import (
    EVERYBODY,
    AcceleratorsOf,
    Allowed,
    ModelList,
    OverviewQueries,
    RunQueries,
    UsageQueries,
    Watched,
)
from autobot.contracts import inference, model_page, runs, usage
from autobot.kernel.commands.authorize import Rule, Verdict
from autobot.kernel.commands.decision import CommandSpec, Module, QuerySpec
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.sagas.facts import EVENTS

_OWN, _ALLOW = Verdict.OWN, Verdict.ALLOW

RULES = (
    Rule(action="runs:read", admin=_OWN, operator=_OWN, user=_OWN, viewer=_OWN),
    Rule(action="runs:stop", admin=_OWN, operator=_OWN, user=_OWN),
    Rule(action="models:read", admin=_ALLOW, operator=_ALLOW, user=_ALLOW, viewer=_ALLOW),
    Rule(action="models:accelerators", admin=_ALLOW, operator=_ALLOW),
    Rule(action="models:use", admin=_ALLOW, operator=_ALLOW, user=_ALLOW),
    Rule(action="models:usage", admin=_ALLOW, operator=_ALLOW, user=_ALLOW, viewer=_ALLOW),
    Rule(action=EVERYBODY, admin=_ALLOW, operator=_ALLOW),
    Rule(action="tools:time", admin=_ALLOW, operator=_ALLOW, user=_ALLOW, viewer=_ALLOW),
    Rule(action="tools:search_documentation", admin=_ALLOW, operator=_ALLOW, user=_ALLOW, viewer=_ALLOW),
    Rule(action="tools:read_setting", admin=_ALLOW, operator=_ALLOW),
)


def build(
    store: EventStore,
    models: ModelList,
    caught_up: CaughtUp,
    allowed: Allowed,
    accelerators: AcceleratorsOf,
    watched: Watched,
) -> tuple[Module, FoundRuns]:
    """Wire the context; what finds runs comes back too, because it takes the engine once that is there."""
    found = FoundRuns(store, caught_up)
    handlers, queries = RunHandlers(found), RunQueries(found, models, accelerators)
    used, page = UsageQueries(store, allowed), OverviewQueries(models, watched, store, allowed)
    module = Module(
        name="agents",
        commands=(
            CommandSpec(
                command=runs.StopRun,
                action="runs:stop",
                handler=handlers.stop,
                answer=runs.RunStopping,
                owner=found.owner,
            ),
        ),
        queries=(
            QuerySpec(query=runs.GetRun, action="runs:read", handler=queries.get, owner=found.owner),
            QuerySpec(query=runs.AwaitRun, action="runs:read", handler=queries.wait, owner=found.owner),
            QuerySpec(query=runs.ListModels, action="models:read", handler=queries.models),
            QuerySpec(
                query=inference.ListAccelerators, action="models:accelerators", handler=queries.accelerators
            ),
            QuerySpec(query=model_page.GetModelOverview, action="models:usage", handler=page.overview),
            QuerySpec(query=usage.GetModelUsage, action="models:usage", handler=used.get),
            QuerySpec(query=runs.ListAgents, action="models:read", handler=queries.agents),
        ),
        events=EVENTS,
        rules=RULES,
    )
    return module, found
