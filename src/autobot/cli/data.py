"""`autobot backup`, `restore`, `migrate` and `audit verify`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from autobot.cli.console import Ask, current_config, guarded, run_with
from autobot.cli.output import Exit, complain, say, show_json
from autobot.config import Config

audit = typer.Typer(help="The audit chain.", no_args_is_help=True)


@audit.command("verify")
def verify(as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """Recompute the whole audit chain; exit code 7 when it does not hold."""

    async def work(ask: Ask, config: Config) -> int | None:
        report = await ask("VerifyAudit")
        if as_json:
            show_json(report)
        elif report["sound"]:
            say(f"The chain of {report['records']} records verifies; its last hash is {report['last_hash']}.")
        else:
            complain(f"The chain breaks at record {report['broken_at']}: {report['reason']}")
        return Exit.OK if report["sound"] else Exit.UNSOUND

    raise typer.Exit(run_with(work))


def backup(
    target: Annotated[Path, typer.Argument(help="A new folder for the backup.")],
    with_key: Annotated[bool, typer.Option(help="Include the key that opens stored secrets.")] = False,
) -> None:
    """Write a backup, while AutoBot runs or not."""

    async def work(ask: Ask, config: Config) -> int | None:
        made = await ask("MakeBackup", target=str(target.absolute()), with_key=with_key)
        say(f"Backup of log position {made['position']} in {made['target']} ({made['bytes']} bytes).")
        if not with_key:
            say("The key that opens stored secrets is not in it: keep that file yourself.")
        return None

    raise typer.Exit(run_with(work))


def vacuum() -> None:
    """Rewrite the database, so that nothing of what was erased is left in the data folder."""

    async def work(ask: Ask, config: Config) -> int | None:
        await ask("Vacuum")
        return None

    raise typer.Exit(run_with(work))


def restore(source: Annotated[Path, typer.Argument(help="The folder of a backup.")]) -> None:
    """Restore a backup into an empty data folder and verify every read model by hash."""

    def work() -> int:
        from autobot.bootstrap import restore_backup

        report = asyncio.run(restore_backup(current_config(), source.absolute()))
        for line in report:
            say(line)
        return Exit.OK

    raise typer.Exit(guarded(work))


def migrate(
    to: Annotated[str, typer.Option("--to", help="An empty PostgreSQL database, postgresql://…")],
    verify: Annotated[
        bool, typer.Option("--verify", help="Read every row back and prove it by hash.")
    ] = False,
) -> None:
    """Move what the data folder keeps into a PostgreSQL database, while AutoBot does not run."""

    def work() -> int:
        from autobot.bootstrap import migrate

        for line in asyncio.run(migrate(current_config(), to, verify=verify)):
            say(line)
        return Exit.OK

    raise typer.Exit(guarded(work))
