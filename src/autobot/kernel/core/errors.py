"""The one error tree. Code raises these; edges map them (HTTP by `gateway.problem`, CLI by exit code).

    AutoBotError                     code, detail, hint
    ├─ InvalidInput                  well formed, but breaks a rule: errors[{detail, pointer}]
    │  └─ Malformed                  cannot be parsed at all
    ├─ Unauthenticated               no credential, or one that does not hold
    ├─ Forbidden                     known, but not allowed
    ├─ NotFound                      nothing there that this principal may see
    ├─ Conflict                      the state does not allow it now
    │  ├─ WrongExpectedVersion       the stream moved on: stream, expected, current
    │  ├─ AlreadyExists              same id with other content
    │  ├─ IdempotencyInFlight        the first call with this key still runs: retry_after
    │  ├─ PreconditionFailed         If-Match or a position did not hold
    │  └─ Incompatible               a schema would break readers: errors[{detail, pointer}]
    ├─ IdempotencyMismatch           key used before with another payload
    ├─ TooLarge                      over a declared limit
    ├─ QuotaExceeded                 rate or amount spent: retry_after, policies
    ├─ Absent                        a part is not there: part, hint names the step that adds it
    ├─ DeadlineExceeded              the caller's time is spent
    ├─ Stale                         a read model is not yet where the caller must see it: retry_after
    ├─ Preparing                     what answers this is being made: retry_after
    ├─ Rejected                      refused by our own pipeline before anything was sent: retry_after
    │  ├─ CircuitOpen                link, target, since
    │  ├─ BulkheadFull               link
    │  ├─ RateLimited                link
    │  ├─ LinkMissing                the matrix has no such row
    │  └─ Overloaded                 shed, draining or starting
    ├─ HopFailed                     something was sent, or tried to be: link, target
    │  ├─ ConnectFailed              never reached the target
    │  ├─ ConnectionLost             broke before the answer was whole
    │  ├─ AttemptTimeout             phase: connect, first_byte, gap, attempt
    │  ├─ RemoteError                the target answered with an error: status, retry_after
    │  │  └─ RemoteThrottled         429 or RESOURCE_EXHAUSTED
    │  ├─ BadAnswer                  the target answered what its dialect does not allow
    │  └─ ChaosInjected              a fault made on purpose
    ├─ Interrupted                   a run was cut off (crash, shutdown, stream broken after its first chunk)
    └─ OperatorError                 the operator's files or data: nothing was changed
       ├─ ConfigurationError         a setting, matrix row or file that cannot be used
       ├─ DataCorrupt                stored bytes do not verify
       ├─ DataNewer                  written by a newer version
       └─ DataLocked                 another process owns the data folder

Details are written for the person who reads them and carry no secrets, stacks or foreign messages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final


class AutoBotError(Exception):
    """Root of the tree. `code` is stable and documented; `detail` speaks of this occurrence."""

    code: ClassVar[str] = "internal"

    def __init__(self, detail: str, *, hint: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """One broken rule. `pointer` is a JSON Pointer into the request body (RFC 9457 §3, `#/a/b`)."""

    detail: str
    pointer: str


class InvalidInput(AutoBotError):
    """Well formed, but breaks a rule of its schema or of the domain."""

    code = "validation"

    def __init__(self, detail: str, *, errors: tuple[FieldError, ...] = (), hint: str | None = None) -> None:
        super().__init__(detail, hint=hint)
        self.errors = errors


class Malformed(InvalidInput):
    """Cannot be parsed."""

    code = "malformed"


class Unauthenticated(AutoBotError):
    """No credential, or one that does not hold."""

    code = "unauthenticated"


class Forbidden(AutoBotError):
    """The principal is known and may not do this."""

    code = "forbidden"


NOT_YOURS: Final = "There is nothing here by this id, or it is not yours."
"""What an absent object and somebody else's are answered with: one text, so that it does not tell them apart."""


class NotFound(AutoBotError):
    """Nothing there that this principal may see."""

    code = "not-found"


class Conflict(AutoBotError):
    """The present state does not allow it."""

    code = "conflict"


class WrongExpectedVersion(Conflict):
    """The stream is at another revision than the writer thought."""

    code = "wrong-expected-version"

    def __init__(self, stream: str, expected: int, current: int) -> None:
        super().__init__(f"Stream {stream} is at revision {current}, not {expected}.")
        self.stream, self.expected, self.current = stream, expected, current


class AlreadyExists(Conflict):
    """The id is taken by other content."""

    code = "already-exists"


class IdempotencyInFlight(Conflict):
    """The first request with this key has not finished."""

    code = "idempotency-in-flight"

    def __init__(self, detail: str, *, retry_after: float = 1.0) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class PreconditionFailed(Conflict):
    """If-Match, or a demanded position, does not hold."""

    code = "precondition-failed"


class Incompatible(Conflict):
    """A schema would leave somebody with messages that they cannot read. `errors` point at each difference."""

    code = "incompatible"

    def __init__(self, detail: str, *, errors: tuple[FieldError, ...] = (), hint: str | None = None) -> None:
        super().__init__(detail, hint=hint)
        self.errors = errors


