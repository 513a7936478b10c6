"""Commands on API keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from autobot.contexts.identity.domain.credentials import (
    KEY_START,
    PREFIX_LENGTH,
    Key,
    check_expiry,
    check_scopes,
    digest,
)
from autobot.contexts.identity.domain.user import stream_of
from autobot.contexts.identity.ports.directory import KEYS, USAGE, Directory, put_key
from autobot.contexts.identity.ports.sealing import Sealer
from autobot.contexts.identity.ports.secrets import Tokens
from autobot.contracts import identity
from autobot.kernel.commands.decision import Decision, Emit
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext, Role
from autobot.kernel.core.errors import NOT_YOURS, Conflict, NotFound
from autobot.kernel.core.ids import IdSource
from autobot.kernel.event_store.transaction import NO_STREAM, Condition, Delete

NOTHING = identity.Nothing()

ActionsOf = Callable[[Role], Iterable[str]]
"""Which actions a role may do, on anything or on its own objects."""


def key_stream(key_id: str) -> str:
    """Return the stream of an API key."""
    return f"key-{key_id}"


class KeyHandlers:
    """One method a command."""

    def __init__(
        self,
        *,
        directory: Directory,
        tokens: Tokens,
        sealer: Sealer,
        actions_of: ActionsOf,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._directory, self._tokens, self._sealer = directory, tokens, sealer
        self._actions_of, self._clock, self._ids = actions_of, clock, ids

    async def create(self, command: identity.CreateKey, context: CallContext) -> Decision[identity.KeyMade]:
        """Make a key for the caller's user, for `user_id`, or (the system itself) for the first administrator."""
        user, revision = await self._directory.load(await self._user_id(command, context))
        user.require()
        if user.suspended:
            raise Conflict("This user is suspended; their keys do not work.")
        now = self._clock.now()
        check_expiry(command.expires_at, now)
        check_scopes(command.scopes, self._actions_of(user.role), context.principal)
        token = KEY_START + self._tokens.new()
        key = Key(
            id=self._ids.new(),
            user_id=user.id,
            name=command.name,
            prefix=token[:PREFIX_LENGTH],
            scopes=tuple(dict.fromkeys(command.scopes)),
            created_at=now,
            expires_at=command.expires_at,
        )
        fact = identity.KeyCreated(
            key_id=key.id,
            user_id=key.user_id,
            name=key.name,
            prefix=key.prefix,
            scopes=key.scopes,
            expires_at=key.expires_at,
        )
        return Decision(
            answer=identity.KeyMade(
                key=key.view(None), sealed_key=self._sealer.seal(token, context.principal)
            ),
            emits=(Emit(stream=key_stream(key.id), expected=NO_STREAM, events=(fact,)),),
            conditions=(Condition(stream=stream_of(user.id), expected=revision),),
            writes=(put_key(key, digest(token)),),
            object=key.id,
        )

    async def _user_id(self, command: identity.CreateKey, context: CallContext) -> str:
        if command.user_id is not None:
            return command.user_id
        if context.principal.kind != "service":
            return context.principal.user_id
        administrators = await self._directory.administrators()
        if not administrators.value.ids:
            raise NotFound("There is no user yet that a key could belong to.")
        return administrators.value.ids[0]

    async def revoke(self, command: identity.RevokeKey, context: CallContext) -> Decision[identity.Nothing]:
        """Stop a key for good."""
        key = await self._directory.key_by_id(command.key_id)
        if key is None:
            raise NotFound(NOT_YOURS)
        fact = identity.KeyRevoked(key_id=key.id, user_id=key.user_id)
        return Decision(
            answer=NOTHING,
            emits=(Emit(stream=key_stream(key.id), expected=0, events=(fact,)),),
            writes=(Delete(table=KEYS, key=key.id), Delete(table=USAGE, key=key.id)),
            object=key.id,
        )

    async def owner(self, command: identity.RevokeKey, context: CallContext) -> str | None:
        """Return whose key it is."""
        key = await self._directory.key_by_id(command.key_id)
        return key.user_id if key else None
