"""Errors of the tree as gRPC statuses, and statuses of others as errors of the tree (semantics §7).

The whole error crosses in the trailing metadata `autobot-problem-bin`: the problem document of RFC 9457 as JSON, with
the member `raised` for callers that are roles themselves. The status is for everybody else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from grpc import StatusCode
from grpc.aio import AioRpcError

from autobot.kernel.core import errors
from autobot.kernel.core.errors import AutoBotError
from autobot.kernel.core.raised import INTERNAL_DETAIL, error_of
from autobot.kernel.links.hop_wire import Told

PROBLEM: Final = "autobot-problem-bin"
PUSHBACK: Final = "grpc-retry-pushback-ms"
"""When to ask again (gRFC A6)."""
PROBLEM_MAX: Final = 4_096
"""Bytes of an error in a trailer from which on it is shortened: clients refuse more than 8 KiB of metadata by default."""
DETAIL_MAX: Final = 500

CODES: Final[dict[type[AutoBotError], StatusCode]] = {
    AutoBotError: StatusCode.INTERNAL,
    errors.InvalidInput: StatusCode.INVALID_ARGUMENT,
    errors.Unauthenticated: StatusCode.UNAUTHENTICATED,
    errors.Forbidden: StatusCode.PERMISSION_DENIED,
    errors.NotFound: StatusCode.NOT_FOUND,
    errors.Conflict: StatusCode.ABORTED,
    errors.AlreadyExists: StatusCode.ALREADY_EXISTS,
    errors.PreconditionFailed: StatusCode.FAILED_PRECONDITION,
    errors.Incompatible: StatusCode.FAILED_PRECONDITION,
    errors.IdempotencyMismatch: StatusCode.FAILED_PRECONDITION,
    errors.TooLarge: StatusCode.OUT_OF_RANGE,
    errors.QuotaExceeded: StatusCode.RESOURCE_EXHAUSTED,
    errors.Absent: StatusCode.UNAVAILABLE,
    errors.DeadlineExceeded: StatusCode.DEADLINE_EXCEEDED,
    errors.Stale: StatusCode.UNAVAILABLE,
    errors.Preparing: StatusCode.UNAVAILABLE,
    errors.Rejected: StatusCode.UNAVAILABLE,
    errors.HopFailed: StatusCode.UNAVAILABLE,
    errors.AttemptTimeout: StatusCode.DEADLINE_EXCEEDED,
    errors.Interrupted: StatusCode.INTERNAL,
    errors.OperatorError: StatusCode.INTERNAL,
}
"""By class; a class without a row has that of the nearest above it."""

HTTP: Final[dict[StatusCode, int]] = {
    StatusCode.CANCELLED: 499,
    StatusCode.UNKNOWN: 500,
    StatusCode.INVALID_ARGUMENT: 400,
    StatusCode.DEADLINE_EXCEEDED: 504,
    StatusCode.NOT_FOUND: 404,
    StatusCode.ALREADY_EXISTS: 409,
    StatusCode.PERMISSION_DENIED: 403,
    StatusCode.RESOURCE_EXHAUSTED: 429,
    StatusCode.FAILED_PRECONDITION: 400,
    StatusCode.ABORTED: 409,
    StatusCode.OUT_OF_RANGE: 400,
    StatusCode.UNIMPLEMENTED: 501,
    StatusCode.INTERNAL: 500,
    StatusCode.UNAVAILABLE: 503,
    StatusCode.DATA_LOSS: 500,
    StatusCode.UNAUTHENTICATED: 401,
}
"""The HTTP status that each code stands for (google.rpc.Code): what a RemoteError says of a foreign answer."""

_NEVER_REACHED: Final = ("failed to connect", "connection refused", "name resolution", "dns")
_TOO_LARGE: Final = "message larger than max"
_told: Final = msgspec.json.Decoder(Told)


def code_of(error: BaseException) -> StatusCode:
    """Return the status of an error; what is not of the tree is INTERNAL."""
    return next((CODES[base] for base in type(error).__mro__ if base in CODES), StatusCode.INTERNAL)


def detail_of(error: BaseException) -> str:
    """Return the text of a status: for people, and nothing of an error that is not of the tree."""
    return (error.detail if isinstance(error, AutoBotError) else INTERNAL_DETAIL)[:DETAIL_MAX]


def trailers_of(error: BaseException, document: bytes) -> tuple[tuple[str, str | bytes], ...]:
    """Return the trailing metadata of a refusal."""
    wait = getattr(error, "retry_after", None)
    pushback = () if wait is None else ((PUSHBACK, str(max(0, math.ceil(wait * 1000)))),)
    return ((PROBLEM, document), *pushback)


def told_of(error: AioRpcError) -> Told:
    """Return what a role says of its refusal, nothing where it is no role's."""
    for name, value in _trailers(error):
        if name == PROBLEM and isinstance(value, bytes):
            try:
                return _told.decode(value)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                break
    return Told()


