"""The one classifier: what an error says of the target, and what may be done about it.

| error | the breaker counts | sent again (idempotent) | asks the fallback |
|---|---|---|---|
| ConnectFailed | failure | yes, also unsafe ones: it was never sent | yes |
| ConnectionLost, AttemptTimeout, ChaosInjected | failure | yes | yes |
| BadAnswer | failure | no | yes |
| RemoteError 5xx | failure; 501 and 505 success | 502, 503, 504; 500 if the row says so | yes |
| RemoteError below 500 | success | 408, 425 | yes, except 400 and 422 |
| RemoteThrottled, 429 | success; feeds the throttle | yes | yes |
| Rejected by our own pipeline | ignored | no | yes |
| Overloaded, named after this very link: the target began nothing | success; feeds the throttle | yes, also unsafe ones | yes |
| DeadlineExceeded, cancellation | ignored | no | no |
| any of these, named after a link below | success: it answered | no: one layer retries | as above |
| anything else a direct callee raised | success: it answered | no | no |
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from autobot.kernel.core.errors import (
    AttemptTimeout,
    ChaosInjected,
    ConnectFailed,
    ConnectionLost,
    DeadlineExceeded,
    HopFailed,
    Overloaded,
    Rejected,
    RemoteError,
    RemoteThrottled,
)

_ANSWERED: Final = frozenset({501, 505})
_AGAIN: Final = frozenset({408, 425, 429, 502, 503, 504})
_CALLERS_FAULT: Final = frozenset({400, 422})
_TOO_MANY: Final = 429
_UNAVAILABLE: Final = 503
_INTERNAL: Final = 500


class Verdict(Enum):
    """What an outcome says of the target."""

    SUCCESS = "success"
    FAILURE = "failure"
    IGNORED = "ignored"
    THROTTLED = "throttled"


def classify(error: BaseException) -> Verdict:
    """Return what `error` says of the target."""
    if isinstance(error, HopFailed):
        if not isinstance(error, RemoteError):
            return Verdict.FAILURE
        if is_throttle(error):
            return Verdict.THROTTLED
        answered = error.status < _INTERNAL or error.status in _ANSWERED
        return Verdict.SUCCESS if answered else Verdict.FAILURE
    if isinstance(error, Rejected | DeadlineExceeded) or not isinstance(error, Exception):
        return Verdict.IGNORED
    return Verdict.SUCCESS


def is_throttle(error: BaseException) -> bool:
    """Return whether the target asked us to slow down."""
    return isinstance(error, RemoteThrottled) or (
        isinstance(error, RemoteError) and error.status == _TOO_MANY
    )


def never_begun(error: BaseException, link: str) -> bool:
    """Return whether this link's target certainly did nothing for the call: it was not reached, or took no work."""
    return not is_below(error, link) and (isinstance(error, ConnectFailed) or is_declined(error, link))


def is_declined(error: BaseException, link: str) -> bool:
    """Return whether this link's target takes no work now (it starts, drains or sheds), and so began nothing.

    A transport tells so by the link's own name; what a callee says of its own load names another link or none.
    """
    return isinstance(error, Overloaded) and error.link == link


def repeats(error: BaseException, *, server_error: bool) -> bool:
    """Return whether sending again may help; `server_error` includes a plain 500."""
    if isinstance(error, RemoteError):
        again = error.status in _AGAIN or is_throttle(error)
        return again or (server_error and error.status == _INTERNAL)
    return isinstance(error, ConnectFailed | ConnectionLost | AttemptTimeout | ChaosInjected)


def is_below(error: BaseException, link: str) -> bool:
    """Say whether a callee passes on the failure of a link of its own: that link has judged and repeated it."""
    return isinstance(error, HopFailed) and bool(error.link) and error.link != link


def retry_after_of(error: BaseException) -> float | None:
    """Return the seconds that the target asked us to wait before the next attempt."""
    return error.retry_after if isinstance(error, RemoteError | Overloaded) else None


def opens_for(error: BaseException) -> float | None:
    """Return the seconds by which a 503's Retry-After keeps a breaker open."""
    return error.retry_after if isinstance(error, RemoteError) and error.status == _UNAVAILABLE else None


def asks_fallback(error: BaseException) -> bool:
    """Return whether another target might do what this one could not."""
    if isinstance(error, RemoteError):
        return error.status not in _CALLERS_FAULT
    return isinstance(error, HopFailed | Rejected)


def is_overload(error: BaseException) -> bool:
    """Return whether an adaptive limit should shrink: the target was too slow or said that it is busy."""
    if isinstance(error, RemoteError):
        return error.status == _UNAVAILABLE or is_throttle(error)
    return isinstance(error, AttemptTimeout)


def stale_serves(error: BaseException) -> bool:
    """Return whether a stale answer is better than this error (RFC 5861 §4: errors of the server, not ours to fix)."""
    if isinstance(error, RemoteError):
        return error.status >= _INTERNAL or is_throttle(error)
    return isinstance(error, HopFailed | Rejected | DeadlineExceeded)
