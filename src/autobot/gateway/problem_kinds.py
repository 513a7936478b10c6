"""Problem types of the caller and of the process itself (those of hops stand in `problems_of_hops`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

URN: Final = "urn:autobot:problem:"


@dataclass(frozen=True, slots=True)
class Kind:
    """One problem type (RFC 9457 §3.1.1).

    Attributes:
        slug: last part of `type`; also the member `code`.
        status: the HTTP status of answers with this type.
        title: the same for each occurrence.
        meaning: what happened, for the page of this type.
        remedy: what the caller can do.
        dialect: `type` of the OpenAI dialect's `error` member.
    """

    slug: str
    status: int
    title: str
    meaning: str
    remedy: str
    dialect: str = "api_error"

    @property
    def type(self) -> str:
        """The problem type URI."""
        return URN + self.slug


REQUEST: Final = "invalid_request_error"
LATER: Final = "Wait for the time in Retry-After, then send the same request again."
LINKS: Final = (
    "The links page shows the state of the hop that is named here; send the request again when it is well."
)

INTERNAL = Kind(
    "internal",
    500,
    "Internal error",
    "Something in AutoBot itself failed. The answer says nothing more on purpose; the log has the whole story "
    "under the correlation id.",
    "Send the request again. If it fails again, report it with the correlation id.",
    "server_error",
)
VALIDATION = Kind(
    "validation",
    422,
    "The input breaks a rule",
    "The request could be read, but a value is missing, of the wrong type or outside its limits. `errors` lists "
    "each broken rule with a JSON Pointer to the value.",
    "Correct the values that `errors` points at. Nothing was changed.",
    REQUEST,
)
MALFORMED = Kind(
    "malformed",
    400,
    "The request cannot be read",
    "The body, a header field or a frame does not follow its own syntax, so nothing in it was looked at.",
    "Send well-formed JSON, and header fields in the form that the documentation names.",
    REQUEST,
)
UNAUTHENTICATED = Kind(
    "unauthenticated",
    401,
    "Sign-in needed",
    "The request carries no credential, or one that no longer holds.",
    "Sign in, or send an API key as `Authorization: Bearer …`. `autobot keys create NAME` makes one.",
    "authentication_error",
)
FORBIDDEN = Kind(
    "forbidden",
    403,
    "Not allowed",
    "It is known who asks, and the role or the scopes of the key do not allow this.",
    "Ask an administrator for the role, or use a key with the scope that `detail` names.",
    "permission_error",
)
CSRF = Kind(
    "csrf",
    403,
    "The proof of origin is missing",
    "A browser session sent a write without `X-CSRF-Token`, or from another site's page.",
    "Send the `csrf_token` of the sign-in answer (also in `GET /api/v1/auth/me`) as `X-CSRF-Token`.",
    "permission_error",
)
NOT_FOUND = Kind(
    "not-found",
    404,
    "Not found",
    "There is nothing at this address that the caller may see. Other people's objects look the same as none.",
    "Check the address and the id.",
    REQUEST,
)
METHOD_NOT_ALLOWED = Kind(
    "method-not-allowed",
    405,
    "The method is not allowed here",
    "The address exists, and it does not know this method. `Allow` lists those that it knows.",
    "Use one of the methods in `Allow`.",
    REQUEST,
)
NOT_ACCEPTABLE = Kind(
    "not-acceptable",
    406,
    "No acceptable form",
    "The address cannot answer in any form that `Accept` allows.",
    "Accept `application/json`, or leave `Accept` out.",
    REQUEST,
)
REQUEST_TIMEOUT = Kind(
    "request-timeout",
    408,
    "The body came too slowly",
    "The client stopped sending its body, or sent it slower than the server waits for.",
    "Send the request again on a better connection.",
    REQUEST,
)
CONFLICT = Kind(
    "conflict",
    409,
    "The state does not allow it",
    "The request is valid, and what it speaks of is in a state in which this cannot be done.",
    "Read the object again and decide anew.",
    REQUEST,
)
INCOMPATIBLE = Kind(
    "incompatible",
    409,
    "The schema would break readers",
    "Under the compatibility mode of its type the schema may not follow the versions before it: messages would be "
    "written that somebody cannot read. `errors` names each difference with a pointer into the schema.",
    "Keep what readers rely on, register under another type, or choose another mode if nobody reads the old messages.",
    REQUEST,
)
WRONG_EXPECTED_VERSION = Kind(
    "wrong-expected-version",
    409,
    "Somebody else changed it",
    "The object moved on between reading and writing. With `If-Match` the status is 412.",
    "Read it again, apply the change to what it is now, and send that.",
    REQUEST,
)
ALREADY_EXISTS = Kind(
    "already-exists",
    409,
    "It exists already",
    "The name or id is taken by something with other content.",
    "Choose another name, or change what is there.",
    REQUEST,
)
IDEMPOTENCY_IN_FLIGHT = Kind(
    "idempotency-in-flight",
    409,
    "The first request still runs",
    "A request with this idempotency key is being handled now.",
    "Wait for the time in Retry-After, then send it again with the same key: the answer of the first is given.",
    REQUEST,
)
PRECONDITION_FAILED = Kind(
    "precondition-failed",
    412,
    "The precondition does not hold",
    "`If-Match`, `If-None-Match` or a demanded position does not fit the present state.",
    "Read the object again and use its new `ETag`.",
    REQUEST,
)
TOO_LARGE = Kind(
    "too-large",
    413,
    "Too large",
    "The body, a frame or a value is over its declared limit.",
    "Send less. `detail` names the limit.",
    REQUEST,
)
UNSUPPORTED_MEDIA_TYPE = Kind(
    "unsupported-media-type",
    415,
    "The content type is not supported",
    "The body was declared, or encoded, in a form that this address does not read.",
    "Send `Content-Type: application/json` and no `Content-Encoding`.",
    REQUEST,
)
IDEMPOTENCY_MISMATCH = Kind(
    "idempotency-mismatch",
    422,
    "The key belongs to another request",
    "This idempotency key was used within the last 24 hours with another payload.",
    "Use a new key for a new request.",
    REQUEST,
)
UPGRADE_REQUIRED = Kind(
    "upgrade-required",
    426,
    "This address speaks WebSocket",
    "A plain HTTP request reached an address that speaks WebSocket (RFC 6455) only.",
    "Open it as a WebSocket, or use the event stream at `/api/v1/events/stream`.",
    REQUEST,
)
QUOTA_EXCEEDED = Kind(
    "quota-exceeded",
    429,
    "Too many requests",
    "The rate of this caller for this class of routes is spent. `violated-policies` names the policies of "
    "`RateLimit-Policy`.",
    LATER,
    "rate_limit_error",
)
ABSENT = Kind(
    "absent",
    503,
    "A part is missing",
    "What this answer needs is not installed, not configured or not running. Nothing stands in for it.",
    "`hint` names the one step that adds it.",
    "server_error",
)
STALE = Kind(
    "stale",
    503,
    "The list is not there yet",
    "The list does not show yet what was written at `min_position`, and the time to wait for it is over.",
    LATER,
    "server_error",
)
PREPARING = Kind(
    "preparing",
    503,
    "It is being prepared",
    "What answers this in time, as the graph by which many vectors are searched, is being made. The detail says how "
    "far it is when that is known.",
    LATER,
    "server_error",
)
DEADLINE_EXCEEDED = Kind(
    "deadline-exceeded",
    504,
    "The caller's time is spent",
    "The time that the caller gave (`X-Deadline-Ms`) ended before the answer was there, or before work began.",
    "Give more time, or ask for less.",
    "server_error",
)
