"""How routes answer: contracts as JSON bytes, without a second validation of what the product made itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from starlette.responses import Response

from autobot.kernel.core.clock import parse_rfc3339
from autobot.kernel.core.cursor import decode_cursor, encode_cursor
from autobot.kernel.core.errors import FieldError, InvalidInput

AT_ONCE_S: Final = 0.1
"""A question that should have waited and was answered sooner than this is not asked again."""

WHOLE: Final = 200
"""Default limit of lists that people want whole: settings, links, models, types of actions."""

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


def page_of(
    items: Sequence[Any], limit: int, cursor: str | None, name: Callable[[Any], str]
) -> dict[str, Any]:
    """Return one page of a list that is at hand as a whole; `name` says what is unique in an item.

    The cursor holds the name of the last item that was given. Raises InvalidInput for a cursor that this list
    did not make, and where that item is gone.
    """
    begin = 0
    place = decode_cursor(cursor, 1)
    if place is not None:
        names = [name(one) for one in items]
        if place[0] not in names:
            found = FieldError(detail="not a cursor of this list", pointer="#/cursor")
            raise InvalidInput("This cursor was not made by this list.", errors=(found,))
        begin = names.index(place[0]) + 1
    end = begin + limit
    more = end < len(items)
    return {
        "items": list(items[begin:end]),
        "next_cursor": encode_cursor(name(items[end - 1])) if more else None,
    }


async def awaited(
    ask: Callable[[float], Awaitable[Any]], ended: Callable[[Any], bool], seconds: float
) -> Any:
    """Return what `ask` (wait so many seconds) says when it has ended, or how it is after `seconds`.

    Asked again where a hop allows less time at once than the client gave.
    """
    loop = asyncio.get_running_loop()
    ends = loop.time() + seconds
    while True:
        asked = loop.time()
        view = await ask(min(max(ends - asked, 0.0), seconds))
        now = loop.time()
        if ended(view) or now >= ends or now - asked < AT_ONCE_S:
            return view
