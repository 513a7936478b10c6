"""Ports to secret material. Implementations: `adapters.argon2`, `adapters.vault`; fakes in `autobot.testing`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordCheck:
    """Whether the password is the stored one, and whether its hash should be made anew (older parameters)."""

    matches: bool
    outdated: bool = False


class Passwords(Protocol):
    """Slow, salted password hashing.

    Contract: both calls do their work off the event loop, a bounded number at once; when too many wait
    they raise Overloaded. `verify` does the same work whether `stored` is a hash or None (nobody of that
    name, or no password set), so time does not tell which; None never matches. Two hashes of one
    password differ. A stored text that is no hash raises DataCorrupt.
    """

    async def hash(self, password: str) -> str:
        """Return a hash that carries its own parameters and salt."""
        ...

    async def verify(self, password: str, stored: str | None) -> PasswordCheck:
        """Compare."""
        ...


class Tokens(Protocol):
    """Source of unguessable texts.

    Contract: each call returns 32 bytes of cryptographic chance as 43 characters of base64url. Never
    blocks.
    """

    def new(self) -> str:
        """Return a new token."""
        ...


class Vault(Protocol):
    """Encrypts small secrets with the installation's key.

    Contract: authenticated encryption with a fresh nonce, so sealing twice gives two texts; what was
    sealed for one purpose does not open for another. Microseconds, never blocks. `open` raises
    DataCorrupt for anything that was not sealed by this key for this purpose, naming the key file when it
    is another key.
    """

    def seal(self, secret: str, purpose: str) -> str:
        """Return `secret` encrypted, as text."""
        ...

    def open(self, sealed: str, purpose: str) -> str:
        """Return the secret."""
        ...
