"""What Redis refuses, and broken ways to it, in the project's words."""

from __future__ import annotations

from typing import Final

from autobot.kernel.core.errors import (
    AutoBotError,
    ConfigurationError,
    ConnectFailed,
    ConnectionLost,
    OperatorError,
)

LINK: Final = "backend-redis"


class GroupLost(ConnectionLost):
    """The stream or its group is not there any more: restarted without its file, flushed, failed over."""

    code = "stream-lost"


class ScriptUnknown(ConnectionLost):
    """The server does not know a script by its name: it was restarted or flushed."""

    code = "script-unknown"


class Moved(ConnectFailed):
    """Another server of the cluster has the key; `asking` when only this command shall go there."""

    code = "stream-moved"

    def __init__(self, place: str, *, asking: bool) -> None:
        super().__init__("Another server of the cluster has this.", link=LINK)
        host, _, port = place.rpartition(":")
        self.host, self.port, self.asking = host, int(port), asking


class Busy(OperatorError):
    """What was to be made is there."""

    code = "stream-busy"


class ReadOnly(ConnectFailed):
    """The server is a replica: it does what its primary does, and nothing else."""

    code = "stream-read-only"


GONE: Final = {"NOGROUP", "UNBLOCKED", "WRONGTYPE"}
UNREADY: Final = {"LOADING", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "NOREPLICAS", "BUSY"}


def refused(text: str) -> AutoBotError:
    """Return the error of the tree that an error answer means for the person who runs this."""
    word, _, rest = text.partition(" ")
    match word:
        case "MOVED" | "ASK":
            return Moved(rest.partition(" ")[2], asking=word == "ASK")
        case "READONLY":
            hint = "Name the primary in AUTOBOT_REDIS_URL, or promote this one."
            return ReadOnly("This Redis is a replica, which takes no writes.", link=LINK, hint=hint)
        case "NOSCRIPT":
            return ScriptUnknown("Redis does not know the script.", link=LINK)
        case "NOAUTH" | "WRONGPASS":
            return ConfigurationError("Redis refuses this name or password.", hint="Mend AUTOBOT_REDIS_URL.")
        case "NOPERM":
            return OperatorError("Redis does not let this user do what is needed.", hint="Mend its ACL.")
        case "OOM":
            hint = "Give it more, with maxmemory-policy noeviction."
            return OperatorError("Redis has no memory left.", hint=hint)
        case "BUSYGROUP":
            return Busy("The group is there.")
    if word in GONE:
        return GroupLost("The stream or its group is gone.", link=LINK)
    if word in UNREADY:
        return ConnectFailed("Redis takes no commands just now.", link=LINK)
    made = OperatorError("Redis answered with an error.")
    made.__cause__ = RuntimeError(text)
    return made


def broken(cause: BaseException | None = None) -> ConnectionLost:
    """Return the error of a connection that broke, or could not be made."""
    made = ConnectionLost("The connection to Redis broke.", link=LINK, hint="Start Redis.")
    made.__cause__ = cause
    return made
