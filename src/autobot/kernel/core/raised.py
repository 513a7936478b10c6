"""An error of the tree as data and back: the same class with the same members on the other side of a hop.

`failure` tells people what happened; this carries all that code may ask of an error. What is not of the tree
crosses as the root, opaquely: its text stays in the log of the process in which it happened.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from autobot.kernel.core import errors
from autobot.kernel.core.errors import AutoBotError, FieldError

INTERNAL_DETAIL: Final = (
    "Something in AutoBot itself failed. The log has the details under the correlation id."
)
"""What is said of an error that is not of the tree."""

TEXT_TOLD: Final = 200
"""Characters that a shortened error keeps of each text, at most six bytes each."""

ERRORS_TOLD: Final = 20
"""Broken rules that a shortened error names at most."""

RULE_BYTES: Final = 1_200
"""Bytes reckoned for one of them."""

BODY_TOLD: Final = 4_096
"""Bytes that a shortened error keeps of what a target answered."""

_encode: Final = msgspec.json.encode
_REMOTE: Final = ("link", "target", "status", "retry_after", "body")

MEMBERS: Final[dict[type[AutoBotError], tuple[str, ...]]] = {
    errors.AutoBotError: (),
    errors.InvalidInput: ("errors",),
    errors.Malformed: ("errors",),
    errors.Unauthenticated: (),
    errors.Forbidden: (),
    errors.NotFound: (),
    errors.Conflict: (),
    errors.WrongExpectedVersion: ("stream", "expected", "current"),
    errors.AlreadyExists: (),
    errors.IdempotencyInFlight: ("retry_after",),
    errors.PreconditionFailed: (),
    errors.Incompatible: ("errors",),
    errors.IdempotencyMismatch: (),
    errors.TooLarge: (),
    errors.QuotaExceeded: ("retry_after", "policies"),
    errors.Absent: ("part",),
    errors.DeadlineExceeded: (),
    errors.Stale: ("retry_after",),
    errors.Preparing: ("retry_after",),
    errors.Rejected: ("link", "retry_after"),
    errors.CircuitOpen: ("link", "target", "since", "retry_after"),
    errors.BulkheadFull: ("link", "retry_after"),
    errors.RateLimited: ("link", "retry_after"),
    errors.LinkMissing: ("link", "retry_after"),
    errors.Overloaded: ("link", "retry_after"),
    errors.HopFailed: ("link", "target"),
    errors.ConnectFailed: ("link", "target"),
    errors.ConnectionLost: ("link", "target"),
    errors.AttemptTimeout: ("link", "target", "phase"),
    errors.RemoteError: _REMOTE,
    errors.RemoteThrottled: _REMOTE,
    errors.BadAnswer: ("link", "target"),
    errors.ChaosInjected: ("link", "target"),
    errors.Interrupted: (),
    errors.OperatorError: (),
    errors.ConfigurationError: (),
    errors.DataCorrupt: (),
    errors.DataNewer: (),
    errors.DataLocked: (),
}
"""What each class carries besides detail and hint. A new class of the tree needs a row; a test says so."""

_BY_CODE: Final = {kind.code: kind for kind in MEMBERS}


class Raised(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An error as it crosses a hop. `age` is seconds since the moment that its `since` names.

    Members that a newer role adds are passed over, so that roles of two versions understand each other.
    """

    code: str
    detail: str
    hint: str | None = None
    errors: tuple[FieldError, ...] = ()
    stream: str = ""
    expected: int = 0
    current: int = 0
    retry_after: float | None = None
    policies: tuple[str, ...] = ()
    part: str = ""
    link: str = ""
    target: str = ""
    age: float = 0.0
    phase: str = ""
    status: int = 0
    body: bytes = b""


def raised_of(error: BaseException, now: float) -> Raised:
    """Return `error` as data at `now` (monotonic seconds of this process)."""
    if not isinstance(error, AutoBotError):
        return Raised(code=AutoBotError.code, detail=INTERNAL_DETAIL)
    kind = next(one for one in type(error).__mro__ if one in MEMBERS)
    members: dict[str, Any] = {name: getattr(error, name) for name in MEMBERS[kind]}
    if "since" in members:
        members["age"] = now - members.pop("since")
    if members.get("errors"):
        members["errors"] = tuple(
            FieldError(detail=_sayable(one.detail), pointer=_sayable(one.pointer))
            for one in members["errors"]
        )
    hint = None if error.hint is None else _sayable(error.hint)
    return Raised(code=kind.code, detail=_sayable(error.detail), hint=hint, **members)


def _sayable(text: str) -> str:
    """Return `text` with halves of surrogate pairs escaped: they are no Unicode text, and a detail may quote them."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def error_of(raised: Raised, now: float) -> AutoBotError:
    """Return the error that `raised` describes, its moments in this process's monotonic seconds.

    A class that this version does not know comes as the root of the tree, with its detail.
    """
    kind = _BY_CODE.get(raised.code, AutoBotError)
    error = kind.__new__(kind, raised.detail)
    # The constructors build details of their own from some members; here everything is given already.
    error.args = (raised.detail,)
    error.detail, error.hint = raised.detail, raised.hint
    for name in MEMBERS[kind]:
        setattr(error, name, now - raised.age if name == "since" else getattr(raised, name))
    return error


def shortened(raised: Raised, most: int) -> Raised:
    """Return `raised` small enough for a refusal, which is itself unless it has more than `most` bytes as JSON.

    Else it keeps the beginnings of its texts and of what a target answered, and its first broken rules; the last
    of them says how many are left out.
    """
    if len(_encode(raised)) <= most:
        return raised
    rules = raised.errors
    told = min(ERRORS_TOLD, most // RULE_BYTES)
    kept = tuple(
        FieldError(detail=_beginning(one.detail), pointer=_beginning(one.pointer)) for one in rules[:told]
    )
    if len(rules) > told:
        more = len(rules) - told + 1
        kept = (*kept[:-1], FieldError(detail=f"and {more} more", pointer="#"))
    return msgspec.structs.replace(
        raised,
        detail=_beginning(raised.detail),
        hint=None if raised.hint is None else _beginning(raised.hint),
        errors=kept,
        body=raised.body[: min(BODY_TOLD, most // 4)],
    )


def _beginning(text: str) -> str:
    return text if len(text) <= TEXT_TOLD else text[: TEXT_TOLD - 1] + "…"
