"""`autobot knowledge export` and `import`: collections as files."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Final

import typer

from autobot.cli.console import Ask, RemoteFailure, run_with
from autobot.cli.output import Exit, complain, say, show_json
from autobot.cli.people import user_called
from autobot.config import Config
from autobot.kernel.core.errors import Conflict

LOOK_S: Final = 0.2
"""How often it is asked whether an import is over, in seconds."""


def export(
    collection: Annotated[str, typer.Argument(help="Its id.")],
    target: Annotated[Path, typer.Argument(help="A new file for it.")],
) -> None:
    """Write a collection, whoever's it is, to a file: originals of all versions with titles and tags, and question sets."""

    async def work(ask: Ask, config: Config) -> int | None:
        made = await ask("SaveCollection", id=collection, target=str(target.absolute()))
        say(f"{made['name']}: {made['documents']} documents in {target} ({made['bytes']} bytes).")
        return None

    raise typer.Exit(run_with(work))


def import_(
    source: Annotated[Path, typer.Argument(help="A file that export wrote.")],
    user: Annotated[str, typer.Option(help="Whose the documents are.")] = "admin",
    collection: Annotated[
        str, typer.Option(help="Id of the collection that they go to; else their own.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Take in a collection from a file: all of it, or nothing when the file is not whole.

    Ctrl-C cancels it: what came in is taken back. Once more leaves that to the running AutoBot.
    """

    async def work(ask: Ask, config: Config) -> int | None:
        owner = await user_called(ask, user)
        if owner is None:
            return Exit.REFUSED
        path = str(source.absolute())
        with _interrupts() as interrupted:
            view = await ask("LoadArchive", source=path, user_id=owner["id"], collection=collection or None)
            while view["ended_at"] is None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_S):
                        await interrupted.wait()
                if interrupted.is_set():
                    interrupted.clear()
                    # One that ended this moment is told of as it is.
                    with suppress(RemoteFailure, Conflict):
                        await ask("CancelImport", id=view["id"])
                view = await ask("GetImport", id=view["id"])
        if as_json:
            show_json(view)
        elif view["state"] == "completed":
            say(
                f"{view['name']}: {view['added']} documents and {view['question_sets']} question sets came,"
                f" {view['existing']} documents were there already; collection {view['collection']}."
            )
        elif view["state"] == "cancelled":
            complain("Cancelled. Nothing was taken in.")
            return Exit.INTERRUPTED
        else:
            complain(view["error"]["detail"], view["error"].get("hint"))
        return Exit.OK if view["state"] == "completed" else Exit.REFUSED

    raise typer.Exit(run_with(work))


@contextmanager
def _interrupts() -> Iterator[asyncio.Event]:
    """Give what Ctrl-C sets while the block goes on; pressed once more it ends the command."""
    loop, pressed = asyncio.get_running_loop(), asyncio.Event()

    def press() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        pressed.set()

    loop.add_signal_handler(signal.SIGINT, press)
    try:
        yield pressed
    finally:
        loop.remove_signal_handler(signal.SIGINT)
