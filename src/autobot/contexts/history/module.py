"""The door of the history context."""

from __future__ import annotations

from typing import Final

from autobot.contexts.history.read_model import HistoryQueries, States
from autobot.contracts import history
from autobot.kernel.commands.decision import Module, QuerySpec
from autobot.kernel.event_store.past import Past
from autobot.kernel.event_store.ports import EventStore

READ: Final = "events:read"
"""Who reads the log may read what follows from it: the system context's rule."""


def build(store: EventStore, past: Past, states: States) -> Module:
    """Wire the context."""
    read = HistoryQueries(store, past, states)
    return Module(
        name="history",
        queries=(
            QuerySpec(query=history.ListReadModels, action=READ, handler=read.models),
            QuerySpec(query=history.ReadModelAt, action=READ, handler=read.at),
            QuerySpec(query=history.CompareReadModel, action=READ, handler=read.compare),
            QuerySpec(query=history.GetDensity, action=READ, handler=read.density),
        ),
    )
