"""The one classifier, row by row."""

import asyncio

import pytest

from autobot.kernel.core.errors import (
    AttemptTimeout,
    BadAnswer,
    BulkheadFull,
    ChaosInjected,
    CircuitOpen,
    Conflict,
    ConnectFailed,
    ConnectionLost,
    DeadlineExceeded,
    Forbidden,
    InvalidInput,
    NotFound,
    Overloaded,
    RateLimited,
    RemoteError,
    RemoteThrottled,
)
from autobot.kernel.resilience.classify import (
    Verdict,
    asks_fallback,
    classify,
    never_begun,
    opens_for,
    repeats,
    stale_serves,
)

S, F, N, T = Verdict.SUCCESS, Verdict.FAILURE, Verdict.IGNORED, Verdict.THROTTLED
OPEN = CircuitOpen("", link="l", target="t", since=0.0, retry_after=1.0)


def remote(status: int) -> RemoteError:
    """An error answer."""
    return RemoteError("", status=status)


@pytest.mark.parametrize(
    ("error", "verdict", "again", "fallback", "stale"),
    [
        (ConnectFailed(""), F, True, True, True),
        (ConnectionLost(""), F, True, True, True),
        (AttemptTimeout("", phase="gap"), F, True, True, True),
        (ChaosInjected(""), F, True, True, True),
        (BadAnswer(""), F, False, True, True),
        (remote(500), F, False, True, True),
        (remote(501), S, False, True, True),
        (remote(502), F, True, True, True),
        (remote(503), F, True, True, True),
        (remote(504), F, True, True, True),
        (remote(505), S, False, True, True),
        (remote(599), F, False, True, True),
        (remote(400), S, False, False, False),
        (remote(401), S, False, True, False),
        (remote(404), S, False, True, False),
        (remote(408), S, True, True, False),
        (remote(422), S, False, False, False),
        (remote(425), S, True, True, False),
        (remote(429), T, True, True, True),
        (RemoteThrottled("", status=429), T, True, True, True),
        (RemoteThrottled("", status=200), T, True, True, True),
        (OPEN, N, False, True, True),
        (BulkheadFull("", link="l"), N, False, True, True),
        (RateLimited("", link="l"), N, False, True, True),
        (DeadlineExceeded(""), N, False, False, True),
        (asyncio.CancelledError(), N, False, False, False),
        (GeneratorExit(), N, False, False, False),
        (InvalidInput(""), S, False, False, False),
        (NotFound(""), S, False, False, False),
        (Conflict(""), S, False, False, False),
        (Forbidden(""), S, False, False, False),
        (ValueError(""), S, False, False, False),
    ],
    ids=lambda value: (
        f"{type(value).__name__}{getattr(value, 'status', '')}" if isinstance(value, BaseException) else ""
    ),
)
def test_classification(
    error: BaseException, verdict: Verdict, again: bool, fallback: bool, stale: bool
) -> None:
    """Each error says of the target, and allows, exactly what the table in the module says."""
    assert classify(error) is verdict
    assert repeats(error, server_error=False) is again
    assert asks_fallback(error) is fallback
    assert stale_serves(error) is stale


def test_what_was_certainly_never_begun() -> None:
    """A target that was not reached, or took no work, did nothing; after a lost connection nobody knows."""
    assert never_begun(ConnectFailed(""), "row")
    assert never_begun(Overloaded("", link="row"), "row")
    assert not never_begun(ConnectionLost(""), "row")
    assert not never_begun(AttemptTimeout("", phase="connect"), "row")


def test_what_happened_below_was_begun() -> None:
    """A callee that could not reach its own target, or is itself under load, may have done something before that."""
    assert not never_begun(ConnectFailed("", link="below"), "row")
    assert not never_begun(Overloaded("", link="below"), "row")
    assert not never_begun(Overloaded("", link=""), "row")


def test_a_plain_500_is_repeated_only_where_the_row_says_so() -> None:
    """The row's mark makes 500 repeatable, and 501 not."""
    assert repeats(remote(500), server_error=True)
    assert not repeats(remote(501), server_error=True)


def test_only_a_503_keeps_a_breaker_open() -> None:
    """Retry-After of a 503 extends the open time, that of a 429 does not."""
    assert opens_for(RemoteError("", status=503, retry_after=7.0)) == 7.0
    assert opens_for(RemoteError("", status=429, retry_after=7.0)) is None
