"""The identity context's port `Tokens`, by the operating system's source of chance."""

from __future__ import annotations

import secrets
from typing import Final

TOKEN_BYTES: Final = 32


class SystemTokens:
    """Tokens from `getrandom`."""

    def new(self) -> str:
        return secrets.token_urlsafe(TOKEN_BYTES)
