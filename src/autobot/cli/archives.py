"""`autobot knowledge export` and `import`: collections as files."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Final

import typer

from autobot.cli.console import Ask, run_with
from autobot.cli.output import Exit, complain, say, show_json
from autobot.cli.people import user_called
from autobot.config import Config

LOOK_S: Final = 0.2
"""How often it is asked whether an import is over, in seconds."""


def export(
    collection: Annotated[str, typer.Argument(help="Its id.")],
    target: Annotated[Path, typer.Argument(help="A new file for it.")],
) -> None:
    """Write a collection, whoever's it is, to a file: originals with titles, tags and hashes."""

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
    """Take in a collection from a file: all of it, or nothing when the file is not whole."""

    async def work(ask: Ask, config: Config) -> int | None:
        owner = await user_called(ask, user)
        if owner is None:
            return Exit.REFUSED
        path = str(source.absolute())
        view = await ask("LoadArchive", source=path, user_id=owner["id"], collection=collection or None)
        while view["ended_at"] is None:
            await asyncio.sleep(LOOK_S)
            view = await ask("GetImport", id=view["id"])
        if as_json:
            show_json(view)
        elif view["state"] == "completed":
            say(
                f"{view['name']}: {view['added']} documents came, {view['existing']} were there already;"
                f" collection {view['collection']}."
            )
        else:
            complain(view["error"]["detail"], view["error"].get("hint"))
        return Exit.OK if view["state"] == "completed" else Exit.REFUSED

    raise typer.Exit(run_with(work))
