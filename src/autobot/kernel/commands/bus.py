"""The command bus: validate → authorize → idempotency → audit → handler; one commit at the end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

from autobot.kernel.commands.authorize import Authorizer, Verdict
from autobot.kernel.commands.decision import Answer, CommandSpec, Decision, Emit, QuerySpec
from autobot.kernel.commands.idempotency import (
    InFlight,
    command_fingerprint,
    replay,
    scope_of,
    store_answer,
    store_refusal,
)
from autobot.kernel.commands.refusals import Refusals
from autobot.kernel.core import errors
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.ids import IdSource
from autobot.kernel.core.validate import validate
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Append, AuditEntry, StoredAnswer, Transaction

RERUNS: Final = 8
"""How often a decision is made anew when its stream moved on between reading and writing."""

Publish = Callable[[Iterable[Emit], CallContext], Awaitable[tuple[Append, ...]]]
"""The event publisher: wraps facts into envelopes; they are buffered in the command's transaction."""

_REFUSALS_OF_HANDLERS = (
    errors.InvalidInput,
    errors.NotFound,
    errors.Conflict,
    errors.Forbidden,
    errors.Unauthenticated,
    errors.TooLarge,
    errors.QuotaExceeded,
    errors.Absent,
)


class Bus:
    """Dispatches commands and answers queries. Handlers are found by the type of the message.

    Errors: what `validate` and `authorize` raise, the idempotency errors, and what the handler raises.
    Nothing is written unless all of it is.
    """

    def __init__(
        self,
        *,
        commands: Iterable[CommandSpec],
        queries: Iterable[QuerySpec],
        authorizer: Authorizer,
        store: EventStore,
        publish: Publish,
        refusals: Refusals,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._commands = {spec.command: spec for spec in commands}
        self._queries = {spec.query: spec for spec in queries}
        named = {spec.action for spec in self._commands.values()}
        named |= {spec.action for spec in self._queries.values()}
        missing = named - authorizer.actions
        if missing:
            raise ValueError(f"no rule says who may: {', '.join(sorted(missing))}")
        self._authorizer, self._store, self._publish = authorizer, store, publish
        self._refusals, self._clock, self._ids = refusals, clock, ids
        self._in_flight = InFlight()

    @property
    def authorizer(self) -> Authorizer:
        """The one table of who may do what."""
        return self._authorizer

    async def dispatch(self, command: Any, context: CallContext, *, key: str | None = None) -> Answer[Any]:
        """Run a command. `key` is its idempotency key, unique per principal and operation for 24 h."""
        spec = self._commands.get(type(command))
        if spec is None:
            raise TypeError(f"no handler for the command {type(command).__name__}")
        try:
            await self._admit(spec.action, spec.owner, command, context)
        except errors.AutoBotError as error:
            told = None
            if key is not None and isinstance(error, errors.NotFound):
                # Whoever owned it may have deleted it by this very request, and lost the answer.
                told = await self._told_before(spec, command, context, key)
            if told is None:
                self._refusals.note(context, spec.action, error.code)
                raise
            return told
        if key is None:
            return await self._run(spec, command, context, None)
        mark, scope = command_fingerprint(command, spec.secret), scope_of(command, context)
        with self._in_flight.claim(scope, key, mark):
            told = await self._told_before(spec, command, context, key)
            if told is not None:
                return told
            return await self._run(spec, command, context, (scope, key, mark))

    async def ask(self, query: Any, context: CallContext) -> Any:
        """Answer a query. Changes nothing and leaves no audit record."""
        spec = self._queries.get(type(query))
        if spec is None:
            raise TypeError(f"no handler for the query {type(query).__name__}")
        try:
            await self._admit(spec.action, spec.owner, query, context)
        except errors.AutoBotError as error:
            self._refusals.note(context, spec.action, error.code)
            raise
        return await spec.handler(query, context)

    async def _admit(
        self,
        action: str,
        owner: Callable[[Any, CallContext], Awaitable[str | None]] | None,
        message: Any,
        context: CallContext,
    ) -> None:
        validate(message)
        verdict = self._authorizer.verdict(context.principal, action)
        asks_owner = verdict is Verdict.OWN and owner is not None
        owned_by = await owner(message, context) if asks_owner and owner is not None else None
        self._authorizer.authorize(context.principal, action, owned_by)

    async def _told_before(
        self, spec: CommandSpec, command: Any, context: CallContext, key: str
    ) -> Answer[Any] | None:
        """Return what this principal was told under this key; None when that is nothing."""
        mark, scope = command_fingerprint(command, spec.secret), scope_of(command, context)
        stored = await self._store.answer(scope, key, self._clock.now())
        if stored is None:
            return None
        return Answer(
            value=replay(stored, mark, spec.answer), position=await self._store.head(), replayed=True
        )

    async def _run(
        self, spec: CommandSpec, command: Any, context: CallContext, claim: tuple[str, str, str] | None
    ) -> Answer[Any]:
        for attempt in range(RERUNS + 1):
            try:
                decision = await spec.handler(command, context)
            except _REFUSALS_OF_HANDLERS as error:
                await self._record_refusal(spec, command, context, claim, error)
                raise
            try:
                return await self._commit(spec, command, context, claim, decision)
            except errors.WrongExpectedVersion:
                if not spec.rerun or attempt == RERUNS:
                    raise
            except errors.IdempotencyInFlight:
                return await self._first_answer(spec, claim)
        raise AssertionError("unreachable")

    async def _first_answer(self, spec: CommandSpec, claim: tuple[str, str, str] | None) -> Answer[Any]:
        """Another process completed this key between our look and our commit: its answer is the answer."""
        if claim is None:
            raise AssertionError("only a keyed command can meet its own answer")
        scope, key, mark = claim
        stored = await self._store.answer(scope, key, self._clock.now())
        if stored is None:
            raise errors.IdempotencyInFlight("The first request with this idempotency key has not finished.")
        return Answer(
            value=replay(stored, mark, spec.answer), position=await self._store.head(), replayed=True
        )

    async def _commit(
        self,
        spec: CommandSpec,
        command: Any,
        context: CallContext,
        claim: tuple[str, str, str] | None,
        decision: Decision[Any],
    ) -> Answer[Any]:
        now = self._clock.now()
        answer: StoredAnswer | None = None
        if claim is not None:
            answer = store_answer(*claim, decision.answer, now)
        committed = await self._store.commit(
            Transaction(
                appends=await self._publish(decision.emits, context) if decision.emits else (),
                conditions=decision.conditions,
                writes=decision.writes,
                erase=decision.erase,
                handled=decision.handled,
                snapshots=decision.snapshots,
                answer=answer,
                audit=(self._entry(spec, command, context, "accepted", decision.object, decision.reason),),
            )
        )
        if spec.then is not None:
            await spec.then(decision)
        return Answer(value=decision.answer, position=committed.position)

    async def _record_refusal(
        self,
        spec: CommandSpec,
        command: Any,
        context: CallContext,
        claim: tuple[str, str, str] | None,
        error: errors.AutoBotError,
    ) -> None:
        answer = store_refusal(*claim, error, self._clock.now()) if claim is not None else None
        entry = self._entry(spec, command, context, error.code, "", "")
        await self._store.commit(Transaction(audit=(entry,), answer=answer))

    def _entry(
        self, spec: CommandSpec, command: Any, context: CallContext, outcome: str, target: str, reason: str
    ) -> AuditEntry:
        return AuditEntry(
            id=self._ids.new(),
            time=self._clock.now(),
            principal=context.principal.id,
            tenant=context.principal.tenant,
            action=spec.action,
            object=target,
            outcome=outcome,
            payload_hash=command_fingerprint(command, spec.secret),
            correlation_id=context.correlation_id,
            client=context.client,
            reason=reason,
        )
