"""Commands by which a user goes, stays after all, or is erased: see `process.user_removal`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from autobot.contexts.identity.domain.user import User, folded_name, stream_of
from autobot.contexts.identity.handlers.keys import key_stream
from autobot.contexts.identity.handlers.users import guarded
from autobot.contexts.identity.ports.directory import (
    KEYS,
    LINKS,
    NAMES,
    PASSWORDS,
    SESSIONS,
    USERS,
    Directory,
    put_user,
)
from autobot.contracts import identity
from autobot.kernel.commands.decision import Decision, Emit
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import Conflict
from autobot.kernel.core.ids import IdSource
from autobot.kernel.event_store.transaction import Delete, Erase, Put

NOTHING = identity.Nothing()


class RemovalHandlers:
    """One method a command."""

    def __init__(self, directory: Directory, clock: Clock, ids: IdSource) -> None:
        self._directory, self._clock, self._ids = directory, clock, ids

    async def request(
        self, command: identity.RemoveUser, context: CallContext
    ) -> Decision[identity.RemovalStarted]:
        """The user's credentials stop working now; the saga does the rest."""
        user, revision = await self._directory.load(command.user_id)
        removal_id, now = self._ids.new(), self._clock.now()
        due = now + timedelta(days=command.grace_days)
        facts = user.remove(removal_id, due, at_once=command.grace_days == 0)
        answer = identity.RemovalStarted(removal_id=removal_id)
        return await self._decided(user, revision, facts, answer)

    async def take(self, command: identity.TakeUser, context: CallContext) -> Decision[identity.Nothing]:
        """The user and everything that proves them."""
        user, revision = await self._directory.load(command.user_id)
        return await self._decided(user, revision, user.take(command.removal_id), NOTHING)

    async def keep(self, command: identity.KeepUser, context: CallContext) -> Decision[identity.Nothing]:
        """The user is as before the request."""
        user, revision = await self._directory.load(command.user_id)
        was_suspended = await self._directory.was_suspended(command.user_id, command.removal_id)
        facts = user.keep(command.removal_id, suspended=was_suspended)
        return await self._decided(user, revision, facts, NOTHING)

    async def erase(self, command: identity.EraseUser, context: CallContext) -> Decision[identity.Nothing]:
        """What the log says of somebody who is gone. Repeating it changes nothing."""
        user, _ = await self._directory.load(command.user_id)
        if user.exists:
            raise Conflict("This user is not removed.")
        keys = [key_stream(one) for one in await self._directory.keys_ever(command.user_id)]
        reason = "user removed"
        erase = tuple(Erase(stream=one, reason=reason) for one in (stream_of(command.user_id), *keys))
        return Decision(answer=NOTHING, erase=erase, object=command.user_id, reason=reason)

    async def _decided(self, user: User, revision: int, facts: tuple[Any, ...], answer: Any) -> Decision[Any]:
        if not facts:
            return Decision(answer=answer, object=user.id)
        guard = await self._directory.administrators()
        after = user.after(facts, self._clock.now())
        writes: list[Put | Delete] = [*guarded(after, guard)]
        if after.removed:
            writes += [
                Delete(table=USERS, key=user.id),
                Delete(table=NAMES, key=folded_name(user.username)),
                Delete(table=PASSWORDS, key=user.id),
            ]
        else:
            writes.append(put_user(after))
        for table in (SESSIONS, KEYS, LINKS) if after.removed else (SESSIONS,):
            writes += await self._directory.forget(table, user.id)
        emit = Emit(stream=stream_of(user.id), expected=revision, events=facts)
        return Decision(answer=answer, emits=(emit,), writes=tuple(writes), object=user.id)
