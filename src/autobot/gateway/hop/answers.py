"""What a role answers over a hop: answers, frames, refusals."""

from __future__ import annotations

from typing import Final

import msgspec
import orjson
from starlette.types import Send

from autobot.gateway.exchange import Exchange
from autobot.gateway.problem import Refused, document, problem_of
from autobot.kernel.core.errors import FieldError
from autobot.kernel.core.raised import Raised, error_of, raised_of
from autobot.kernel.links.hop_wire import FRAMES, JSON, PROBLEM, Told

REFUSAL_MAX: Final = 30_000
"""Bytes of an error from which on it is shortened: the caller reads no more than 64 KiB of a refusal."""

TEXT_TOLD: Final = 200
"""Characters that a shortened error keeps of each text, at most six bytes each."""

ERRORS_TOLD: Final = 20
"""Broken rules that a shortened error names."""

BODY_TOLD: Final = 4_096
"""Bytes that a shortened error keeps of what a target answered."""

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
    if unready or (told and not isinstance(error, Refused)):
        raised = shortened(raised_of(error, now))
        # What `raised` has at length is not said twice.
        problem = problem_of(error_of(msgspec.structs.replace(raised, errors=()), now))
        further = msgspec.to_builtins(Told(raised, unready))
    else:
        problem, further = problem_of(error), {}
    document_of = document(problem, request_id=exchange.request_id, correlation_id=exchange.correlation_id)
    document_of.update(further)
    await answer(
        send,
        orjson.dumps(document_of),
        status=problem.status,
        kind=PROBLEM,
        fields=((b"cache-control", b"no-store"), *problem.fields),
    )


def shortened(raised: Raised) -> Raised:
    """Return `raised` small enough for a refusal, which is itself unless it has more than `REFUSAL_MAX` bytes.

    Else it keeps the beginnings of its texts and of what a target answered, and its first broken rules; the last
    of them says how many are left out.
    """
    if len(_encode(raised)) <= REFUSAL_MAX:
        return raised
    rules = raised.errors
    kept = tuple(
        FieldError(detail=_beginning(one.detail), pointer=_beginning(one.pointer))
        for one in rules[:ERRORS_TOLD]
    )
    if len(rules) > ERRORS_TOLD:
        more = len(rules) - ERRORS_TOLD + 1
        kept = (*kept[:-1], FieldError(detail=f"and {more} more", pointer="#"))
    return msgspec.structs.replace(
        raised,
        detail=_beginning(raised.detail),
        hint=None if raised.hint is None else _beginning(raised.hint),
        errors=kept,
        body=raised.body[:BODY_TOLD],
    )


def _beginning(text: str) -> str:
    return text if len(text) <= TEXT_TOLD else text[: TEXT_TOLD - 1] + "…"


def error_body(error: BaseException, now: float) -> bytes:
    """Return the body of the frame that ends a stream with `error`."""
    return _encode(shortened(raised_of(error, now)))
