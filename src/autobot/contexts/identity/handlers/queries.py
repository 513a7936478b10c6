"""What people ask of identity."""

from __future__ import annotations

from autobot.contexts.identity.domain.credentials import ASK_WHO
from autobot.contexts.identity.domain.user import User
from autobot.contexts.identity.ports.directory import KEYS, USERS, Directory
from autobot.contracts import identity
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.cursor import decode_cursor, encode_cursor


class IdentityQueries:
    """One method a query."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    async def me(self, query: identity.Me, context: CallContext) -> identity.MeView:
        """Who asks."""
        principal = context.principal
        user = await self._directory.user(principal.user_id)
        scopes = principal.scopes - ASK_WHO if principal.kind == "key" else principal.scopes
        return identity.MeView(
            id=principal.id,
            username=principal.username,
            role=principal.role,
            kind=principal.kind,
            scopes=tuple(sorted(scopes)),
            has_password=user.has_password if user else False,
        )

    async def users(self, query: identity.ListUsers, context: CallContext) -> identity.UserPage:
        """All users, or the one that was named."""
        if query.name_or_id is not None:
            user_id = await self._directory.id_of(query.name_or_id) or query.name_or_id
            user = await self._directory.user(user_id)
            return identity.UserPage(items=(user.view(),) if user else ())
        rows = await self._directory.page(USERS, None, _place(query.cursor), query.limit + 1)
        items = tuple(self._directory.user_of(row).view() for row in rows[: query.limit])
        last = rows[query.limit - 1] if len(rows) > query.limit else None
        return identity.UserPage(
            items=items, next_cursor=encode_cursor(last.sort, last.key) if last else None
        )

    async def user(self, user_id: str) -> User | None:
        """Return a user's present state."""
        return await self._directory.user(user_id)

    async def keys(self, query: identity.ListKeys, context: CallContext) -> identity.KeyPage:
        """The caller's keys, or those of `user_id`."""
        owner = query.user_id or context.principal.user_id
        rows = await self._directory.page(KEYS, owner, _place(query.cursor), query.limit + 1)
        items = []
        for row in rows[: query.limit]:
            items.append(self._directory.key_of(row).view(await self._directory.last_used(row.key)))
        last = rows[query.limit - 1] if len(rows) > query.limit else None
        return identity.KeyPage(
            items=tuple(items), next_cursor=encode_cursor(last.sort, last.key) if last else None
        )


def _place(cursor: str | None) -> tuple[str, str] | None:
    place = decode_cursor(cursor, 2)
    return (place[0], place[1]) if place else None
