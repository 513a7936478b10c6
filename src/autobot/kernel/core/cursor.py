"""Opaque cursors of lists. A cursor holds a place, no rights: a forged one reaches nothing more than a guess."""

from __future__ import annotations

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode

from autobot.kernel.core.errors import FieldError, InvalidInput


def encode_cursor(*place: str) -> str:
    """Return the cursor of a place: one or more texts."""
    return urlsafe_b64encode(json.dumps(place, separators=(",", ":")).encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None, parts: int) -> tuple[str, ...] | None:
    """Return the place of `parts` texts, None for None. Raises InvalidInput for anything else."""
    if cursor is None:
        return None
    try:
        place = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error):
        place = None
    if not isinstance(place, list) or len(place) != parts or not all(isinstance(one, str) for one in place):
        raise InvalidInput(
            "This cursor was not made by this list.",
            errors=(FieldError(detail="not a cursor of this list", pointer="#/cursor"),),
        )
    return tuple(place)
