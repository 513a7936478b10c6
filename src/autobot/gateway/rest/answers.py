"""How routes answer: contracts as JSON bytes, without a second validation of what the product made itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from starlette.responses import Response

from autobot.kernel.core.clock import parse_rfc3339
from autobot.kernel.core.errors import FieldError, InvalidInput

_encoder = msgspec.json.Encoder()


def json_answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return `value` (a contract, or JSON types) as an `application/json` answer."""
    return Response(_encoder.encode(value), status, headers, media_type="application/json")


def no_content() -> Response:
    """Return 204."""
    return Response(status_code=204)


def moment(text: str | None, name: str) -> datetime | None:
    """Read a query parameter that is an RFC 3339 time; InvalidInput names it when it is not."""
    if text is None:
        return None
    try:
        # In a query a `+` that nobody escaped arrives as a space.
        return parse_rfc3339(text.replace(" ", "+"))
    except ValueError as error:
        found = FieldError(
            detail="must be an RFC 3339 time with offset, as 2026-01-31T12:00:00Z", pointer=f"#/{name}"
        )
        raise InvalidInput(f"{name} is no RFC 3339 time.", errors=(found,)) from error
