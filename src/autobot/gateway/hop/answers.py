"""What a role answers over a hop: answers, frames, refusals."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import orjson
from starlette.types import Send

from autobot.gateway.exchange import Exchange
from autobot.gateway.problem import Problem, Refused, document, problem_of
from autobot.kernel.core.raised import error_of, raised_of, shortened
from autobot.kernel.links.hop_wire import FRAMES, JSON, PROBLEM, Told

REFUSAL_MAX: Final = 30_000
"""Bytes of an error from which on it is shortened: the caller reads no more than 64 KiB of a refusal."""

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
    problem, found = refusal(
        error,
        request_id=exchange.request_id,
        correlation_id=exchange.correlation_id,
        now=now,
        told=told,
        unready=unready,
    )
    await answer(
        send,
        orjson.dumps(found),
        status=problem.status,
        kind=PROBLEM,
        fields=((b"cache-control", b"no-store"), *problem.fields),
    )


def refusal(
    error: BaseException,
    *,
    request_id: str = "",
    correlation_id: str,
    now: float,
    told: bool,
    unready: bool = False,
    most: int = REFUSAL_MAX,
) -> tuple[Problem, dict[str, Any]]:
    """Return the problem that `error` is, and its document, in which the error itself has at most `most` bytes."""
    if unready or (told and not isinstance(error, Refused)):
        raised = shortened(raised_of(error, now), most)
        # What `raised` has at length is not said twice.
        problem = problem_of(error_of(msgspec.structs.replace(raised, errors=()), now))
        further = msgspec.to_builtins(Told(raised, unready))
    else:
        problem, further = problem_of(error), {}
    found = document(problem, request_id=request_id, correlation_id=correlation_id)
    found.update(further)
    return problem, found


def error_body(error: BaseException, now: float) -> bytes:
    """Return the body of the frame that ends a stream with `error`."""
    return _encode(shortened(raised_of(error, now), REFUSAL_MAX))
