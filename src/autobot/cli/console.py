"""How commands of the command line reach the product: over the control socket of a running one, else by
opening the data folder themselves (which takes its lock)."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from autobot.cli.output import READER_GONE, Exit, ReaderGone, complain, exit_code
from autobot.config import Config, read_config
from autobot.kernel.core.errors import AutoBotError, FieldError

Ask = Callable[..., Awaitable[Any]]
"""`await ask("CreateKey", name=…, scopes=[…])` → JSON types."""


class RemoteFailure(Exception):
    """The running AutoBot answered with an error."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        super().__init__(error["detail"])
        self.code, self.detail, self.hint = error["code"], error["detail"], error.get("hint")
        self.errors = [FieldError(**one) for one in error.get("errors", ())]


def current_config() -> Config:
    """Return the options of this process's environment."""
    return read_config(os.environ, Path.home(), Path.cwd())


@asynccontextmanager
async def console(config: Config, *, decisions: bool = True, acting_for: str = "") -> AsyncIterator[Ask]:
    """Give a way to ask, whether AutoBot runs on this data folder or not (`decisions` as `open_console`).

    `acting_for` asks as that user would, by name or id; queries alone.
    """
    from autobot.bootstrap import dial_control, open_console

    remote = await dial_control(config)
    if remote is None:
        async with open_console(config, decisions=decisions) as control:

            async def local(name: str, /, **fields: Any) -> Any:
                return await control.ask(name, fields, acting_for=acting_for)

            yield local
        return
    reader, writer = remote

    async def ask(name: str, /, **fields: Any) -> Any:
        line = {"name": name, "fields": fields, "acting_for": acting_for}
        writer.write(json.dumps(line).encode() + b"\n")
        await writer.drain()
        answered = await reader.readline()
        if not answered:
            raise RemoteFailure({"code": "interrupted", "detail": "AutoBot ended while it was asked."})
        answer = json.loads(answered)
        if "error" in answer:
            raise RemoteFailure(answer["error"])
        return answer["ok"]

    try:
        yield ask
    finally:
        writer.close()


def run_with(
    work: Callable[[Ask, Config], Awaitable[int | None]],
    *,
    decisions: bool = True,
    first: Callable[[Config], Awaitable[None]] | None = None,
    acting_for: str = "",
) -> int:
    """Run `work` with a way to ask; print errors with their fix and return the exit code.

    `first` comes before anything is opened; `acting_for` as `console`.
    """

    async def main() -> int:
        config = current_config()
        if first is not None:
            await first(config)
        async with console(config, decisions=decisions, acting_for=acting_for) as ask:
            return await work(ask, config) or Exit.OK

    return guarded(lambda: asyncio.run(main()))


def guarded(work: Callable[[], int]) -> int:
    """Run `work`; errors of the tree become a message with the fix and an exit code."""
    try:
        return work()
    except RemoteFailure as error:
        _complained(error.detail, error.hint, error.errors)
        return exit_code(None, error.code)
    except AutoBotError as error:
        return told(error)
    except ExceptionGroup as group:
        cause = cause_in(group)
        if cause is None:
            raise
        return told(cause)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED


def told(error: AutoBotError) -> int:
    """Print an error with its fix and return its exit code."""
    if isinstance(error, ReaderGone):
        return READER_GONE
    _complained(error.detail, error.hint, getattr(error, "errors", ()))
    return exit_code(error)


def _complained(detail: str, hint: str | None, errors: Sequence[FieldError]) -> None:
    """Print an error with its fix, and each place that is wrong unless it is told already."""
    complain(detail, hint)
    for one in errors:
        if len(errors) > 1 or one.detail not in detail:
            complain(f"{one.pointer.removeprefix('#/')}: {one.detail}")


def cause_in(group: ExceptionGroup[Exception]) -> AutoBotError | None:
    """Return the error of the tree that ended a group of tasks; None when it holds anything else.

    What runs in the background runs in task groups, which pass on even a single error in a group.
    """
    found: AutoBotError | None = None
    for one in group.exceptions:
        inner = cause_in(one) if isinstance(one, ExceptionGroup) else one
        if not isinstance(inner, AutoBotError):
            return None
        found = found or inner
    return found
