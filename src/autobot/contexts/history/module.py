"""The door of the history context."""

from __future__ import annotations

from typing import Final

from autobot.contexts.history.handlers import ChangeHandlers
from autobot.contexts.history.ports import StoredChanges, Views
from autobot.contexts.history.process import ChangeRun, change_starter
from autobot.contexts.history.read_model import ChangeQueries, HistoryQueries
from autobot.contracts import history, read_models
from autobot.kernel.commands.authorize import Rule
from autobot.kernel.commands.decision import CommandSpec, Module, QuerySpec
from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.ids import IdSource
from autobot.kernel.event_store.past import Past
from autobot.kernel.event_store.ports import EventStore

__all__ = ["build", "change_run", "change_starter"]

READ: Final = "events:read"
"""Who reads the log may read what follows from it: the system context's rule."""
OPERATE: Final = "system:operate"
"""Who operates the system may change its read models: the system context's rule."""
RECORD: Final = "history:record"


def build(*, store: EventStore, past: Past, views: Views, clock: Clock, ids: IdSource) -> Module:
    """Wire the context; `views` are the stored read models."""
    stored = StoredChanges(store)
    read, changes = HistoryQueries(store, past, views, clock), ChangeQueries(store, stored, past)
    write = ChangeHandlers(stored, views, clock, ids)
    answer = read_models.ReadModelChange
    return Module(
        name="history",
        commands=(
            CommandSpec(
                command=read_models.ChangeReadModel, action=OPERATE, handler=write.request, answer=answer
            ),
            CommandSpec(
                command=read_models.NoteReadModelChange, action=RECORD, handler=write.note, answer=answer
            ),
        ),
        queries=(
            QuerySpec(query=history.ListReadModels, action=READ, handler=read.models),
            QuerySpec(query=history.ReadModelAt, action=READ, handler=read.at),
            QuerySpec(query=history.CompareReadModel, action=READ, handler=read.compare, report=True),
            QuerySpec(query=history.GetDensity, action=READ, handler=read.density),
            QuerySpec(query=read_models.ListReadModelChanges, action=READ, handler=changes.page),
            QuerySpec(query=read_models.GetReadModelChange, action=READ, handler=changes.change),
            QuerySpec(query=read_models.ListSkippedEvents, action=READ, handler=changes.skipped),
        ),
        events=read_models.EVENTS,
        rules=(Rule(action=RECORD),),
    )


def change_run(*, bus: Dispatcher, store: EventStore, views: Views) -> ChangeRun:
    """Return the definition for the run engine."""
    return ChangeRun(bus=bus, stored=StoredChanges(store), views=views)
