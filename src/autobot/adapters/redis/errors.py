"""Redis's errors in the project's words."""

from __future__ import annotations

from typing import Final

from redis import exceptions

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


def mapped(error: BaseException) -> AutoBotError:
    """Return the error of the tree that says what `error` means for the person who runs this."""
    made: AutoBotError
    text = str(error)
    match error:
        case AutoBotError():
            return error
        case exceptions.AuthenticationError() | exceptions.AuthorizationError():
            made = ConfigurationError("Redis refuses this name or password.", hint="Mend AUTOBOT_REDIS_URL.")
        case exceptions.NoPermissionError():
            made = OperatorError("Redis does not let this user do what is needed.", hint="Mend its ACL.")
        case exceptions.NoScriptError():
            made = ScriptUnknown("Redis does not know the script.", link=LINK)
        case exceptions.ResponseError() if text.startswith(("NOGROUP", "UNBLOCKED", "WRONGTYPE")):
            made = GroupLost("The stream or its group is gone.", link=LINK)
        case exceptions.OutOfMemoryError():
            made = OperatorError(
                "Redis has no memory left.", hint="Give it more, with maxmemory-policy noeviction."
            )
        case exceptions.ReadOnlyError() | exceptions.BusyLoadingError():
            made = ConnectFailed("Redis takes no writes just now.", link=LINK)
        case exceptions.ConnectionError() | exceptions.TimeoutError() | OSError():
            made = ConnectionLost("The connection to Redis broke.", link=LINK, hint="Start Redis.")
        case _:
            made = OperatorError("Redis answered with an error.")
    made.__cause__ = error
    return made
