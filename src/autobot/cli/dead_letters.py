"""`autobot dead-letters …`: what consumers could not handle, and what to do with it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from autobot.cli.console import Ask, run_with
from autobot.cli.output import Exit, complain, say, show_json, table
from autobot.config import Config

dead_letters = typer.Typer(help="Events that a consumer could not handle.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Group = Annotated[str, typer.Option(help="Only this consumer group.")]
Type = Annotated[str, typer.Option("--type", help="Only this event type.")]
Cause = Annotated[str, typer.Option(help="Only this cause: a fingerprint as `groups` prints it.")]
Key = Annotated[str, typer.Option(help="Only this partition key.")]
Since = Annotated[str | None, typer.Option(help="Failed last at or after this RFC 3339 time.")]
Until = Annotated[str | None, typer.Option(help="Failed last at or before this RFC 3339 time.")]
Letter = Annotated[str, typer.Argument(help="Its id, as `list` prints it.")]
COLUMNS: Final = ["id", "type", "key", "attempts", "reason", "last_failed", "age"]
LOOK_EVERY_S: Final = 0.5
OVER: Final = ("completed", "stopped", "halted", "failed", "interrupted")


def _selection(group: str, kind: str, cause: str, key: str, since: str | None, until: str | None) -> Any:
    given = {"group": group, "type": kind, "fingerprint": cause, "key": key, "since": since, "until": until}
    return {name: value for name, value in given.items() if value}


@dead_letters.command("list")
def show_list(
    group: Group = "",
    kind: Type = "",
    cause: Cause = "",
    key: Key = "",
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many.")] = 50,
    cursor: Annotated[str | None, typer.Option(help="Where the list before ended.")] = None,
    as_json: Json = False,
) -> None:
    """Print dead letters in log order."""

    async def work(ask: Ask, config: Config) -> int | None:
        selection = _selection(group, kind, cause, key, since, until)
        page = await ask("ListDeadLetters", selection=selection, limit=limit, cursor=cursor)
        if as_json:
            show_json(page)
        elif page["items"]:
            table(page["items"], COLUMNS)
        else:
            say("No dead letters.")
        if page["next_cursor"] and not as_json:
            say(f"There are more: --cursor {page['next_cursor']}")
        return None

    raise typer.Exit(run_with(work))


@dead_letters.command("groups")
def show_groups(group: Group = "", as_json: Json = False) -> None:
    """Print what causes dead letters, the most frequent first."""

    async def work(ask: Ask, config: Config) -> int | None:
        page = await ask("ListCauses", selection=_selection(group, "", "", "", None, None))
        if as_json:
            show_json(page)
        elif page["items"]:
            table(
                page["items"], ["count", "group", "fingerprint", "error", "reason", "last_failed", "example"]
            )
        else:
            say("No dead letters.")
        return None

    raise typer.Exit(run_with(work))


@dead_letters.command("show")
def show_one(letter: Letter, as_json: Json = False) -> None:
    """Print one dead letter with its event, its stack and what waits behind it."""

    async def work(ask: Ask, config: Config) -> int | None:
        view = await ask("GetDeadLetter", id=letter)
        if as_json:
            show_json(view)
            return None
        for name, value in (view["letter"] | {"waiting_behind": view["waiting_behind"]}).items():
            say(f"{name:>14}  {value}")
        for place in view["stack"]:
            say(f"{'at':>14}  {place}")
        show_json(view["event"])
        return None

    raise typer.Exit(run_with(work))


@dead_letters.command("replay")
def replay(
    letter: Annotated[str | None, typer.Argument(help="One id; else say which by options.")] = None,
    group: Group = "",
    kind: Type = "",
    cause: Cause = "",
    key: Key = "",
    since: Since = None,
    until: Until = None,
    per_second: Annotated[float, typer.Option(min=0.01, max=1000, help="How many a second.")] = 10.0,
    stop_at_percent: Annotated[
        int, typer.Option(min=1, max=100, help="Leave the rest when more than this part fails again.")
    ] = 50,
    dry_run: Annotated[bool, typer.Option(help="Only print what would be replayed.")] = False,
    as_json: Json = False,
) -> None:
    """Deliver one again, or all that the options name; exit code 7 when some failed again or were left."""
    selection = _selection(group, kind, cause, key, since, until)
    if (letter is None) == (not selection):
        complain("Name one dead letter, or say which by options, not both.", "autobot dead-letters list")
        raise typer.Exit(Exit.USAGE)

    async def work(ask: Ask, config: Config) -> int | None:
        if letter is not None:
            _told(await ask("ReplayDeadLetter", id=letter), as_json)
            return None
        if dry_run:
            preview = await ask("PreviewReplay", selection=selection)
            if as_json:
                show_json(preview)
            else:
                say(f"{preview['count']} dead letter(s) would be replayed.")
                table(preview["items"], COLUMNS)
            return None
        asked = await ask(
            "RequestReplay", selection=selection, per_second=per_second, stop_at_percent=stop_at_percent
        )
        return await _followed(ask, asked, as_json)

    raise typer.Exit(run_with(work))


async def _followed(ask: Ask, replay: Mapping[str, Any], as_json: bool) -> int | None:
    """Wait for a replay's end and print it."""
    while replay["status"] not in OVER:
        await asyncio.sleep(LOOK_EVERY_S)
        replay = await ask("GetReplay", id=replay["id"])
    tally = replay["tally"]
    if as_json:
        show_json(replay)
    else:
        say(f"The replay {replay['id']} is {replay['status']}.")
        say(", ".join(f"{count} {name}" for name, count in tally.items()))
    whole = replay["status"] == "completed" and not (tally["failed"] or tally["open"])
    return None if whole else Exit.UNSOUND


def _told(decided: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        show_json(decided)
    else:
        say(f"{decided['id']} is {decided['decision']}.")


@dead_letters.command("edit")
def edit(
    letter: Letter,
    data: Annotated[Path, typer.Option(help="A file with the whole data of the event as JSON.")],
    reason: Annotated[str, typer.Option(help="Why.")],
    as_json: Json = False,
) -> None:
    """Give the group a copy with other data in its place."""
    try:
        given = json.loads(data.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        complain(f"{data} holds no JSON that can be read: {error}")
        raise typer.Exit(Exit.USAGE) from error

    async def work(ask: Ask, config: Config) -> int | None:
        _told(await ask("EditDeadLetter", id=letter, data=given, reason=reason), as_json)
        return None

    raise typer.Exit(run_with(work))


@dead_letters.command("discard")
def discard(
    letter: Letter,
    reason: Annotated[str, typer.Option(help="Why; it stays in the log and the audit.")],
    as_json: Json = False,
) -> None:
    """Give one up; those behind it go on."""

    async def work(ask: Ask, config: Config) -> int | None:
        _told(await ask("DiscardDeadLetter", id=letter, reason=reason), as_json)
        return None

    raise typer.Exit(run_with(work))
