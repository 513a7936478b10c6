"""The only door of the actions context."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from autobot.contexts.actions.domain import Catalogue
from autobot.contexts.actions.handlers import ActionHandlers
from autobot.contexts.actions.ports import Allowed, Call, StoredRequests, Work
from autobot.contexts.actions.process import BUS_WORK, ActionRun, run_starter
from autobot.contexts.actions.read_model import ActionQueries
from autobot.contracts import actions
from autobot.kernel.commands.authorize import Rule, Verdict
from autobot.kernel.commands.decision import CommandSpec, Module, QuerySpec
from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.ids import IdSource
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.ports import EventStore

__all__ = ["BUS_WORK", "RULES", "Call", "Work", "action_run", "build", "run_starter"]

_ALLOW, _OWN = Verdict.ALLOW, Verdict.OWN

RULES: Final = (
    Rule(action="actions:process", admin=_ALLOW, operator=_ALLOW, user=_ALLOW),
    Rule(action="actions:read", admin=_OWN, operator=_OWN, user=_OWN, viewer=_OWN),
    Rule(action="actions:record"),
    Rule(action="actions:erase"),
)


def build(
    *, store: EventStore, clock: Clock, ids: IdSource, work: Mapping[str, Work], allowed: Allowed
) -> Module:
    """Return the context. `work` holds what can be done here, by action type; start from BUS_WORK.

    `allowed` asks the authorization table that is compiled of all modules' rules; it is first called by a
    command. The codec that the bus publishes with must know `contracts.actions.EVENTS`.
    """
    catalogue, requests = Catalogue(), StoredRequests(store)
    queries = ActionQueries(catalogue, work, requests, allowed)
    handlers = ActionHandlers(
        catalogue=catalogue,
        work=work,
        requests=requests,
        allowed=allowed,
        clock=clock,
        ids=ids,
    )
    return Module(
        name="actions",
        commands=(
            CommandSpec(
                command=actions.ProcessAction,
                action="actions:process",
                handler=handlers.process,
                answer=actions.ActionAccepted,
            ),
            CommandSpec(
                command=actions.RecordAction,
                action="actions:record",
                handler=handlers.record,
                answer=actions.Recorded,
                then=queries.recorded,
            ),
            _erasing(handlers),
        ),
        queries=(
            QuerySpec(
                query=actions.GetAction, action="actions:read", handler=queries.get, owner=handlers.owner
            ),
            QuerySpec(
                query=actions.AwaitAction, action="actions:read", handler=queries.wait, owner=handlers.owner
            ),
            QuerySpec(query=actions.ListActionTypes, action="actions:read", handler=queries.types),
        ),
        events=actions.EVENTS,
        rules=RULES,
    )


def _erasing(handlers: ActionHandlers) -> CommandSpec:
    return CommandSpec(
        command=actions.EraseActions,
        action="actions:erase",
        handler=handlers.erase,
        answer=actions.ActionsErased,
    )


def action_run(
    *, bus: Dispatcher, store: EventStore, codec: EventCodec, clock: Clock, work: Mapping[str, Work]
) -> ActionRun:
    """Return the definition for the run engine, with the same `work` as `build`."""
    return ActionRun(bus=bus, store=store, codec=codec, clock=clock, work=work, catalogue=Catalogue())
