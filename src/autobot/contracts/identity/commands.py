"""What may be asked of the identity context that changes something."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

from annotated_types import Ge, Le, Len

from autobot.contracts.identity.words import (
    GivenName,
    GivenPassword,
    Id,
    KeyName,
    NewPassword,
    Reason,
    Scope,
    Token,
    Username,
    UserRole,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstStart:
    """Make the administrator `admin` when nobody exists; asked at every start.

    With a password the administrator signs in by it (unattended set-up; its length is the operator's
    business); without one the answer carries a sign-in link, also at later starts until it was used.
    """

    password: GivenPassword | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddUser:
    """Let somebody in. Without a password the answer carries a sign-in link."""

    username: Username
    role: UserRole = "user"
    password: NewPassword | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeUser:
    """Give a user another role, suspend or restore them: both or neither. None leaves as it is.

    Suspension stops every credential. The last administrator stays one.
    """

    user_id: Id
    role: UserRole | None = None
    suspended: bool | None = None
    reason: Reason = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveUser:
    """Take a user away with every credential and all that belongs to them. Not the last administrator.

    Credentials stop working at once. With `grace_days` the rest waits so long, and the saga that does it can be
    stopped; without, the user is gone at once, and what belongs to them is erased right after.
    """

    user_id: Id
    grace_days: Annotated[int, Ge(0), Le(30)] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepUser:
    """Compensates a removal that was requested: the user is as before. One that never was is fine."""

    user_id: Id
    removal_id: Id


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeUser:
    """Carries out a removal that was requested: the user is gone. One who is gone already is fine."""

    user_id: Id
    removal_id: Id


@dataclass(frozen=True, slots=True, kw_only=True)
class EraseUser:
    """Blank what the log holds of a user who is gone."""

    user_id: Id


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPassword:
    """Set a password, one's own (`user_id` None) or, for administrators, anybody's.

    Who has a password gives it as `current` to set their own. `session` is the caller's session token:
    that session goes on, all others of the user end.
    """

    new: NewPassword = field(repr=False)
    current: GivenPassword | None = field(default=None, repr=False)
    user_id: Id | None = None
    session: Token | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """Begin a session by name and password."""

    username: GivenName
    password: GivenPassword = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInWithLink:
    """Begin a session by the token of a sign-in link, which works once."""

    token: Token = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOut:
    """End the session of this token. A session that is over already is no error."""

    session: Token = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueLink:
    """Make a sign-in link for a user; an earlier one stops working."""

    user_id: Id


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateKey:
    """Make an API key, for oneself or (administrators) for `user_id`.

    Every scope lies within the owner's role and within the caller's own scopes.
    """

    name: KeyName
    scopes: Annotated[tuple[Scope, ...], Len(1, 50)]
    expires_at: datetime | None = None
    user_id: Id | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeKey:
    """Stop an API key for good."""

    key_id: Id
