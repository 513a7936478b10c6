"""The port `ServiceTokens`: keyed BLAKE2b (RFC 7693 §2.9) under a key derived from the key file (HKDF, RFC 5869).

A token is `s1.<claims>.<mac>`, both parts base64url. The algorithm belongs to the version: a token has no
header, so nothing in it can choose how it is verified (decision 0025 says what JWT libraries cost here).
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b
from hmac import compare_digest
from typing import Final

import msgspec

from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import ConfigurationError, Unauthenticated
from autobot.kernel.links.service_token import ServiceCall

PREFIX: Final = b"s1."
INFO: Final = b"autobot service tokens s1"
"""Keeps the derived key apart from every other use of the key file (RFC 5869 §3.2)."""
MARKED: Final = b"autobot key mark"
"""What the mark is a keyed hash of: no token begins like it, so a mark is never a token's code."""
KEY_BYTES: Final = 32
LIFE_S: Final = 30.0
LEEWAY_S: Final = 5.0
TOKEN_MAX: Final = 8_192
"""Characters of a token."""


class _Claims(msgspec.Struct, frozen=True, array_like=True):
    """What is signed: the Unix seconds of issue, and the call. How long that holds is the reader's rule."""

    issued: float
    call: ServiceCall


_encode: Final = msgspec.json.encode
_claims: Final = msgspec.json.Decoder(_Claims)


class KeyedServiceTokens:
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
        signed = PREFIX + urlsafe_b64encode(_encode(_Claims(self._now().timestamp(), call)))
        return (signed + b"." + self._mac(signed)).decode()

    def read(self, token: str, *, audience: str, operation: str) -> ServiceCall:
        claims = self._verified(token)
        age, call = self._now().timestamp() - claims.issued, claims.call
        if not -self._leeway_s <= age <= self._life_s + self._leeway_s:
            raise _refused("is outside its time: the clocks of the two roles may differ")
        if call.audience != audience:
            raise _refused("is for another role")
        if call.operation != operation:
            raise _refused("is for another operation")
        return call

    def __repr__(self) -> str:
        """Show nothing of the key."""
        return "KeyedServiceTokens()"

    def _mac(self, signed: bytes) -> bytes:
        return urlsafe_b64encode(blake2b(signed, key=self._key, digest_size=32).digest())

    def _verified(self, token: str) -> _Claims:
        if len(token) > TOKEN_MAX or not token.isascii():
            raise _refused("is malformed")
        signed, _, mac = token.encode().rpartition(b".")
        if not signed.startswith(PREFIX):
            raise _refused("is of a form that this version does not know")
        if not compare_digest(self._mac(signed), mac):
            raise _refused("is not signed with this installation's key, or was changed")
        try:
            return _claims.decode(urlsafe_b64decode(signed[len(PREFIX) :]))
        except (binascii.Error, msgspec.MsgspecError, UnicodeDecodeError) as error:
            # Signed all the same: by a role of another version.
            raise _refused("holds claims that this version does not know") from error


def derived(key: bytes) -> bytes:
    """Return the key of service tokens: HKDF-SHA-256 without salt of the key file's key."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=INFO).derive(key)


def key_mark(key: bytes) -> str:
    """Return 8 hexadecimal digits by which two roles see whether they have the same key; they tell nothing of it."""
    return blake2b(MARKED, key=derived(key), digest_size=4).hexdigest()


def _refused(why: str) -> Unauthenticated:
    return Unauthenticated(
        f"The service token {why}.",
        hint="Give all roles the same key file (AUTOBOT_SECRET_KEY_FILE), and let their machines agree on the time.",
    )
