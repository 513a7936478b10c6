"""Commands on users: first start, add, change, remove, links and passwords."""

from __future__ import annotations

from typing import Any

from autobot.contexts.identity.domain.credentials import LINK_HOLDS, Link, digest
from autobot.contexts.identity.domain.user import (
    FIRST_USERNAME,
    Administrators,
    User,
    prepared,
    stream_of,
)
from autobot.contexts.identity.ports.directory import (
    SESSIONS,
    Directory,
    Stored,
    claim_name,
    put_administrators,
    put_link,
    put_password,
    put_session,
    put_user,
)
from autobot.contexts.identity.ports.sealing import Sealer
from autobot.contexts.identity.ports.secrets import Passwords, Tokens
from autobot.contracts import identity
from autobot.kernel.commands.decision import Decision, Emit
from autobot.kernel.core.clock import Clock, rfc3339
from autobot.kernel.core.context import CallContext, Principal
from autobot.kernel.core.errors import AlreadyExists, FieldError, Forbidden, InvalidInput
from autobot.kernel.core.ids import IdSource
from autobot.kernel.event_store.transaction import NO_STREAM, Delete, Put

NOTHING = identity.Nothing()
Writes = tuple[Put | Delete, ...]


class UserHandlers:
    """One method a command."""

    def __init__(
        self,
        *,
        directory: Directory,
        passwords: Passwords,
        tokens: Tokens,
        sealer: Sealer,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._directory, self._passwords, self._tokens = directory, passwords, tokens
        self._sealer, self._clock, self._ids = sealer, clock, ids

    async def first_start(
        self, command: identity.FirstStart, context: CallContext
    ) -> Decision[identity.FirstStarted]:
        """Make the first administrator, or their link again while it was never used."""
        guard = await self._directory.administrators()
        if guard.version == 0:
            user, made = await self._new(FIRST_USERNAME, "admin", command.password, guard, context)
            answer = identity.FirstStarted(user_id=user.id, created=True, sealed_link=made.answer)
            return Decision(answer=answer, emits=made.emits, writes=made.writes, object=user.id)
        user_id = guard.value.ids[0]
        user, revision = await self._directory.load(user_id)
        link = await self._directory.link_of(user_id)
        if user.has_password or link is None or link.used_at is not None:
            return Decision(answer=identity.FirstStarted(user_id=user_id, created=False), object=user_id)
        made = self._link(user, revision, context.principal)
        answer = identity.FirstStarted(user_id=user_id, created=False, sealed_link=made.answer)
        return Decision(answer=answer, emits=made.emits, writes=made.writes, object=user_id)

    async def add(self, command: identity.AddUser, context: CallContext) -> Decision[identity.UserMade]:
        """Add a user; the name must be free."""
        if await self._directory.id_of(command.username):
            raise AlreadyExists(f"There is a user called {command.username} already.")
        guard = await self._directory.administrators()
        user, made = await self._new(command.username, command.role, command.password, guard, context)
        answer = identity.UserMade(user=user.view(), sealed_link=made.answer)
        return Decision(answer=answer, emits=made.emits, writes=made.writes, object=user.id)

    async def _new(
        self,
        username: str,
        role: identity.UserRole,
        password: str | None,
        guard: Stored[Administrators],
        context: CallContext,
    ) -> tuple[User, Decision[str | None]]:
        user_id, now = self._ids.new(), self._clock.now()
        facts: tuple[Any, ...] = (identity.UserAdded(user_id=user_id, username=username, role=role),)
        if password is not None:
            facts = (*facts, identity.PasswordSet(user_id=user_id))
        user = User(id=user_id, tenant=context.principal.tenant).after(facts, now)
        writes: list[Put | Delete] = [put_user(user), claim_name(user), *guarded(user, guard)]
        sealed = None
        if password is not None:
            writes.append(put_password(user_id, await self._passwords.hash(prepared(password)), 0))
        else:
            link = self._link(user, NO_STREAM, context.principal)
            facts, sealed = (*facts, *link.emits[0].events), link.answer
            writes.extend(link.writes)
        emit = Emit(stream=stream_of(user_id), expected=NO_STREAM, events=facts)
        return user, Decision(answer=sealed, emits=(emit,), writes=tuple(writes))

    async def change(self, command: identity.ChangeUser, context: CallContext) -> Decision[identity.UserView]:
        """Role and suspension."""
        user, revision = await self._directory.load(command.user_id)
        facts = user.change(command.role, command.suspended, command.reason)
        decided = await self._decide(user, revision, facts)
        return Decision(
            answer=user.after(facts, self._clock.now()).view(),
            emits=decided.emits,
            writes=decided.writes,
            object=user.id,
            reason=command.reason,
        )

    async def issue_link(
        self, command: identity.IssueLink, context: CallContext
    ) -> Decision[identity.LinkMade]:
        """Make a sign-in link."""
        user, revision = await self._directory.load(command.user_id)
        user.require()
        if user.suspended:
            raise InvalidInput("This user is suspended; restore them first.")
        made = self._link(user, revision, context.principal)
        fact: identity.LinkIssued = made.emits[0].events[0]  # type: ignore[assignment]
        answer = identity.LinkMade(
            user_id=user.id, sealed_link=made.answer or "", expires_at=rfc3339(fact.expires_at)
        )
        return Decision(answer=answer, emits=made.emits, writes=made.writes, object=user.id)

    def _link(self, user: User, revision: int, principal: Principal) -> Decision[str | None]:
        token, expires = self._tokens.new(), self._clock.now() + LINK_HOLDS
        link = Link(user_id=user.id, epoch=user.epoch, expires_at=expires)
        fact = identity.LinkIssued(user_id=user.id, expires_at=expires)
        return Decision(
            answer=self._sealer.seal(token, principal),
            emits=(Emit(stream=stream_of(user.id), expected=revision, events=(fact,)),),
            writes=(put_link(link, digest(token)),),
        )

    async def set_password(
        self, command: identity.SetPassword, context: CallContext
    ) -> Decision[identity.Nothing]:
        """Set it, and end every other session of the user.

        Repeating a change that went through (its answer was lost) finds the new password in place and is done.
        """
        principal = context.principal
        if principal.kind == "key":
            raise Forbidden("An API key cannot set a password; sign in for that.")
        user, revision = await self._directory.load(command.user_id or principal.user_id)
        user.require()
        stored = await self._directory.password(user.id)
        if user.id == principal.user_id and stored.value is not None:
            current = await self._passwords.verify(prepared(command.current or " "), stored.value)
            if not current.matches:
                same = await self._passwords.verify(prepared(command.new), stored.value)
                if same.matches:
                    return Decision(answer=NOTHING, object=user.id)
                wrong = FieldError(detail="is not the current password", pointer="#/current")
                raise InvalidInput("The current password is wrong.", errors=(wrong,))
        facts, now = user.set_password(), self._clock.now()
        after = user.after(facts, now)
        hashed = await self._passwords.hash(prepared(command.new))
        return Decision(
            answer=NOTHING,
            emits=(Emit(stream=stream_of(user.id), expected=revision, events=facts),),
            writes=(
                put_user(after),
                put_password(user.id, hashed, stored.version),
                *await self._only_session(user, after, command.session),
            ),
            object=user.id,
        )

    async def _only_session(self, before: User, after: User, token: str | None) -> Writes:
        """End all sessions of the user but the one of `token`, which goes on in the new epoch."""
        token_digest = digest(token) if token else ""
        kept = await self._directory.session(token_digest) if token else None
        if kept is None or kept.user_id != before.id or kept.epoch != before.epoch:
            return tuple(await self._directory.forget(SESSIONS, before.id))
        ended = await self._directory.forget(SESSIONS, before.id, unless=kept.id)
        return (put_session(kept.of_epoch(after.epoch), token_digest), *ended)

    async def _decide(self, user: User, revision: int, facts: tuple[Any, ...]) -> Decision[None]:
        if not facts:
            return Decision(answer=None)
        guard = await self._directory.administrators()
        after = user.after(facts, self._clock.now())
        writes: list[Put | Delete] = [put_user(after), *guarded(after, guard)]
        if after.epoch != user.epoch:
            writes += await self._directory.forget(SESSIONS, user.id)
        emit = Emit(stream=stream_of(user.id), expected=revision, events=facts)
        return Decision(answer=None, emits=(emit,), writes=tuple(writes))

    async def owner(self, message: Any, context: CallContext) -> str | None:
        """Return whose user or credential a message is about: `user_id`, or the caller's own."""
        return message.user_id or context.principal.user_id


def guarded(user: User, guard: Stored[Administrators]) -> Writes:
    """Return the write of who can administrate after `user` changed. Raises Conflict when nobody could."""
    changed = guard.value.with_state(user)
    return () if changed == guard.value else (put_administrators(changed, guard.version),)
