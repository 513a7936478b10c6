"""Secrets in answers: sealed for the principal that asked, so that a stored answer holds none in clear."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import msgspec

from autobot.contexts.identity.ports.secrets import Vault
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import Principal
from autobot.kernel.core.errors import DataCorrupt, NotFound

KEPT: Final = timedelta(hours=24)
"""As long as answers are kept for idempotent retries."""


class _Sealed(msgspec.Struct):
    secret: str
    until: datetime


class Sealer:
    """Seals for a principal, and opens for the same one."""

    def __init__(self, vault: Vault, clock: Clock) -> None:
        self._vault, self._clock = vault, clock

    def seal(self, secret: str, principal: Principal) -> str:
        """Return `secret` sealed for `principal`."""
        body = msgspec.json.encode(_Sealed(secret=secret, until=self._clock.now() + KEPT))
        return self._vault.seal(body.decode(), _purpose(principal))

    def open(self, sealed_secret: str, principal: Principal) -> str:
        """Return what was sealed for `principal`. Raises NotFound for what is forged, another's or too old."""
        try:
            body = self._vault.open(sealed_secret, _purpose(principal))
            sealed = msgspec.json.decode(body, type=_Sealed)
        except (DataCorrupt, msgspec.MsgspecError) as error:
            raise NotFound("This was not sealed for you.") from error
        if sealed.until <= self._clock.now():
            raise NotFound("This was shown long ago and is not kept.")
        return sealed.secret


def _purpose(principal: Principal) -> str:
    return f"answer:{principal.tenant}:{principal.id}"
