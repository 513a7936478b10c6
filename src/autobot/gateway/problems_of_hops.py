"""Problem types of hops, runs and the operator's data."""

from __future__ import annotations

from autobot.gateway.problem_kinds import LATER, LINKS, Kind

REJECTED = Kind("rejected", 503, "Refused for now", "AutoBot refused to send this on.", LATER, "server_error")
CIRCUIT_OPEN = Kind(
    "circuit-open",
    503,
    "The circuit is open",
    "The target of this hop failed so often that it is left alone for a while. Nothing was sent.",
    "AutoBot probes it by itself. " + LATER + " " + LINKS,
    "server_error",
)
BULKHEAD_FULL = Kind(
    "bulkhead-full",
    503,
    "The hop is busy",
    "As many calls as this link allows are under way, and its queue is full. Nothing was sent.",
    LATER,
    "server_error",
)
RATE_LIMITED = Kind(
    "rate-limited",
    503,
    "The hop's rate is spent",
    "The link's own rate limit refused this call. Nothing was sent.",
    LATER,
    "server_error",
)
LINK_MISSING = Kind(
    "link-missing",
    503,
    "The matrix has no such row",
    "The communication matrix has no row for this hop, so the hop does not exist.",
    "An operator can add or restore the row; the links page shows the matrix.",
    "server_error",
)
OVERLOADED = Kind(
    "overloaded",
    503,
    "Not taking work now",
    "The process is starting, stopping or under more load than it accepts.",
    LATER,
    "server_error",
)
HOP_FAILED = Kind(
    "hop-failed",
    502,
    "A hop failed",
    "A call to another part or service failed after it was sent.",
    LINKS,
    "server_error",
)
CONNECT_FAILED = Kind(
    "connect-failed",
    502,
    "The target cannot be reached",
    "The connection to another part or service was refused, or its address or certificate is wrong.",
    "Start the service that `detail` names, or correct its address in the settings. " + LINKS,
    "server_error",
)
CONNECTION_LOST = Kind(
    "connection-lost",
    502,
    "The connection broke",
    "The connection to another part or service broke before its answer was whole.",
    LINKS,
    "server_error",
)
UPSTREAM_TIMEOUT = Kind(
    "upstream-timeout",
    504,
    "The target was too slow",
    "Another part or service did not answer within the time that its row in the matrix allows.",
    "Send the request again, or raise the row's timeout on the links page. " + LINKS,
    "server_error",
)
UPSTREAM_ERROR = Kind(
    "upstream-error",
    502,
    "The target answered with an error",
    "Another part or service answered with an error of its own.",
    "Look at that service; " + LINKS[0].lower() + LINKS[1:],
    "server_error",
)
UPSTREAM_THROTTLED = Kind(
    "upstream-throttled",
    503,
    "The target asks for patience",
    "Another service said that it gets too many requests.",
    LATER,
    "server_error",
)
BAD_ANSWER = Kind(
    "bad-answer",
    502,
    "The target's answer makes no sense",
    "Another service answered what its own protocol does not allow: cut off, over a limit, or garbage.",
    "Check that the address in the settings is that of the right service. " + LINKS,
    "server_error",
)
CHAOS = Kind(
    "chaos",
    502,
    "A fault made on purpose",
    "An operator switched on fault injection for this link.",
    "Switch it off on the links page.",
    "server_error",
)
INTERRUPTED = Kind(
    "interrupted",
    503,
    "The run was cut off",
    "A run ended early: the process stopped, or the source of its text broke after it had begun.",
    "Start it again. What was written so far is kept.",
    "server_error",
)
OPERATOR = Kind(
    "operator",
    500,
    "Files or data cannot be used",
    "A file or data of this installation cannot be used. Nothing was changed.",
    "`autobot doctor` names the file and the cure.",
    "server_error",
)
CONFIGURATION = Kind(
    "configuration",
    500,
    "The configuration cannot be used",
    "A setting, a matrix row or a configuration file cannot be used.",
    "`autobot doctor` names it and the cure.",
    "server_error",
)
DATA_CORRUPT = Kind(
    "data-corrupt",
    500,
    "Stored data does not verify",
    "Bytes in the data folder are not what was written there.",
    "Restore a backup: `autobot restore`. `autobot audit verify` says where the damage is.",
    "server_error",
)
DATA_NEWER = Kind(
    "data-newer",
    500,
    "The data is of a newer version",
    "The data folder was written by a newer version of AutoBot and was left untouched.",
    "Start that version or a newer one.",
    "server_error",
)
DATA_LOCKED = Kind(
    "data-locked",
    503,
    "Another process owns the data",
    "Another AutoBot process has the data folder open.",
    "Stop it, or talk to it: `detail` names its process and address.",
    "server_error",
)
