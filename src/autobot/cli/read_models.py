"""`autobot read-models …`: stored read models, and what is done to them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer

from autobot.cli.console import Ask, run_with
from autobot.cli.output import Exit, say, show_json, table
from autobot.config import Config

read_models = typer.Typer(help="Read models: their state, and building them anew.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Argument(help="The read model, as `list` prints it.")]
Reason = Annotated[str, typer.Option(help="Why; it stands in the log and the audit.")]
COLUMNS: Final = ["name", "version", "state", "position", "lag", "skipped", "candidate", "kept", "reason"]
LOOK_EVERY_S: Final = 0.2
OPEN: Final = ("accepted", "running")


@read_models.command("list")
def show_list(as_json: Json = False) -> None:
    """Print every read model with its position, lag, candidate and what is kept for a rollback."""

    async def work(ask: Ask, config: Config) -> int | None:
        found = await ask("ListReadModels")
        if as_json:
            show_json(found)
        else:
            table([_row(one) for one in found["items"]], COLUMNS)
        return None

    raise typer.Exit(run_with(work))


def _row(one: Mapping[str, Any]) -> dict[str, Any]:
    beside = one["beside"] or {}
    number = beside.get("candidate")
    built = "whole" if beside.get("ready") else f"at {beside.get('candidate_position')}"
    return {
        **one,
        "candidate": "-" if number is None else f"{number}, {built}",
        "kept": "-" if beside.get("previous") is None else beside["previous"],
        "reason": one["reason"] or beside.get("refused") or "-",
    }


async def _change(ask: Ask, name: str, act: str, reason: str, as_json: bool) -> int | None:
    change = await ask("ChangeReadModel", name=name, act=act, reason=reason)
    while change["status"] in OPEN:
        await asyncio.sleep(LOOK_EVERY_S)
        change = await ask("GetReadModelChange", id=change["id"])
    done = change["status"] == "completed"
    parity = await _parity(ask, name) if act == "parity" and done else None
    if as_json:
        show_json(change | ({"parity": parity} if parity else {}))
    else:
        say(f"{act.replace('_', ' ')} of {name}: {change['status']}.")
        if change["error"]:
            say(change["error"]["detail"])
        if parity:
            table(
                parity["tables"],
                ["table", "equal", "documents", "candidate_documents", "hash", "candidate_hash"],
            )
    return None if done and (parity is None or parity["equal"]) else Exit.UNSOUND


async def _parity(ask: Ask, name: str) -> Mapping[str, Any] | None:
    found = await ask("ListReadModels")
    beside = next(one["beside"] for one in found["items"] if one["name"] == name)
    parity: Mapping[str, Any] | None = beside["parity"]
    return parity


@read_models.command("rebuild")
def rebuild(name: Name, reason: Reason = "", as_json: Json = False) -> None:
    """Build a candidate from the log, beside the tables in force."""
    _run(name, "rebuild", reason, as_json)


@read_models.command("parity")
def parity(name: Name, reason: Reason = "", as_json: Json = False) -> None:
    """Compare the candidate with the tables in force; exit code 7 when they differ."""
    _run(name, "parity", reason, as_json)


@read_models.command("switch")
def switch(name: Name, reason: Reason = "", as_json: Json = False) -> None:
    """Put the candidate in force, and keep what was for a rollback."""
    _run(name, "switch", reason, as_json)


@read_models.command("rollback")
def rollback(name: Name, reason: Reason = "", as_json: Json = False) -> None:
    """Go back to what the last switch kept."""
    _run(name, "rollback", reason, as_json)


@read_models.command("discard")
def discard(
    name: Name,
    kept: Annotated[
        bool, typer.Option("--kept", help="What the last switch kept, not the candidate.")
    ] = False,
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Remove the candidate, or what the last switch kept."""
    _run(name, "discard_kept" if kept else "discard", reason, as_json)


def _run(name: str, act: str, reason: str, as_json: bool) -> None:
    async def work(ask: Ask, config: Config) -> int | None:
        return await _change(ask, name, act, reason, as_json)

    raise typer.Exit(run_with(work))
