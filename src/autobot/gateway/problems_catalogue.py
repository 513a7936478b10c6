"""Every kind of problem that leaves the product: one table from error class to its kind.

Slugs are stable: clients compare `type` and `code`. A new class of the tree needs a row here; a test says so.
"""

from __future__ import annotations

from typing import Final

from autobot.gateway import problem_kinds as kinds
from autobot.gateway import problems_of_hops as hops
from autobot.gateway.problem_kinds import Kind
from autobot.kernel.core import errors

BY_CLASS: Final[dict[type[errors.AutoBotError], Kind]] = {
    errors.AutoBotError: kinds.INTERNAL,
    errors.InvalidInput: kinds.VALIDATION,
    errors.Malformed: kinds.MALFORMED,
    errors.Unauthenticated: kinds.UNAUTHENTICATED,
    errors.Forbidden: kinds.FORBIDDEN,
    errors.NotFound: kinds.NOT_FOUND,
    errors.Conflict: kinds.CONFLICT,
    errors.WrongExpectedVersion: kinds.WRONG_EXPECTED_VERSION,
    errors.AlreadyExists: kinds.ALREADY_EXISTS,
    errors.IdempotencyInFlight: kinds.IDEMPOTENCY_IN_FLIGHT,
    errors.PreconditionFailed: kinds.PRECONDITION_FAILED,
    errors.Incompatible: kinds.INCOMPATIBLE,
    errors.IdempotencyMismatch: kinds.IDEMPOTENCY_MISMATCH,
    errors.TooLarge: kinds.TOO_LARGE,
    errors.QuotaExceeded: kinds.QUOTA_EXCEEDED,
    errors.Absent: kinds.ABSENT,
    errors.DeadlineExceeded: kinds.DEADLINE_EXCEEDED,
    errors.Stale: kinds.STALE,
    errors.Preparing: kinds.PREPARING,
    errors.Rejected: hops.REJECTED,
    errors.CircuitOpen: hops.CIRCUIT_OPEN,
    errors.BulkheadFull: hops.BULKHEAD_FULL,
    errors.RateLimited: hops.RATE_LIMITED,
    errors.LinkMissing: hops.LINK_MISSING,
    errors.Overloaded: hops.OVERLOADED,
    errors.HopFailed: hops.HOP_FAILED,
    errors.ConnectFailed: hops.CONNECT_FAILED,
    errors.ConnectionLost: hops.CONNECTION_LOST,
    errors.AttemptTimeout: hops.UPSTREAM_TIMEOUT,
    errors.RemoteError: hops.UPSTREAM_ERROR,
    errors.RemoteThrottled: hops.UPSTREAM_THROTTLED,
    errors.BadAnswer: hops.BAD_ANSWER,
    errors.ChaosInjected: hops.CHAOS,
    errors.Interrupted: hops.INTERRUPTED,
    errors.OperatorError: hops.OPERATOR,
    errors.ConfigurationError: hops.CONFIGURATION,
    errors.DataCorrupt: hops.DATA_CORRUPT,
    errors.DataNewer: hops.DATA_NEWER,
    errors.DataLocked: hops.DATA_LOCKED,
}
"""The one table."""

HTTP_ONLY: Final[tuple[Kind, ...]] = (
    kinds.CSRF,
    kinds.METHOD_NOT_ALLOWED,
    kinds.NOT_ACCEPTABLE,
    kinds.REQUEST_TIMEOUT,
    kinds.UNSUPPORTED_MEDIA_TYPE,
    kinds.UPGRADE_REQUIRED,
)
"""Kinds that only the wire knows; the edge makes them itself."""

KINDS: Final[dict[str, Kind]] = {kind.slug: kind for kind in (*BY_CLASS.values(), *HTTP_ONLY)}

BY_STATUS: Final[dict[int, Kind]] = {
    400: kinds.MALFORMED,
    401: kinds.UNAUTHENTICATED,
    403: kinds.FORBIDDEN,
    404: kinds.NOT_FOUND,
    405: kinds.METHOD_NOT_ALLOWED,
    406: kinds.NOT_ACCEPTABLE,
    408: kinds.REQUEST_TIMEOUT,
    409: kinds.CONFLICT,
    412: kinds.PRECONDITION_FAILED,
    413: kinds.TOO_LARGE,
    415: kinds.UNSUPPORTED_MEDIA_TYPE,
    422: kinds.VALIDATION,
    426: kinds.UPGRADE_REQUIRED,
    429: kinds.QUOTA_EXCEEDED,
    503: hops.OVERLOADED,
    504: kinds.DEADLINE_EXCEEDED,
}
"""What the web framework's own refusals become."""


def kind_of(error_class: type[errors.AutoBotError]) -> Kind:
    """Return the kind of an error class: its own row, or that of the nearest class above it."""
    for base in error_class.__mro__:
        found = BY_CLASS.get(base)
        if found is not None:
            return found
    return kinds.INTERNAL
