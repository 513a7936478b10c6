"""The command line as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from autobot.cli import data, inspect, people
from autobot.cli.archives import export, import_
from autobot.cli.console import current_config, guarded
from autobot.cli.dead_letters import dead_letters
from autobot.cli.knowledge import knowledge
from autobot.cli.new import new
from autobot.cli.output import READER_GONE, Exit, ReaderGone, complain, say
from autobot.cli.question_sets import question_sets
from autobot.cli.read_models import read_models
from autobot.cli.roles import roles

app = typer.Typer(
    name="autobot",
    help="AutoBot: agents on your own hardware, every hop by one communication matrix.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(people.keys, name="keys")
app.add_typer(people.users, name="users")
app.add_typer(inspect.matrix, name="matrix")
app.add_typer(inspect.events, name="events")
app.add_typer(dead_letters, name="dead-letters")
app.add_typer(read_models, name="read-models")
app.add_typer(knowledge, name="knowledge")
knowledge.command("export")(export)
knowledge.command("import")(import_)
app.add_typer(question_sets, name="question-sets")
app.add_typer(roles, name="roles")
app.add_typer(data.audit, name="audit")
app.add_typer(new, name="new")
app.command("doctor")(inspect.doctor)
app.command("backup")(data.backup)
app.command("vacuum")(data.vacuum)
app.command("restore")(data.restore)
app.command("migrate")(data.migrate)

PARTS: dict[str, tuple[str, ...]] = {
    "documents": ("documents",),
    "grpc": ("grpc",),
    "local-llm": ("local-llm",),
    "npu": ("npu",),
    "postgres": ("postgres",),
    "redis": ("redis",),
    "vectors": ("vectors",),
}
"""Parts that this version can use, with the extras that they need."""
WORKER = "npu"
SERVED = ("gateway", "backend", "ai")
"""Roles that this version can run as processes of their own."""
ROLES = (*SERVED, WORKER, "browser")
"""Roles that processes of a scaled installation have."""
LATER = {
    "browser": "driving a browser",
}
"""Parts that this version knows of and cannot use yet."""


def _version(wanted: bool) -> None:
    if wanted:
        version()
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """AutoBot: agents on your own hardware, every hop by one communication matrix."""


@app.command()
def up(
    port: Annotated[int | None, typer.Option(help="Instead of AUTOBOT_PORT; 0 for a free one.")] = None,
    scaled: Annotated[
        bool,
        typer.Option(
            help="Each role as a process of its own, on the PostgreSQL of AUTOBOT_DATABASE_URL and the Redis of AUTOBOT_REDIS_URL."
        ),
    ] = False,
    backends: Annotated[int | None, typer.Option(help="Scaled: processes of the role backend (1).")] = None,
    ais: Annotated[int | None, typer.Option(help="Scaled: processes of the role ai (1).")] = None,
    gateways: Annotated[int | None, typer.Option(help="Scaled: processes of the role gateway (1).")] = None,
    npus: Annotated[
        int | None,
        typer.Option(
            help="Scaled: workers for inference (0), which the role ai then asks instead of one of its own."
        ),
    ] = None,
) -> None:
    """Start AutoBot: everything in one process, or each role in its own."""

    def work() -> int:
        from autobot.bootstrap import serve, serve_scaled

        given = {"backends": backends, "ais": ais, "gateways": gateways, "npus": npus}
        counts = {name: count for name, count in given.items() if count is not None}
        if counts and not scaled:
            complain("Counts of processes go with --scaled.", "autobot up --scaled --npus 2")
            return Exit.USAGE
        if scaled:
            return serve_scaled(current_config(), counts, port=port, say=say)
        return serve(current_config(), port=port, say=say)

    raise typer.Exit(guarded(work))


@app.command("serve")
def serve_role(
    role: Annotated[str, typer.Argument(help=", ".join(ROLES))],
    port: Annotated[
        int | None, typer.Option(help="Instead of AUTOBOT_PORT (npu: instead of 8081); 0 for a free one.")
    ] = None,
    slot: Annotated[
        int, typer.Option(help="Which of several processes of this role on one data folder.")
    ] = 1,
    grpc_port: Annotated[
        int | None,
        typer.Option(
            help="Takes calls over gRPC too; without it when a row of the matrix says so (npu: 8082 beside 8081)."
        ),
    ] = None,
    descriptor: Annotated[int | None, typer.Option(hidden=True)] = None,
    child: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Start one role as a process of its own."""
    if role in SERVED:
        given: dict[str, Any] = {"port": port, "slot": slot, "grpc_port": grpc_port}
        given |= {"descriptor": descriptor, "child": child}

        def work() -> int:
            from autobot.bootstrap import serve_role

            return serve_role(current_config(), role, say=say, **given)

        raise typer.Exit(guarded(work))
    if role == WORKER:

        def compute() -> int:
            from autobot.bootstrap import serve_worker

            place = {"port": port, "grpc_port": grpc_port, "slot": slot, "child": child}
            return serve_worker(current_config(), say=say, **place)

        raise typer.Exit(guarded(compute))
    if role not in ROLES:
        complain(f"There is no role called {role}.", f"Roles are: {', '.join([*SERVED, WORKER])}")
        raise typer.Exit(Exit.USAGE)
    complain(f"This version has no process of the role {role}.", f"It has: {', '.join([*SERVED, WORKER])}")
    raise typer.Exit(Exit.UNAVAILABLE)


@app.command()
def add(part: Annotated[str, typer.Argument(help=", ".join([*PARTS, *LATER]))]) -> None:
    """Add a part that the core does without."""
    if part in PARTS:
        from autobot.cli.parts import install

        raise typer.Exit(guarded(lambda: install(PARTS[part])))
    if part in LATER:
        complain(f"{part} ({LATER[part]}) cannot be used by this version yet; nothing was installed.")
        raise typer.Exit(Exit.UNAVAILABLE)
    complain(f"There is no part called {part}.", f"Parts are: {', '.join([*PARTS, *LATER])}")
    raise typer.Exit(Exit.USAGE)


@app.command("openapi")
def openapi(
    path: Annotated[str, typer.Argument(help="Where to write; - for standard output.")] = "-",
) -> None:
    """Write the OpenAPI document of this version."""

    def work() -> int:
        from autobot.bootstrap import openapi_document

        text = openapi_document()
        if path == "-":
            say(text)
        else:
            from pathlib import Path

            Path(path).write_text(text + "\n", encoding="utf-8")
        return Exit.OK

    raise typer.Exit(guarded(work))


@app.command("version")
def version() -> None:
    """Print the version."""
    from autobot.bootstrap import VERSION

    say(VERSION)


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code."""
    try:
        result: Any = app(args=list(arguments), standalone_mode=False)
    except typer.Exit as end:
        return end.exit_code
    except typer.Abort:
        return Exit.INTERRUPTED
    except ReaderGone:
        return READER_GONE
    except Exception as error:
        show = getattr(error, "format_message", None)
        if show is None:
            raise
        place = getattr(error, "ctx", None)
        # Its reader of choices puts its own kind of error before them.
        complain(
            show().replace("Value error, ", "", 1), f"{place.command_path if place else 'autobot'} --help"
        )
        return Exit.USAGE
    return int(result or 0)
