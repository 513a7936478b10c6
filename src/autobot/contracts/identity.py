"""Published language of the identity context: users, sessions, sign-in links, API keys.

No secret ever stands in an event. An answer that carries one carries it sealed (`Reveal` opens it for
the principal who asked), so that stored answers of idempotent calls hold none either. The one exception
is `SignedInSession`: signing in takes no idempotency key.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final, Literal

from annotated_types import Ge, Le, Len

from autobot.kernel.core.context import Principal
from autobot.kernel.core.validate import Pattern

UserRole = Literal["admin", "operator", "user", "viewer"]
SignInMethod = Literal["password", "link"]

Id = Annotated[str, Len(1, 64), Pattern(r"[A-Za-z0-9_-]+")]
Username = Annotated[str, Len(1, 64), Pattern(r"[A-Za-z0-9][A-Za-z0-9._@-]*")]
"""Unique without regard to case."""
GivenName = Annotated[str, Len(1, 200)]
"""What somebody types to sign in: any text, so that a wrong name and a wrong password are answered alike."""
NewPassword = Annotated[str, Len(8, 1024)]
GivenPassword = Annotated[str, Len(1, 1024)]
Token = Annotated[str, Len(1, 200), Pattern(r"[!-~]+")]
Scope = Annotated[str, Len(1, 100), Pattern(r"\*|[a-z][a-z0-9_]*:(\*|[a-z][a-z0-9_]*)")]
"""`*`, `context:*` or `context:verb`."""
KeyName = Annotated[str, Len(1, 100)]
Reason = Annotated[str, Len(0, 500)]
Limit = Annotated[int, Ge(1), Le(200)]
Cursor = Annotated[str, Len(1, 500)]

SIGN_IN: Final = "identity:sign_in"
VISITOR: Final = Principal(
    id="anonymous", kind="user", role="viewer", user_id="", scopes=frozenset({SIGN_IN}), username="anonymous"
)
"""Who has not signed in yet: may do that and nothing else."""

# ------------------------------------------------------------------------------------------------- events


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

# ----------------------------------------------------------------------------------------------- commands


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
