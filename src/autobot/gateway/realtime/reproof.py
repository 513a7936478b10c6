"""Proves the credential of an open session again: one that was revoked must not go on listening."""

from __future__ import annotations

from dataclasses import replace

from autobot.gateway.access import Authenticator
from autobot.gateway.exchange import Exchange
from autobot.kernel.core.context import CallContext


class Reproof:
    """Called now and then while a session is open."""

    __slots__ = ("_authenticator", "_context", "_credential")

    def __init__(self, authenticator: Authenticator, exchange: Exchange) -> None:
        self._authenticator, self._credential = authenticator, exchange.credential
        self._context = exchange.called

    async def __call__(self) -> CallContext | None:
        """Return the session's context with the principal as it is now, None when the credential has ended."""
        if self._credential is None:
            return None
        kind, token = self._credential
        prove = self._authenticator.key if kind == "key" else self._authenticator.session
        proven = await prove(token)
        if proven is None:
            return None
        context = self._context
        return (
            context if proven.principal == context.principal else replace(context, principal=proven.principal)
        )
