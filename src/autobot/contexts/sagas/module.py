"""The only door of the sagas context."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol

from autobot.contexts.sagas.handlers import SagaHandlers
from autobot.contexts.sagas.ports import CaughtUp, Kinds, StoredSagas
from autobot.contexts.sagas.read_model import SagaQueries
from autobot.contracts import sagas
from autobot.kernel.commands.authorize import Rule, Verdict
from autobot.kernel.commands.decision import CommandSpec, Module, QuerySpec
from autobot.kernel.core.clock import Clock
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Recorded
from autobot.kernel.sagas import facts

RULES: Final = (
    Rule(action="sagas:read", admin=Verdict.ALLOW, operator=Verdict.ALLOW),
    Rule(action="sagas:operate", admin=Verdict.ALLOW, operator=Verdict.ALLOW),
)


class Carries(Protocol):
    """What carries sagas out: `RunEngine`."""

    async def signalled(self, run_id: str) -> None:
        """Let a live one see what it was told."""
        ...

    async def resume(self, run_id: str) -> None:
        """Carry on with one that was stuck."""
        ...


def build(store: EventStore, codec: EventCodec, clock: Clock, kinds: Kinds, caught_up: CaughtUp) -> Module:
    """Return the context; `kinds` are the definitions that this version carries out."""
    stored = StoredSagas(store, codec, kinds, caught_up)
    handlers, queries = SagaHandlers(stored, clock), SagaQueries(store, stored)
    return Module(
        name="sagas",
        commands=(
            CommandSpec(
                command=sagas.StopSaga,
                action="sagas:operate",
                handler=handlers.stop,
                answer=sagas.SagaDetail,
            ),
            CommandSpec(
                command=sagas.RetrySaga,
                action="sagas:operate",
                handler=handlers.retry,
                answer=sagas.SagaDetail,
            ),
            CommandSpec(
                command=sagas.SettleSaga,
                action="sagas:operate",
                handler=handlers.settle,
                answer=sagas.SagaDetail,
            ),
        ),
        queries=(
            QuerySpec(query=sagas.ListSagas, action="sagas:read", handler=queries.page),
            QuerySpec(query=sagas.GetSaga, action="sagas:read", handler=queries.get),
        ),
        rules=RULES,
    )


def reactions(codec: EventCodec, engine: Carries) -> Mapping[str, Callable[[Recorded], Awaitable[None]]]:
    """Return by type of fact what the engine does when a person has decided. Hearing one twice changes nothing."""

    async def told(recorded: Recorded) -> None:
        fact = codec.unwrap(recorded)
        if isinstance(fact, facts.SignalSent):
            await engine.signalled(fact.run_id)

    async def resumed(recorded: Recorded) -> None:
        fact = codec.unwrap(recorded)
        if isinstance(fact, facts.RunResumed):
            await engine.resume(fact.run_id)

    return {facts.SignalSent.TYPE: told, facts.RunResumed.TYPE: resumed}
