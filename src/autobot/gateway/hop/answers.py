"""What a role answers over a hop: answers, frames, refusals."""

from __future__ import annotations

from typing import Final

import msgspec
import orjson
from starlette.types import Send

from autobot.gateway.exchange import Exchange
from autobot.gateway.problem import Refused, document, problem_of
from autobot.kernel.core.errors import FieldError
from autobot.kernel.core.raised import Raised, raised_of
from autobot.kernel.links.hop_wire import FRAMES, JSON, PROBLEM, Told

ERRORS_TOLD: Final = 100
"""Broken rules that a refusal names: the caller reads a limited answer."""

BODY_TOLD: Final = 8_192
"""Bytes that are passed on of what a target answered."""

Fields = tuple[tuple[bytes, bytes], ...]

_encode: Final = msgspec.json.encode


async def answer(
    send: Send, body: bytes, *, status: int = 200, kind: str = JSON, fields: Fields = ()
) -> None:
    """Send a whole answer."""
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", kind.encode()),
                (b"content-length", b"%d" % len(body)),
                *fields,
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})


async def begin_frames(send: Send) -> None:
    """Begin the answer of a stream."""
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-type", FRAMES.encode()), (b"cache-control", b"no-store")],
        }
    )


async def refuse(
    exchange: Exchange, error: BaseException, send: Send, *, now: float, told: bool, unready: bool = False
) -> None:
    """Answer with the problem that `error` is.

    `told` adds the error itself for the caller to raise; what only this wire knows (a missing token, a wrong
    content type) is told to nobody behind it.
    """
    problem = problem_of(error)
    document_of = document(problem, request_id=exchange.request_id, correlation_id=exchange.correlation_id)
    if unready or (told and not isinstance(error, Refused)):
        # The rules stand in `raised` already, and the caller reads a limited answer.
        document_of.pop("errors", None)
        document_of.update(msgspec.to_builtins(Told(shortened(raised_of(error, now)), unready)))
    await answer(
        send,
        orjson.dumps(document_of),
        status=problem.status,
        kind=PROBLEM,
        fields=((b"cache-control", b"no-store"), *problem.fields),
    )


def shortened(raised: Raised) -> Raised:
    """Return `raised` small enough for a refusal: fewer broken rules, the last of which says how many are left
    out, and the beginning of what a target answered."""
    left_out = len(raised.errors) - ERRORS_TOLD
    rules = raised.errors
    if left_out > 0:
        more = FieldError(detail=f"and {left_out + 1} more", pointer="#")
        rules = (*rules[: ERRORS_TOLD - 1], more)
    if left_out > 0 or len(raised.body) > BODY_TOLD:
        raised = msgspec.structs.replace(raised, errors=rules, body=raised.body[:BODY_TOLD])
    return raised


def error_body(error: BaseException, now: float) -> bytes:
    """Return the body of the frame that ends a stream with `error`."""
    return _encode(shortened(raised_of(error, now)))