class IdempotencyMismatch(AutoBotError):
    """The key was used before with another payload."""

    code = "idempotency-mismatch"


class TooLarge(AutoBotError):
    """Over a declared size limit."""

    code = "too-large"


class QuotaExceeded(AutoBotError):
    """A rate or an amount is spent. `retry_after` is in seconds; `policies` are RateLimit policy names."""

    code = "quota-exceeded"

    def __init__(self, detail: str, *, retry_after: float, policies: tuple[str, ...] = ()) -> None:
        super().__init__(detail)
        self.retry_after, self.policies = retry_after, policies


class Absent(AutoBotError):
    """A part that this answer needs is not there; `hint` names the one step that adds it."""

    code = "absent"

    def __init__(self, part: str, detail: str, *, hint: str) -> None:
        super().__init__(detail, hint=hint)
        self.part = part


class DeadlineExceeded(AutoBotError):
    """The caller's time is spent, here or before arrival."""

    code = "deadline-exceeded"


class Stale(AutoBotError):
    """A read model does not show yet what the caller's position of the log wrote."""

    code = "stale"

    def __init__(self, detail: str, *, retry_after: float = 1.0) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Preparing(AutoBotError):
    """What answers this in time is being made, by itself. `retry_after` is in seconds."""

    code = "preparing"

    def __init__(self, detail: str, *, retry_after: float, hint: str | None = None) -> None:
        super().__init__(detail, hint=hint)
        self.retry_after = retry_after


class Rejected(AutoBotError):
    """Refused by our own pipeline; nothing was sent. `retry_after` is in seconds, None when unknown."""

    code = "rejected"

    def __init__(
        self, detail: str, *, link: str, retry_after: float | None = None, hint: str | None = None
    ) -> None:
        super().__init__(detail, hint=hint)
        self.link, self.retry_after = link, retry_after


class CircuitOpen(Rejected):
    """The breaker of this target refuses. `since` is monotonic seconds of the transition."""

    code = "circuit-open"

    def __init__(
        self, detail: str, *, link: str, target: str, since: float, retry_after: float | None
    ) -> None:
        super().__init__(detail, link=link, retry_after=retry_after)
        self.target, self.since = target, since


class BulkheadFull(Rejected):
    """The link runs as many calls as it may, and its queue is full."""

    code = "bulkhead-full"


class RateLimited(Rejected):
    """The link's own rate is spent."""

    code = "rate-limited"


class LinkMissing(Rejected):
    """The matrix has no row for this hop, so the hop does not exist."""

    code = "link-missing"


class Overloaded(Rejected):
    """Shed under load, or the process is starting or draining."""

    code = "overloaded"


class HopFailed(AutoBotError):
    """A call on a link failed after it left our pipeline."""

    code = "hop-failed"

    def __init__(self, detail: str, *, link: str = "", target: str = "", hint: str | None = None) -> None:
        super().__init__(detail, hint=hint)
        self.link, self.target = link, target


class ConnectFailed(HopFailed):
    """The target was never reached: refused, unresolved, TLS failed. Always safe to send again."""

    code = "connect-failed"


class ConnectionLost(HopFailed):
    """The connection broke before the answer was whole."""

    code = "connection-lost"


class AttemptTimeout(HopFailed):
    """The target was too slow. `phase` is connect, first_byte, gap or attempt."""

    code = "upstream-timeout"

    def __init__(
        self, detail: str, *, phase: str, link: str = "", target: str = "", hint: str | None = None
    ) -> None:
        super().__init__(detail, link=link, target=target, hint=hint)
        self.phase = phase


class RemoteError(HopFailed):
    """The target answered with an error status.

    `retry_after` is what it asked for, in seconds; `body` the first bytes of its answer, for the
    adapter that knows the dialect (never shown as it is).
    """

    code = "upstream-error"

    def __init__(
        self,
        detail: str,
        *,
        status: int,
        link: str = "",
        target: str = "",
        retry_after: float | None = None,
        body: bytes = b"",
    ) -> None:
        super().__init__(detail, link=link, target=target)
        self.status, self.retry_after, self.body = status, retry_after, body


class RemoteThrottled(RemoteError):
    """The target asked us to slow down (429, RESOURCE_EXHAUSTED)."""

    code = "upstream-throttled"


class BadAnswer(HopFailed):
    """The target answered what its dialect does not allow: garbage, cut off, or over a limit."""

    code = "bad-answer"


class ChaosInjected(HopFailed):
    """A fault that an operator asked for."""

    code = "chaos"


class Interrupted(AutoBotError):
    """A run was cut off by a crash, a shutdown or a stream that broke after its first chunk."""

    code = "interrupted"


class OperatorError(AutoBotError):
    """The operator's files or data cannot be used; nothing was changed."""

    code = "operator"


class ConfigurationError(OperatorError):
    """A setting, a matrix row or a file that cannot be used."""

    code = "configuration"


class DataCorrupt(OperatorError):
    """Stored bytes do not verify."""

    code = "data-corrupt"


class DataNewer(OperatorError):
    """The data was written by a newer version."""

    code = "data-newer"


class DataLocked(OperatorError):
    """Another process owns the data folder."""

    code = "data-locked"
