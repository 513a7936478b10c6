"""The port `ServiceTokens`: HMAC-SHA-256 (RFC 2104) under a key derived from the key file (HKDF, RFC 5869).

A token is `s1.<claims>.<mac>`, both parts base64url. The algorithm belongs to the version: a token has no
header, so nothing in it can choose how it is verified (decision 0025 says what JWT libraries cost here).
"""

from __future__ import annotations

import binascii
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, Final

import msgspec

from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import Principal, PrincipalKind, Role
from autobot.kernel.core.errors import ConfigurationError, Unauthenticated
from autobot.kernel.links.service_token import ServiceCall

VERSION: Final = "s1"
INFO: Final = b"autobot service tokens s1"
"""Keeps the derived key apart from every other use of the key file (RFC 5869 §3.2)."""
KEY_BYTES: Final = 32
LIFE_S: Final = 30.0
LEEWAY_S: Final = 5.0
TOKEN_MAX: Final = 8_192
"""Characters of a token."""


class _Principal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    kind: PrincipalKind
    role: Role
    user_id: str
    tenant: str
    scopes: frozenset[str]
    username: str


class _Claims(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is signed. `iat` is Unix seconds; the life is the reader's rule, not the token's."""

    iss: str
    aud: str
    op: str
    iat: float
    prn: _Principal
    cid: str
    body: str
    cause: str | None
    client: str


_encode: Final = msgspec.json.encode
_claims: Final = msgspec.json.Decoder(_Claims)
_fields: Final = tuple(_Principal.__struct_fields__)


class HmacServiceTokens:
    """Implements `ServiceTokens`. `life_s` is 1–300 seconds, `leeway_s` 0–60: how far clocks may differ.

    Raises ConfigurationError for a key of another length or a time outside its range.
    """

    def __init__(
        self, key: bytes, clock: Clock, *, life_s: float = LIFE_S, leeway_s: float = LEEWAY_S
    ) -> None:
        if len(key) != KEY_BYTES:
            raise ConfigurationError(f"The key of service tokens is made of {KEY_BYTES} bytes.")
        if not 1 <= life_s <= 300 or not 0 <= leeway_s <= 60:
            raise ConfigurationError("Service tokens live 1 to 300 s with a leeway of 0 to 60 s.")
        self._key = derived(key)
        self._now = clock.now
        self._life_s, self._leeway_s = life_s, leeway_s

    def issue(self, call: ServiceCall) -> str:
        principal = call.principal
        claims = _Claims(
            iss=call.issuer,
            aud=call.audience,
            op=call.operation,
            iat=self._now().timestamp(),
            prn=_Principal(*[getattr(principal, name) for name in _fields]),
            cid=call.correlation_id,
            body=call.body,
            cause=call.causation_id,
            client=call.client,
        )
        signed = VERSION + "." + urlsafe_b64encode(_encode(claims)).decode()
        return f"{signed}.{self._mac(signed)}"

    def read(self, token: str, *, audience: str, operation: str) -> ServiceCall:
        claims = self._verified(token)
        if not -self._leeway_s <= self._now().timestamp() - claims.iat <= self._life_s + self._leeway_s:
            raise _refused("is outside its time: the clocks of the two roles may differ")
        if claims.aud != audience:
            raise _refused("is for another role")
        if claims.op != operation:
            raise _refused("is for another operation")
        principal: dict[str, Any] = {name: getattr(claims.prn, name) for name in _fields}
        return ServiceCall(
            issuer=claims.iss,
            audience=claims.aud,
            operation=claims.op,
            principal=Principal(**principal),
            correlation_id=claims.cid,
            body=claims.body,
            causation_id=claims.cause,
            client=claims.client,
        )

    def __repr__(self) -> str:
        """Show nothing of the key."""
        return "HmacServiceTokens()"

    def _mac(self, signed: str) -> str:
        return urlsafe_b64encode(hmac.digest(self._key, signed.encode("ascii"), "sha256")).decode()

    def _verified(self, token: str) -> _Claims:
        if len(token) > TOKEN_MAX or not token.isascii():
            raise _refused("is malformed")
        signed, _, mac = token.rpartition(".")
        version, _, body = signed.partition(".")
        if version != VERSION:
            raise _refused("is of a form that this version does not know")
        if not hmac.compare_digest(self._mac(signed), mac):
            raise _refused("is not signed with this installation's key, or was changed")
        try:
            return _claims.decode(urlsafe_b64decode(body))
        except (binascii.Error, msgspec.MsgspecError, UnicodeDecodeError) as error:
            # Signed all the same: by a role of another version.
            raise _refused("holds claims that this version does not know") from error


def derived(key: bytes) -> bytes:
    """Return the key of service tokens: HKDF-SHA-256 without salt of the key file's key."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=INFO).derive(key)


def _refused(why: str) -> Unauthenticated:
    return Unauthenticated(
        f"The service token {why}.",
        hint="Give all roles the same key file (AUTOBOT_SECRET_KEY_FILE), and let their machines agree on the time.",
    )
