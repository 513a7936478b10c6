"""`autobot roles …`: the processes of the installation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer

from autobot.cli.console import Ask, run_with
from autobot.cli.output import Exit, complain, say, show_json, table
from autobot.config import Config

roles = typer.Typer(help="The processes of this installation, by role.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
COLUMNS: Final = ["id", "roles", "state", "version", "address", "heard", "key", "reason"]


async def _need_running(config: Config) -> None:
    """Leave with the fix when no AutoBot runs here: asked by itself, the command line would list itself."""
    from autobot.bootstrap import dial_control

    remote = await dial_control(config)
    if remote is None:
        complain("No AutoBot runs on this data folder, so there is no process to list.", "autobot up")
        raise typer.Exit(Exit.UNAVAILABLE)
    remote[1].close()


@roles.command("list")
def show_list(as_json: Json = False) -> None:
    """Print every process with its state, and the rows between them: whose key and contracts agree, and where calls fail.

    Calls are those of the process that answers.
    """

    async def work(ask: Ask, config: Config) -> int | None:
        found = await ask("ListRoles")
        if as_json:
            show_json(found)
            return None
        table([_row(one) for one in found["items"]], COLUMNS)
        if found["mode"] == "embedded":
            say("One process holds every role; each in its own: autobot up --scaled")
        rows = {one["id"]: one for one in (await ask("ListLinks"))["items"]} if found["hops"] else {}
        for hop in found["hops"]:
            for line in hop_lines(hop, rows.get(hop["link"], {})):
                say(line)
        return None

    raise typer.Exit(run_with(work, first=_need_running))


def hop_lines(hop: Mapping[str, Any], row: Mapping[str, Any]) -> list[str]:
    """Say which pairs of a row fit together, and what it came to where the process that answers called over it.

    Key and contracts are written down by each process; whether a certificate is trusted, or a network lets through, shows
    in calls alone.
    """
    where = f", fixed to {' '.join(hop['targets'])}" if hop["targets"] else ""
    told = [f"{hop['link']}: {hop['reachable']} of {hop['pairs']} pairs agree on key and contracts{where}"]
    for one in row.get("targets", ()):
        if one["breaker_state"] not in ("closed", "disabled", "shadow"):
            told.append(f"  {one['address']}: calls fail (breaker {one['breaker_state']})")
    return told


def _row(one: Mapping[str, Any]) -> dict[str, Any]:
    age = one["age_seconds"]
    return {
        **one,
        "roles": "+".join(one["roles"]),
        "heard": "-" if age is None else f"{age:.1f} s ago",
        "reason": one["reason"] or next((each["reason"] for each in one["refused_by"]), "-"),
        "key": one["key_mark"] or "-",
    }


@roles.command("drain")
def drain(
    instance: Annotated[str, typer.Argument(help="Its id, as `list` prints it.")],
    reason: Annotated[str, typer.Option(help="Why; it stands in the log.")] = "by the command line",
) -> None:
    """Give a process no new calls. What it has, it ends; it stays until it is stopped."""

    async def work(ask: Ask, config: Config) -> int | None:
        await ask("DrainRole", instance=instance, reason=reason)
        say(f"{instance} gets no new calls.")
        return None

    raise typer.Exit(run_with(work, first=_need_running))
