"""How often a caller may ask: GCRA per tenant, principal and route class, told in the RateLimit fields.

Fields follow draft-ietf-httpapi-ratelimit-headers (revision 10): `RateLimit-Policy: "default";q=6000;w=60` and
`RateLimit: "default";r=5999;t=1`. A refusal is a 429 with Retry-After, which wins over both.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Final, NamedTuple, Protocol

from starlette.types import ASGIApp, Receive, Scope, Send

from autobot.gateway.exchange import SCOPE_KEY, Exchange
from autobot.gateway.structured_fields import Item, serialize_item
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import ConfigurationError, QuotaExceeded

KEYS_MAX: Final = 100_000
"""Callers that the in-memory limiter remembers at once."""


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


class Taken(NamedTuple):
    """The limiter's answer. `reset_s` until the quota is whole again; `retry_after_s` until one request passes."""

    allowed: bool
    remaining: int
    reset_s: float
    retry_after_s: float = 0.0


class Limiter(Protocol):
    """Counts requests.

    Contract: atomic per key; a refused request costs nothing; when the shared store behind it is away it
    counts locally rather than let everything pass.
    """

    async def take(self, key: tuple[str, ...], quota: int, window_s: float) -> Taken:
        """Take one request of `key` out of `quota` per `window_s` seconds."""
        ...


class MemoryLimiter:
    """Limiter of one process: the generic cell rate algorithm (ITU-T I.371) with a burst of the whole quota."""

    def __init__(self, clock: Clock, keys_max: int = KEYS_MAX) -> None:
        self._now, self._keys_max = clock.monotonic, keys_max
        self._arrivals: dict[tuple[str, ...], float] = {}

    async def take(self, key: tuple[str, ...], quota: int, window_s: float) -> Taken:
        """Take one request. O(1); the theoretical arrival time is all that is kept."""
        now = self._now()
        step = window_s / quota
        due = self._arrivals.get(key, now)
        if due < now:
            due = now
        later = due + step
        debt = later - now
        # One part in a million forgives the rounding of step * quota.
        if debt > window_s * 1.000001:
            return Taken(False, 0, debt - step, debt - window_s)
        if len(self._arrivals) >= self._keys_max and key not in self._arrivals:
            self._forget(now)
        self._arrivals[key] = later
        return Taken(True, int((window_s - debt) / step + 1e-6), debt)

    def _forget(self, now: float) -> None:
        """Drop callers whose quota is whole again; if that is not enough, those who are nearest to it."""
        kept = {key: due for key, due in self._arrivals.items() if due > now}
        if len(kept) >= self._keys_max:
            nearest = sorted(kept, key=kept.__getitem__)[: self._keys_max // 10 + 1]
            for key in nearest:
                del kept[key]
        self._arrivals = kept


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
