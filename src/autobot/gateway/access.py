"""Who may come in: what each route declares, the one public list, and the port that proves credentials.

Deny by default. A route says `@needs("chat:read")` or `@public`; one that says nothing stops the start, and
one that says `@public` without standing in PUBLIC does too. Access is decided on the path of the ASGI scope
and the route that it matched, never on an address rebuilt from header fields.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from autobot.kernel.core.context import Principal

_MARK: Final = "__autobot_access__"
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Access:
    """What a route demands. `action` is a word of the authorization table; None with `public` false means
    any principal (its own account, for example)."""

    action: str | None = None
    public: bool = False


PUBLIC: Final[frozenset[str]] = frozenset(
    {
        "GET /api/v1/system/health/live",
        "GET /api/v1/system/health/ready",
        "GET /asyncapi.json",
        "GET /docs",
        "GET /docs/{name}",
        "GET /openapi.json",
        "GET /problems",
        "GET /problems/{slug}",
        "POST /api/v1/auth/login",
        "POST /api/v1/auth/link",
        "GET /{path:path}",
    }
)
"""Every route that answers without a principal: sign-in, liveness, documentation, and the static client
(`/{path:path}`, which never serves a path of the API)."""


def needs(action: str) -> Callable[[F], F]:
    """Declare that a route needs a principal who may do `action` (`context:verb`)."""

    def mark(endpoint: F) -> F:
        setattr(endpoint, _MARK, Access(action=action))
        return endpoint

    return mark


def signed_in(endpoint: F) -> F:
    """Declare that a route needs a principal, whoever it is."""
    setattr(endpoint, _MARK, Access())
    return endpoint


def public(endpoint: F) -> F:
    """Declare that a route answers everyone. It must stand in PUBLIC as well."""
    setattr(endpoint, _MARK, Access(public=True))
    return endpoint


def declared_access(endpoint: object) -> Access | None:
    """Return what an endpoint declares, None when it says nothing."""
    found = getattr(endpoint, _MARK, None)
    return found if isinstance(found, Access) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """A credential that holds.

    Attributes:
        principal: whom it proves.
        csrf: the proof that a browser session sends with each write; None for keys, which browsers never
            attach by themselves.
        credential: id of the session or key, so that open sockets can be closed when it ends.
        expires: monotonic seconds after which it no longer holds; None when it does not end by itself.
    """

    principal: Principal
    credential: str
    csrf: str | None = None
    expires: float | None = None


class Authenticator(Protocol):
    """Proves credentials.

    Contract: returns None for what is unknown, expired, revoked or suspended, and never raises for hostile
    input; an ended session or suspended user fails at the next call. Called once a request: must answer from
    memory in microseconds once a credential was seen. Compares secrets in constant time.
    """

    async def key(self, token: str) -> Proven | None:
        """Prove an API key (`Authorization: Bearer`)."""
        ...

    async def session(self, token: str) -> Proven | None:
        """Prove a session cookie."""
        ...
