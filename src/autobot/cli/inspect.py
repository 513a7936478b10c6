"""`autobot matrix …`, `events …` and `doctor`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from autobot.cli.console import Ask, current_config, guarded, run_with
from autobot.cli.output import Exit, complain, say, show_json, table
from autobot.config import Config

matrix = typer.Typer(help="The communication matrix.", no_args_is_help=True)
events = typer.Typer(help="The log.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@matrix.command("show")
def show_matrix(as_json: Json = False) -> None:
    """Print every row as it is in force (a running AutoBot's with its counts)."""

    async def work(ask: Ask, config: Config) -> int | None:
        rows = (await ask("ListLinks"))["items"]
        if as_json:
            show_json(rows)
        else:
            table(rows, ["id", "pattern", "transport", "timeout", "state", "calls", "failures", "source"])
        return None

    raise typer.Exit(run_with(work))


@matrix.command("check")
def check_matrix(as_json: Json = False) -> None:
    """Run the start-up proofs over the matrix and the operator's overlay; exit code 7 when a rule is broken without a reason, 4 when a file cannot be read."""

    def work() -> int:
        from autobot.bootstrap import check_matrix_files

        findings = check_matrix_files(current_config())
        if as_json:
            show_json(findings)
        else:
            for one in findings:
                say(f"{'accepted' if one['accepted'] else 'FINDING '}  {one['rows']}: {one['detail']}")
                if one["accepted"]:
                    say(f"          because: {one['accepted']}")
            say(_summary(findings))
        return Exit.OK if all(one["accepted"] for one in findings) else Exit.UNSOUND

    raise typer.Exit(guarded(work))


def _summary(findings: Sequence[Mapping[str, Any]]) -> str:
    broken = sum(not one["accepted"] for one in findings)
    if broken:
        return (
            f"{broken} of {len(findings)} finding(s) would refuse the start: no shipped row gives a reason."
        )
    return f"{len(findings)} finding(s), all accepted with a reason." if findings else "No findings."


@matrix.command("revert")
def revert_row(
    row: Annotated[str, typer.Argument(help="The row's name, such as services-repositories.")],
    reason: Annotated[str, typer.Option(help="Why; it stands in the row's history.")] = "by the command line",
) -> None:
    """Take back what was decided about a row at run time: its policy and its breakers are as the files say.

    A row that locks everybody out, AutoBot itself included, is taken back while AutoBot is stopped.
    """

    async def work(ask: Ask, config: Config) -> int | None:
        await ask("RevertLink", link=row, position=None, reason=reason)
        found = await ask("GetLink", link=row)
        if found["targets"]:
            await ask("ForceBreaker", link=row, action="close", reason=reason)
        say(f"{row} is as the files say.")
        return None

    raise typer.Exit(run_with(work, decisions=False))


@events.command("tail")
def tail(
    kind: Annotated[str, typer.Option("--type", help="Only this type; may end in *.")] = "",
    stream: Annotated[str, typer.Option(help="Only this stream.")] = "",
    count: Annotated[int, typer.Option(min=1, max=200, help="How many.")] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as they come.")] = False,
    as_json: Json = False,
) -> None:
    """Print the newest events."""

    async def work(ask: Ask, config: Config) -> int | None:
        page = await ask("ListEvents", type=kind, stream=stream, limit=count)
        items = list(reversed(page["items"]))
        after = items[-1]["position"] if items else 0
        while True:
            if as_json:
                for one in items:
                    show_json(one)
            elif items:
                table(items, ["position", "time", "type", "stream", "correlationid"])
            if not follow:
                return None
            await asyncio.sleep(0.5)
            page = await ask("ListEvents", type=kind, stream=stream, limit=200, after=after)
            items = page["items"]
            after = items[-1]["position"] if items else after

    raise typer.Exit(run_with(work))


def doctor(as_json: Json = False) -> None:
    """Say what is missing, and the one step that adds it; exit code 7 when something required fails."""

    async def work(ask: Ask, config: Config) -> int | None:
        health = await ask("GetHealth")
        links = (await ask("ListLinks"))["items"]
        absent = [one for one in links if one["state"] == "absent"]
        if as_json:
            show_json({"health": health, "absent": absent})
        else:
            for check in health["checks"]:
                say(f"{check['state']:>8}  {check['name']}: {check['detail']}")
            for link in absent:
                say(f"  absent  {link['id']}: {link['hint'] or 'not used by this version'}")
        if health["status"] == "failing":
            complain("Something that AutoBot needs is failing.")
            return Exit.UNSOUND
        return None

    raise typer.Exit(run_with(work))
