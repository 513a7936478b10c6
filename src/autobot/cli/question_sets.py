"""`autobot question-sets …`: questions whose answers are known, from files and to files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autobot.cli.choices import Form
from autobot.cli.console import Ask, run_with
from autobot.cli.output import Exit, complain, say, show_json, table
from autobot.cli.people import user_called
from autobot.config import Config

question_sets = typer.Typer(help="Question sets of collections.", no_args_is_help=True)
Collection = Annotated[str, typer.Argument(help="Id of the collection.")]
ActingFor = Annotated[str, typer.Option("--user", help="Ask as this user (name or id) would.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
NAME_MAX = 100
"""Characters of a set's name."""


@question_sets.command("list")
def show_list(collection: Collection, acting_for: ActingFor = "", as_json: Json = False) -> None:
    """Print the question sets of a collection, by name."""

    async def work(ask: Ask, config: Config) -> int | None:
        items = (await ask("ListQuestionSets", collection=collection, limit=200))["items"]
        if as_json:
            show_json(items)
        else:
            table(items, ["id", "name", "questions", "grades", "revision", "updated_at"])
        return None

    raise typer.Exit(run_with(work, acting_for=acting_for))


@question_sets.command("import")
def import_(
    collection: Collection,
    file: Annotated[
        Path,
        typer.Argument(
            help='JSON Lines of {"query": "…", "relevant": {"DOCUMENT_ID": GRADE}}, or with --topics'
            " TREC's relevance judgements (qrels)."
        ),
    ],
    topics: Annotated[
        Path | None, typer.Option(help="TREC's questions, ID TAB TEXT a line; FILE is then qrels.")
    ] = None,
    name: Annotated[str, typer.Option(help="What the set is called; else as FILE.")] = "",
    replaced: Annotated[str, typer.Option("--replace", help="Id of a set that gets these questions.")] = "",
    user: Annotated[str, typer.Option(help="Whose the set is.")] = "admin",
    as_json: Json = False,
) -> None:
    """Make a question set of a file, or replace one by it; prints its id."""
    text, asked = read_text(file), "" if topics is None else read_text(topics)

    async def work(ask: Ask, config: Config) -> int | None:
        owner = await user_called(ask, user)
        if owner is None:
            return Exit.REFUSED
        made = await ask(
            "LoadQuestionSet",
            user_id=owner["id"],
            collection=collection,
            name=(name or file.stem)[:NAME_MAX],
            text=text,
            form="jsonl" if topics is None else "qrels",
            topics=asked,
            id=replaced or None,
        )
        if as_json:
            show_json(made)
        else:
            say(f"{made['name']}: {made['questions']} questions, {made['grades']} grades; set {made['id']}.")
        return None

    raise typer.Exit(run_with(work))


@question_sets.command("export")
def export(
    collection: Collection,
    set_id: Annotated[str, typer.Argument(metavar="set", help="Id of the set, as `list` prints it.")],
    target: Annotated[Path, typer.Argument(help="A new file for it; - for standard output.")],
    form: Annotated[Form, typer.Option(help="JSON Lines, or TREC's judgements or topics.")] = "jsonl",
    acting_for: ActingFor = "",
) -> None:
    """Write a question set to a file."""

    async def work(ask: Ask, config: Config) -> int | None:
        made = await ask("WriteQuestionSet", collection=collection, id=set_id, form=form)
        return write_new(target, made["text"])

    raise typer.Exit(run_with(work, acting_for=acting_for))


def read_text(file: Path) -> str:
    """Return the text of a file; ends the command when it has none."""
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        complain(f"{file} cannot be read: {error.strerror or error}.")
        raise typer.Exit(Exit.USAGE) from error
    except UnicodeDecodeError as error:
        complain(f"{file} is no text in UTF-8: its byte {error.start} is none.")
        raise typer.Exit(Exit.USAGE) from error


def write_new(target: Path, text: str) -> Exit:
    """Write a text to a file that is not there yet, `-` for standard output."""
    if str(target) == "-":
        say(text.removesuffix("\n"))
        return Exit.OK
    try:
        with target.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
    except FileExistsError:
        complain(f"{target} is there already; nothing was written.", "Name a new file.")
        return Exit.REFUSED
    except OSError as error:
        complain(f"{target} cannot be written: {error.strerror or error}.")
        return Exit.FAILED
    return Exit.OK
