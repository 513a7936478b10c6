"""`autobot new context` and `autobot new link`: the family of files with a passing test, or nothing."""

from __future__ import annotations

from typing import Annotated

import typer

from autobot.cli.console import guarded
from autobot.cli.output import Exit, complain, say
from autobot.cli.scaffold import context as scaffold
from autobot.cli.scaffold import link as rows
from autobot.cli.scaffold.files import checkout, declared_classes, refuse_taken, templates, write_all
from autobot.cli.scaffold.names import ContextNames, names_of
from autobot.kernel.core.errors import Conflict, InvalidInput
from autobot.kernel.links.row import ErrorHandling, Idempotency, Pattern, TransportName

new = typer.Typer(help="Write the files of a new context or link, with a passing test.", no_args_is_help=True)


@new.command("context")
def new_context(
    name: Annotated[str, typer.Argument(help="Such as bookmarks: small letters, words joined by _.")],
    entity: Annotated[
        str | None, typer.Option(help="What it keeps; without it the name without its last s.")
    ] = None,
) -> None:
    """Write contract, context, routes and test of a new context, and register it."""
    try:
        names = names_of(name, entity)
    except InvalidInput as error:
        complain(error.detail, error.hint)
        raise typer.Exit(Exit.USAGE) from error
    raise typer.Exit(guarded(lambda: _context(names)))


def _context(names: ContextNames) -> int:
    root = checkout()
    files = scaffold.context_files(names, templates())
    refuse_taken(root, files)
    taken = sorted(names.classes & declared_classes(root))
    if taken:
        raise Conflict(
            f"The published language has {taken[0]} already; nothing was written.",
            hint="Give another --entity.",
        )
    register = (root / scaffold.REGISTER).read_text(encoding="utf-8")
    changed = {scaffold.REGISTER: scaffold.registered(register, names)}
    write_all(root, files, changed)
    _told(files, changed)
    test = next(path for path in files if path.startswith("tests/"))
    say(f"Now: .venv/bin/python -m pytest {test} -q")
    say("Then: .venv/bin/autobot openapi schema/openapi.json && npm --prefix web run types,")
    say(
        ".venv/bin/python -m tools.check_schemas --write, .venv/bin/python -m tests.golden.generate_events, make check."
    )
    say("CONTRIBUTING.md, “Add an endpoint”, goes on from here.")
    return Exit.OK


@new.command("link")
def new_link(
    source: Annotated[str, typer.Argument(metavar="FROM", help="Where the hop begins, such as backend.")],
    to: Annotated[str, typer.Argument(metavar="TO", help="Where it ends, such as crm.")],
    doc: Annotated[str, typer.Option(help="One line for people: what it is for.")],
    pattern: Annotated[Pattern, typer.Option(help="How the two speak.")] = "request-response",
    transport: Annotated[TransportName, typer.Option(help="What carries it.")] = "http",
    timeout: Annotated[float | None, typer.Option(help="Seconds of one attempt.")] = None,
    total: Annotated[float | None, typer.Option(help="Seconds of the whole call.")] = None,
    retries: Annotated[int, typer.Option(min=0, max=100, help="Further attempts.")] = 0,
    idempotency: Annotated[
        Idempotency | None, typer.Option(help="What makes repeating safe; needed with --retries.")
    ] = None,
    error_handling: Annotated[
        ErrorHandling, typer.Option(help="What becomes of a call that fails.")
    ] = "propagate",
) -> None:
    """Append a row to the shipped matrix and write the test that proves it."""
    row = rows.NewRow(
        source=source,
        to=to,
        doc=doc,
        pattern=pattern,
        transport=transport,
        error_handling=error_handling,
        timeout=timeout,
        total=total,
        retries=retries,
        idempotency=idempotency,
    )
    raise typer.Exit(guarded(lambda: _link(row)))


def _link(row: rows.NewRow) -> int:
    root = checkout()
    matrix = (root / rows.MATRIX).read_text(encoding="utf-8")
    changed = {rows.MATRIX: rows.with_row(matrix, row)}
    path, text = rows.row_test(row, templates()[rows.TEMPLATE])
    write_all(root, {path: text}, changed)
    _told({path: text}, changed)
    say(f"Now: .venv/bin/python -m pytest {path} -q")
    say("Then connect it in src/autobot/bootstrap/wiring.py; until then it is shown as absent.")
    return Exit.OK


def _told(written: dict[str, str], changed: dict[str, str]) -> None:
    for path in written:
        say(f"wrote    {path}")
    for path in changed:
        say(f"changed  {path}")
