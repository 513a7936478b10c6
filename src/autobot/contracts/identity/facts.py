"""What happened to users and their credentials."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from autobot.contracts.identity.words import SignInMethod, UserRole


@dataclass(frozen=True, slots=True, kw_only=True)
class UserAdded:
    """Somebody may use the product."""

    TYPE: ClassVar[str] = "autobot.identity.user_added.v1"
    user_id: str
    username: str
    role: UserRole


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleChanged:
    """What a user may do changed."""

    TYPE: ClassVar[str] = "autobot.identity.role_changed.v1"
    user_id: str
    role: UserRole


@dataclass(frozen=True, slots=True, kw_only=True)
class UserSuspended:
    """Every credential of the user stopped working; their sessions are over for good."""

    TYPE: ClassVar[str] = "autobot.identity.user_suspended.v1"
    user_id: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRestored:
    """The user may sign in again and their keys work again."""

    TYPE: ClassVar[str] = "autobot.identity.user_restored.v1"
    user_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRemoved:
    """The user is gone, with every credential; the name is free again."""

    TYPE: ClassVar[str] = "autobot.identity.user_removed.v1"
    user_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRemovalRequested:
    """Somebody wants a user gone with all that belongs to them. Their credentials stopped working.

    The saga `removal_id` carries it out, not before `due`; until then it can be stopped, and the user is back.
    """

    TYPE: ClassVar[str] = "autobot.identity.user_removal_requested.v1"
    user_id: str
    removal_id: str
    due: datetime
    was_suspended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UserKept:
    """The removal was stopped: the user is as before, but for sessions, which are over."""

    TYPE: ClassVar[str] = "autobot.identity.user_kept.v1"
    user_id: str
    removal_id: str
    suspended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordSet:
    """The password was set; all sessions but the one that did it are over."""

    TYPE: ClassVar[str] = "autobot.identity.password_set.v1"
    user_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkIssued:
    """A one-time sign-in link was made; an earlier one of the user stopped working."""

    TYPE: ClassVar[str] = "autobot.identity.link_issued.v1"
    user_id: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A session began."""

    TYPE: ClassVar[str] = "autobot.identity.signed_in.v1"
    user_id: str
    session_id: str
    method: SignInMethod
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedOut:
    """A session ended."""

    TYPE: ClassVar[str] = "autobot.identity.signed_out.v1"
    user_id: str
    session_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyCreated:
    """A user got an API key."""

    TYPE: ClassVar[str] = "autobot.identity.key_created.v1"
    key_id: str
    user_id: str
    name: str
    prefix: str
    scopes: tuple[str, ...]
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRevoked:
    """An API key stopped working for good."""

    TYPE: ClassVar[str] = "autobot.identity.key_revoked.v1"
    key_id: str
    user_id: str


EVENTS: tuple[type[Any], ...] = (
    UserAdded,
    RoleChanged,
    UserSuspended,
    UserRestored,
    UserRemoved,
    UserRemovalRequested,
    UserKept,
    PasswordSet,
    LinkIssued,
    SignedIn,
    SignedOut,
    KeyCreated,
    KeyRevoked,
)