def error_from(
    error: AioRpcError, *, link: str, target: str, now: float, deadline: float | None
) -> AutoBotError:
    """Return the error of the tree that a failed call is, at `now` (monotonic seconds, as `deadline` of its caller)."""
    told = told_of(error)
    if told.unready:
        wait = _pushback(error)
        # Named after this link: that is how the pipeline knows that nothing began there.
        return errors.Overloaded(f"{target} takes no work now.", link=link, retry_after=wait)
    if told.raised is not None:
        return error_of(told.raised, now)
    code, text = error.code(), error.details() or ""
    match code:
        case StatusCode.UNAVAILABLE if any(word in text.lower() for word in _NEVER_REACHED):
            return errors.ConnectFailed(f"{target} cannot be reached.", link=link, target=target)
        case StatusCode.UNAVAILABLE | StatusCode.CANCELLED if _by_this_side(error):
            return errors.ConnectionLost(
                f"{target} closed the connection before its answer was whole.", link=link, target=target
            )
        case StatusCode.DEADLINE_EXCEEDED if deadline is not None and deadline <= now + CLOCKS_S:
            return errors.DeadlineExceeded("The time that the caller gave is spent.")
        case StatusCode.DEADLINE_EXCEEDED:
            return errors.AttemptTimeout(f"{target} was too slow.", phase="attempt", link=link, target=target)
        case StatusCode.RESOURCE_EXHAUSTED if _TOO_LARGE in text and text.startswith("SERVER"):
            return errors.TooLarge(f"The call has more bytes than {target} takes.")
        case StatusCode.RESOURCE_EXHAUSTED if _TOO_LARGE in text:
            return errors.BadAnswer(f"{target} sent a message over the limit.", link=link, target=target)
    kind = errors.RemoteThrottled if code is StatusCode.RESOURCE_EXHAUSTED else errors.RemoteError
    found = kind(
        f"{target} answered {code.name}.",
        status=HTTP.get(code, 500),
        link=link,
        target=target,
        retry_after=_pushback(error),
    )
    if code is StatusCode.UNAUTHENTICATED:
        found.detail = f"{target} did not accept the service token."
        found.hint = UNTRUSTED
    return found


CLOCKS_S: Final = 0.05
"""Seconds by which gRPC's timer may be ahead of ours."""
UNTRUSTED: Final = (
    "Give all roles the same key file (AUTOBOT_SECRET_KEY_FILE), and let their machines agree on the time."
)


def _trailers(error: AioRpcError) -> Sequence[tuple[str, Any]]:
    return tuple(error.trailing_metadata() or ())


def _by_this_side(error: AioRpcError) -> bool:
    """Say whether the status was made by this side's library: nothing of the other side came with it."""
    return not _trailers(error)


def _pushback(error: AioRpcError) -> float | None:
    for name, value in _trailers(error):
        if name == PUSHBACK and str(value).isdigit():
            return int(value) / 1000
    return None
