"""Queries of the identity context, and what commands and queries answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from annotated_types import Len

from autobot.contracts.identity.words import Cursor, GivenName, Id, Limit, UserRole


@dataclass(frozen=True, slots=True, kw_only=True)
class UserView:
    """A user as lists show it. `removal_id`: the saga that takes them away, not before `removal_due`."""

    id: str
    username: str
    role: UserRole
    suspended: bool
    created_at: str
    has_password: bool
    removal_id: str | None = None
    removal_due: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalStarted:
    """The answer of RemoveUser: the saga that carries it out."""

    removal_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserMade:
    """The answer of AddUser: with `sealed_link`, the sealed token of a sign-in link, when there is no password."""

    user: UserView
    sealed_link: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstStarted:
    """The answer of FirstStart: `sealed_link` when a link has to be shown."""

    user_id: str
    created: bool
    sealed_link: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkMade:
    """The answer of IssueLink."""

    user_id: str
    sealed_link: str
    expires_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedInSession:
    """The answer of signing in: `token` is for the cookie, `csrf_token` for the page. Neither is stored."""

    user: UserView
    token: str = field(repr=False)
    csrf_token: str = field(repr=False)
    expires_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyView:
    """An API key as lists show it; `prefix` are its first characters."""

    id: str
    name: str
    prefix: str
    scopes: tuple[str, ...]
    created_at: str
    expires_at: str | None
    last_used_at: str | None
    user_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyMade:
    """The answer of CreateKey; `sealed_key` is opened by Reveal."""

    key: KeyView
    sealed_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """The answer of a command that has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reveal:
    """Open what an answer carried sealed; answers the secret. Works for the principal that got it, for 24 h."""

    sealed: Annotated[str, Len(1, 1000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Me:
    """Who am I."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeView:
    """The principal, and the user behind it."""

    id: str
    username: str
    role: str
    kind: Literal["user", "key", "service"]
    scopes: tuple[str, ...]
    has_password: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ListUsers:
    """All users by time of adding, or the one of that name (without regard to case) or id."""

    name_or_id: GivenName | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserPage:
    """A page of users."""

    items: tuple[UserView, ...]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindPerson:
    """The one user of exactly that name (without regard to case) or id, for who wants to share something with them."""

    name_or_id: GivenName


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonView:
    """Who somebody is, and no more."""

    id: str
    username: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListKeys:
    """One's own API keys; administrators may ask for those of `user_id`."""

    limit: Limit = 50
    cursor: Cursor | None = None
    user_id: Id | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPage:
    """A page of API keys."""

    items: tuple[KeyView, ...]
    next_cursor: str | None = None
