"""How often a caller may ask: GCRA per tenant, principal and route class, told in the RateLimit fields.

Fields follow draft-ietf-httpapi-ratelimit-headers (revision 10): `RateLimit-Policy: "default";q=6000;w=60` and
`RateLimit: "default";r=5999;t=1`. A refusal is a 429 with Retry-After, which wins over both.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from autobot.gateway.exchange import SCOPE_KEY, Exchange
from autobot.gateway.structured_fields import Item, serialize_item
from autobot.kernel.core.errors import ConfigurationError, QuotaExceeded
from autobot.kernel.resilience.rate_limit.limiter import Limiter, Taken


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteClass:
    """Routes that share one quota.

    Attributes:
        name: policy name in the fields, visible ASCII.
        prefixes: paths that begin so belong here; empty stands for every path.
        quota: requests (1–1,000,000) that a caller has in each window, also as one burst.
        window_s: seconds (1–86,400) in which a spent quota grows back.
    """

    name: str
    quota: int
    window_s: int = 60
    prefixes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise ConfigurationError for a value outside its range."""
        if not 1 <= self.quota <= 1_000_000 or not 1 <= self.window_s <= 86_400:
            raise ConfigurationError(
                f"The rate limit {self.name} needs a quota of 1–1,000,000 in 1–86,400 s."
            )
        if not self.name.isascii() or not self.name.isprintable():
            raise ConfigurationError(f"The rate limit name {self.name!r} must be visible ASCII.")

    @property
    def policy(self) -> tuple[bytes, bytes]:
        """The RateLimit-Policy field."""
        item = serialize_item(Item(self.name, {"q": self.quota, "w": self.window_s}))
        return (b"ratelimit-policy", item.encode())


LOGIN: Final = RouteClass(name="login", quota=10)
"""Sign-in attempts per address and name; `admit` is called by the sign-in route, which knows the name."""

DEFAULT_CLASSES: Final = (
    RouteClass(name="actions", quota=100, prefixes=("/api/v1/actions",)),
    RouteClass(name="default", quota=6_000),
)


async def admit(limiter: Limiter, exchange: Exchange, kind: RouteClass, *key: str) -> None:
    """Take one request of `key` in the class `kind` and tell it in the answer.

    Raises QuotaExceeded. The sign-in route calls `admit(limiter, call, LOGIN, call.client, username)`.
    """
    taken = await limiter.take((kind.name, *key), kind.quota, kind.window_s)
    _Told(kind).tell(exchange, taken)


class _Told:
    """A route class with what its answers say of it, written once."""

    __slots__ = ("_name", "_policy", "kind")

    def __init__(self, kind: RouteClass) -> None:
        self.kind, self._policy, self._name = kind, kind.policy, kind.name.encode()

    def tell(self, exchange: Exchange, taken: Taken) -> None:
        """Tell in the answer what is left. Raises QuotaExceeded for a request that was not allowed."""
        allowed, remaining, reset, retry_after = taken
        state = b'"%b";r=%d;t=%d' % (self._name, remaining, ceil(reset if allowed else retry_after))
        exchange.answer_fields += (self._policy, (b"ratelimit", state))
        if not allowed:
            kind = self.kind
            raise QuotaExceeded(
                f"At most {kind.quota} requests in {kind.window_s} s are allowed here.",
                retry_after=retry_after,
                policies=(kind.name,),
            )


class RateLimit:
    """Raises QuotaExceeded when the caller's quota for the route class is spent.

    A caller is the proven principal, else the address. Each key has a quota of its own.
    """

    def __init__(self, app: ASGIApp, limiter: Limiter, classes: tuple[RouteClass, ...]) -> None:
        self._app, self._limiter = app, limiter
        if not classes or classes[-1].prefixes:
            raise ConfigurationError("The last rate-limit class must stand for every path.")
        self._special = tuple((kind.prefixes, _Told(kind)) for kind in classes[:-1])
        self._rest = _Told(classes[-1])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is within the quota."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        exchange: Exchange = scope[SCOPE_KEY]
        told = self._rest
        for prefixes, special in self._special:
            if exchange.path.startswith(prefixes):
                told = special
                break
        kind, proven = told.kind, exchange.proven
        if proven is None:
            key = ("", exchange.client, kind.name)
        else:
            principal = proven.principal
            key = (principal.tenant, principal.id, kind.name)
        taken = await self._limiter.take(key, kind.quota, kind.window_s)
        told.tell(exchange, taken)
        await self._app(scope, receive, send)
