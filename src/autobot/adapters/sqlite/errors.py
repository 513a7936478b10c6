"""SQLite's errors in the project's words."""

from __future__ import annotations

import apsw

from autobot.kernel.core.errors import AutoBotError, DataCorrupt, DataLocked, OperatorError, TooLarge


def mapped(error: apsw.Error) -> AutoBotError:
    """Return the error of the tree that says what `error` means for the person who runs this."""
    made: AutoBotError
    match error:
        case apsw.CorruptError() | apsw.NotADBError() | apsw.FormatError():
            made = DataCorrupt(
                "The database file is damaged.", hint="Restore the newest backup into an empty data folder."
            )
        case apsw.FullError():
            made = OperatorError(
                "The disk of the data folder is full; nothing was written.", hint="Free some space."
            )
        case apsw.BusyError() | apsw.LockedError():
            made = DataLocked("Another program holds the database file.")
        case apsw.ReadOnlyError() | apsw.PermissionsError() | apsw.CantOpenError() | apsw.AuthError():
            made = OperatorError("The data folder cannot be written; nothing was changed.")
        case apsw.TooBigError() | apsw.NoMemError():
            made = TooLarge("This is too large for the store.")
        case _:
            made = OperatorError("The disk of the data folder answered with an error.")
    made.__cause__ = error
    return made
