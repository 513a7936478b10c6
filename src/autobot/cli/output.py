"""What the command line prints, and the exit codes that scripts rely on."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Any, Final

from autobot.kernel.core import errors


class Exit(IntEnum):
    """Exit codes: stable, documented in the guide."""

    OK = 0
    FAILED = 1
    """Something went wrong while doing it."""
    USAGE = 2
    """The command line could not be understood."""
    REFUSED = 3
    """Not allowed, not found, or the state does not permit it; nothing was changed."""
    CONFIGURATION = 4
    """A setting, the matrix or a file of the operator cannot be used."""
    DATA = 5
    """The data folder is locked, newer, foreign or corrupt."""
    UNAVAILABLE = 6
    """A part is not there."""
    UNSOUND = 7
    """A check found something: an audit chain that does not verify, a matrix finding, a missing part."""
    INTERRUPTED = 130
    """Ctrl-C ended it, as shells say it (128 and the signal's number)."""


def exit_code(error: errors.AutoBotError | None, code: str = "") -> Exit:
    """Return the exit code of an error, or of an error code that came over the control socket."""
    table: tuple[tuple[tuple[type[errors.AutoBotError], ...], Exit], ...] = (
        ((errors.DataCorrupt, errors.DataNewer, errors.DataLocked), Exit.DATA),
        ((errors.OperatorError, errors.LinkMissing), Exit.CONFIGURATION),
        ((errors.Absent,), Exit.UNAVAILABLE),
        (
            (
                errors.InvalidInput,
                errors.NotFound,
                errors.Forbidden,
                errors.Conflict,
                errors.Unauthenticated,
                errors.IdempotencyMismatch,
            ),
            Exit.REFUSED,
        ),
    )
    for kinds, result in table:
        if isinstance(error, kinds) or any(
            code == one.code for kind in kinds for one in (kind, *_below(kind))
        ):
            return result
    return Exit.FAILED


def _below(kind: type[errors.AutoBotError]) -> Iterable[type[errors.AutoBotError]]:
    for one in kind.__subclasses__():
        yield one
        yield from _below(one)


class ReaderGone(errors.AutoBotError):
    """Who read our standard output has left, as `head` does: there is nobody to tell the rest."""


READER_GONE: Final = 128 + signal.SIGPIPE
"""Exit code of a command whose reader left, as a shell gives it to a program that a closed pipe ended."""


def say(text: str) -> None:
    """Print a line. Raises ReaderGone when nobody reads any more."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # What is still in the buffer goes nowhere, so that the interpreter does not fail on it at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise ReaderGone("Nobody reads the output any more.") from None


def complain(detail: str, hint: str | None = None) -> None:
    """Print what went wrong, and the fix, on standard error."""
    print(f"autobot: {detail}", file=sys.stderr)
    if hint:
        print(f"  → {hint}", file=sys.stderr)


def show_json(value: Any) -> None:
    """Print JSON for programs."""
    say(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Print rows as aligned columns."""
    cells = [[_cell(row.get(column)) for column in columns] for row in rows]
    widths = [
        max(len(column), *(len(line[index]) for line in cells)) if cells else len(column)
        for index, column in enumerate(columns)
    ]
    for line in ([column.upper() for column in columns], *cells):
        say("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return str(value)
