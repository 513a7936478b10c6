"""PostgreSQL's errors in the project's words."""

from __future__ import annotations

import asyncio
from typing import Final

import asyncpg

from autobot.kernel.core.errors import (
    AttemptTimeout,
    AutoBotError,
    ConfigurationError,
    ConnectFailed,
    ConnectionLost,
    DataCorrupt,
    InvalidInput,
    OperatorError,
    TooLarge,
)

LINK: Final = "backend-store"

UNREACHED: Final = (
    OSError,
    TimeoutError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
)
"""What says, while connecting, that the server is away for now."""

LOST: Final = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleSessionTimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncio.IncompleteReadError,
)
"""What says that a connection is gone; what was sent on it may have happened or not."""


def is_lost(error: BaseException) -> bool:
    """Say whether `error` means that the connection is gone, and not that a statement was refused."""
    # InterfaceError is the driver's word for a closed connection, and for values that it cannot encode.
    return isinstance(error, LOST) and not isinstance(error, ValueError)


def unreached(error: BaseException) -> ConnectFailed:
    """Return the error of a server that cannot be reached; nothing was written."""
    made = ConnectFailed(
        "The database server cannot be reached; nothing was written.",
        link=LINK,
        hint="Start PostgreSQL, or mend AUTOBOT_DATABASE_URL.",
    )
    made.__cause__ = error
    return made


def slow(error: BaseException | None = None) -> AttemptTimeout:
    """Return the error of a server that is there and did not finish a statement in the time that it had."""
    made = AttemptTimeout(
        "The database server did not finish this in its time.",
        phase="attempt",
        link=LINK,
        hint="Ask again, or for less; when it stays so, look at the server's load and at locks that others hold.",
    )
    made.__cause__ = error
    return made


def unknown(error: BaseException) -> ConnectionLost:
    """Return the error of a commit whose outcome could not be asked for in time."""
    made = ConnectionLost(
        "The database server went away during a commit and did not come back in time: whether it was written is not "
        "known.",
        link=LINK,
        hint="Send the same command again with the same key: it happens once.",
    )
    made.__cause__ = error
    return made


def mapped(error: BaseException) -> AutoBotError:
    """Return the error of the tree that says what `error` means for the person who runs this."""
    made: AutoBotError
    match error:
        case AutoBotError():
            return error
        case asyncpg.InvalidCatalogNameError():
            made = ConfigurationError(
                "The database server has no such database.", hint="Make it: createdb --encoding=UTF8 NAME."
            )
        case asyncpg.InvalidAuthorizationSpecificationError():
            made = ConfigurationError(
                "The database server refuses this name or password.", hint="Mend AUTOBOT_DATABASE_URL."
            )
        case asyncpg.InsufficientPrivilegeError():
            made = OperatorError(
                "The database role may not do this; nothing was written.",
                hint="It must own the database, or its schema autobot.",
            )
        case asyncpg.DiskFullError():
            made = OperatorError(
                "The disk of the database server is full; nothing was written.", hint="Free some space."
            )
        case asyncpg.ReadOnlySQLTransactionError():
            made = OperatorError(
                "The database server takes no writes: it is a standby.",
                hint="Name the primary in AUTOBOT_DATABASE_URL.",
            )
        case asyncpg.DataCorruptedError() | asyncpg.IndexCorruptedError():
            made = DataCorrupt("The database is damaged.", hint="Restore the newest backup.")
        case asyncpg.ProgramLimitExceededError() | asyncpg.OutOfMemoryError():
            made = TooLarge("This is too large for the store.")
        case asyncpg.DataError() | ValueError():
            made = InvalidInput("This cannot be stored: a value has no form in the database.")
        case (
            asyncpg.UndefinedTableError() | asyncpg.UndefinedFunctionError() | asyncpg.UndefinedColumnError()
        ):
            made = DataCorrupt("The database does not have the tables of its format.")
        case asyncpg.QueryCanceledError():
            return slow(error)
        case _:
            made = _broken(error)
    made.__cause__ = error
    return made


def _broken(error: BaseException) -> AutoBotError:
    if is_lost(error):
        return ConnectionLost("The connection to the database server broke.", link=LINK)
    return OperatorError("The database server answered with an error; nothing of this was written.")
