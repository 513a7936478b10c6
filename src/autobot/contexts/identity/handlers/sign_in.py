"""Sessions begin and end here."""

from __future__ import annotations

from typing import Final

from autobot.contexts.identity.domain.credentials import SESSION_LONGEST, Session, csrf_of, digest
from autobot.contexts.identity.domain.user import User, prepared, stream_of
from autobot.contexts.identity.ports.directory import (
    SESSIONS,
    USAGE,
    Directory,
    put_link,
    put_password,
    put_session,
)
from autobot.contexts.identity.ports.secrets import Passwords, Tokens
from autobot.contracts import identity
from autobot.kernel.commands.decision import Decision, Emit
from autobot.kernel.core.clock import Clock, rfc3339
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import Unauthenticated
from autobot.kernel.core.ids import IdSource
from autobot.kernel.event_store.transaction import NO_STREAM, Condition, Delete, Put

NOTHING = identity.Nothing()
NOBODY: Final = "nobody"
"""No id: stands for the user of an unknown name, so that the same reads happen."""
SWEPT: Final = 50
"""Sessions of a user that are looked at for expiry when they sign in."""

Writes = tuple[Put | Delete, ...]


def session_stream(session_id: str) -> str:
    """Return the stream of a session."""
    return f"session-{session_id}"


class SignInHandlers:
    """One method a command. A refusal never says which part was wrong."""

    def __init__(
        self, *, directory: Directory, passwords: Passwords, tokens: Tokens, clock: Clock, ids: IdSource
    ) -> None:
        self._directory, self._passwords, self._tokens = directory, passwords, tokens
        self._clock, self._ids = clock, ids

    async def by_password(
        self, command: identity.SignIn, context: CallContext
    ) -> Decision[identity.SignedInSession]:
        """One verification whoever is asked for, so that time tells nothing."""
        user_id = await self._directory.id_of(command.username) or NOBODY
        user, revision = await self._directory.load(user_id)
        stored = await self._directory.password(user_id)
        password = prepared(command.password)
        check = await self._passwords.verify(password, stored.value)
        if not check.matches or not user.active:
            raise Unauthenticated("The name or the password is wrong.")
        writes: Writes = ()
        if check.outdated:
            hashed = await self._passwords.hash(password)
            writes = (put_password(user.id, hashed, stored.version),)
        return await self._begin(user, revision, "password", writes)

    async def by_link(
        self, command: identity.SignInWithLink, context: CallContext
    ) -> Decision[identity.SignedInSession]:
        """A link works once: marking it used is conditional on nobody having done so."""
        token_digest, now = digest(command.token), self._clock.now()
        stored = await self._directory.link(token_digest)
        if stored is None:
            raise _dead_link()
        user, revision = await self._directory.load(stored.value.user_id)
        if not stored.value.holds(user, now):
            raise _dead_link()
        used = put_link(stored.value.used(now), token_digest, stored.version)
        return await self._begin(user, revision, "link", (used,))

    async def _begin(
        self, user: User, revision: int, method: identity.SignInMethod, writes: Writes
    ) -> Decision[identity.SignedInSession]:
        token, now = self._tokens.new(), self._clock.now()
        session = Session(
            id=self._ids.new(),
            user_id=user.id,
            epoch=user.epoch,
            method=method,
            created_at=now,
            expires_at=now + SESSION_LONGEST,
        )
        fact = identity.SignedIn(
            user_id=user.id, session_id=session.id, method=method, expires_at=session.expires_at
        )
        answer = identity.SignedInSession(
            user=user.view(),
            token=token,
            csrf_token=csrf_of(token),
            expires_at=rfc3339(session.expires_at),
        )
        return Decision(
            answer=answer,
            emits=(Emit(stream=session_stream(session.id), expected=NO_STREAM, events=(fact,)),),
            conditions=(Condition(stream=stream_of(user.id), expected=revision),),
            writes=(*writes, put_session(session, digest(token)), *await self._swept(user)),
            object=user.id,
        )

    async def _swept(self, user: User) -> list[Delete]:
        """Return the removal of sessions of the user that are over."""
        writes: list[Delete] = []
        for row in await self._directory.page(SESSIONS, user.id, None, SWEPT):
            session = self._directory.session_of(row)
            last_used = await self._directory.last_used(session.id)
            if not session.holds(user, last_used, self._clock.now()):
                writes += [Delete(table=SESSIONS, key=session.id), Delete(table=USAGE, key=session.id)]
        return writes

    async def end(self, command: identity.SignOut, context: CallContext) -> Decision[identity.Nothing]:
        """End one's own session; what is over already stays over."""
        session = await self._directory.session(digest(command.session))
        if session is None or session.user_id != context.principal.user_id:
            return Decision(answer=NOTHING)
        fact = identity.SignedOut(user_id=session.user_id, session_id=session.id)
        return Decision(
            answer=NOTHING,
            emits=(Emit(stream=session_stream(session.id), expected=0, events=(fact,)),),
            writes=(
                Delete(table=SESSIONS, key=session.id),
                Delete(table=USAGE, key=session.id),
            ),
            object=session.user_id,
        )


def _dead_link() -> Unauthenticated:
    return Unauthenticated(
        "This sign-in link was used, replaced or is too old.",
        hint="Ask an administrator for another one, or run: autobot users link NAME",
    )
