"""Who asks: proves the API key or the session cookie and makes the call context.

Nobody is refused here. A credential that does not hold leaves its refusal in the exchange, and the route guard
raises it unless the route is public: a stale cookie must not lock a person out of the sign-in page. Context
fields from outside (baggage, attempts) are not believed: baggage is made from the principal that was proven.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from autobot.gateway.access import Authenticator
from autobot.gateway.exchange import SCOPE_KEY, Exchange
from autobot.kernel.core.context import ANONYMOUS, CallContext
from autobot.kernel.core.errors import Unauthenticated

COOKIE: Final = "autobot_session"
TOKEN_MAX: Final = 512
_COOKIE_START: Final = COOKIE.encode() + b"="
_COOKIE_LENGTH: Final = len(_COOKIE_START)

_NO_BAGGAGE: Final[tuple[tuple[str, str], ...]] = ()


def session_cookie(field: bytes) -> str | None:
    """Return the session token of a Cookie field (RFC 6265 §5.4); None without one, or with two that differ."""
    if field.startswith(_COOKIE_START) and field.count(_COOKIE_START) == 1:
        token = field[_COOKIE_LENGTH:].partition(b";")[0].strip(b' "')
    else:
        pairs = [pair.strip() for pair in field.split(b";")]
        found = {pair[len(_COOKIE_START) :].strip(b'"') for pair in pairs if pair.startswith(_COOKIE_START)}
        if len(found) != 1:
            return None
        token = found.pop()
    return token.decode("latin-1") if 0 < len(token) <= TOKEN_MAX else None


class Authentication:
    """Sets `exchange.proven` and `exchange.context`; calls `admitted` with the finished exchange."""

    def __init__(
        self, app: ASGIApp, authenticator: Authenticator, admitted: Callable[[Exchange], None]
    ) -> None:
        self._app, self._authenticator, self._admitted = app, authenticator, admitted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on with the call context made."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        exchange: Exchange = scope[SCOPE_KEY]
        fields = exchange.fields
        authorization = fields.get(b"authorization")
        if authorization is not None:
            await self._by_key(exchange, authorization)
        else:
            cookie = fields.get(b"cookie")
            if cookie is not None and _COOKIE_START in cookie:
                token = session_cookie(cookie)
                if token is not None:
                    exchange.proven = await self._authenticator.session(token)
                    exchange.credential = ("session", token)
                if exchange.proven is None:
                    exchange.refusal = Unauthenticated("The session has ended. Sign in again.")
        proven = exchange.proven
        if proven is None:
            principal, baggage = ANONYMOUS, _NO_BAGGAGE
        else:
            principal = proven.principal
            baggage = (("user_id", principal.user_id), ("tenant_id", principal.tenant))
        exchange.context = CallContext(
            correlation_id=exchange.correlation_id,
            principal=principal,
            trace=exchange.trace,
            deadline=exchange.deadline,
            baggage=baggage,
            client=exchange.client,
        )
        self._admitted(exchange)
        await self._app(scope, receive, send)

    async def _by_key(self, exchange: Exchange, authorization: bytes) -> None:
        scheme, _, token = authorization.decode("latin-1").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not 0 < len(token) <= TOKEN_MAX or " " in token:
            exchange.refusal = Unauthenticated("Send the API key as `Authorization: Bearer KEY`.")
            return
        exchange.proven = await self._authenticator.key(token)
        exchange.credential = ("key", token)
        if exchange.proven is None:
            exchange.refusal = Unauthenticated("This API key is unknown, expired or revoked.")
