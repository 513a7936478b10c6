"""Slash commands: questions to AutoBot itself, asked with the caller's own rights, answered in Markdown."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from autobot.contracts import settings, system
from autobot.contracts.runs import ModelChoice
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import AutoBotError

EVENTS_SHOWN: Final = 15

Ask = Callable[[Any, CallContext], Awaitable[Any]]
"""Asks a query of the published language, with the caller's context."""

ListModels = Callable[[CallContext], Awaitable[Sequence[ModelChoice]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A slash command: how it is written, what it does, and its work (argument, context → Markdown)."""

    usage: str
    summary: str
    run: Callable[[str, CallContext], Awaitable[str]]


Commands = Mapping[str, Command]


def is_command(text: str) -> bool:
    """Say whether a message is a slash command."""
    return text.lstrip().startswith("/")


async def run(text: str, commands: Commands, context: CallContext) -> str:
    """Run a slash command and return Markdown. A refusal or failure is told with its next step."""
    name, _, argument = text.strip().partition(" ")
    command = commands.get(name.lower())
    if command is None:
        return f"There is no command `{_cell(name[:40])}`.\n\n{help_text(commands)}"
    try:
        return await command.run(argument.strip(), context)
    except AutoBotError as error:
        hint = f" {error.hint}" if error.hint else ""
        return f"`{name.lower()}` did not work: {error.detail}{hint}"


def help_text(commands: Commands) -> str:
    """Return the list of commands."""
    rows = [(f"`{one.usage}`", one.summary) for one in commands.values()]
    return table(("Command", "What it does"), rows)


def standard_commands(ask: Ask, list_models: ListModels) -> Commands:
    """Return `/help`, `/status`, `/links`, `/models`, `/settings` and `/events`."""
    commands: dict[str, Command] = {}

    async def show_help(_: str, __: CallContext) -> str:
        return help_text(commands)

    async def show_status(_: str, context: CallContext) -> str:
        status = await ask(system.GetStatus(), context)
        return status_text(status, await ask(system.GetHealth(), context))

    async def show_links(argument: str, context: CallContext) -> str:
        return links_text(_items(await ask(system.ListLinks(), context)), argument)

    async def show_models(_: str, context: CallContext) -> str:
        return models_text(await list_models(context))

    async def show_settings(argument: str, context: CallContext) -> str:
        if argument and "." in argument:
            return setting_text(await ask(settings.GetSetting(key=argument), context))
        page = await ask(settings.ListSettings(search=argument), context)
        return settings_text(page.items)

    async def show_events(argument: str, context: CallContext) -> str:
        query = system.ListEvents(type=argument, limit=EVENTS_SHOWN)
        return events_text(_items(await ask(query, context)))

    commands.update(
        {
            "/help": Command(usage="/help", summary="This list.", run=show_help),
            "/status": Command(usage="/status", summary="How AutoBot is.", run=show_status),
            "/links": Command(usage="/links [WORD]", summary="The hops and their breakers.", run=show_links),
            "/models": Command(usage="/models", summary="The models and their state.", run=show_models),
            "/settings": Command(
                usage="/settings [KEY or WORD]", summary="Settings, or one of them.", run=show_settings
            ),
            "/events": Command(usage="/events [TYPE]", summary="The newest events.", run=show_events),
        }
    )
    return commands


# ----------------------------------------------------------------------------------------------- rendering


def _items(answer: Any) -> Sequence[Mapping[str, Any]]:
    found = getattr(answer, "items", answer)
    return () if callable(found) else tuple(found)


def _cell(value: Any) -> str:
    """Return a value as text that cannot break out of its table cell."""
    if value is None or value == "":
        return "–"
    if isinstance(value, float):
        value = f"{value:.1f}"
    return str(value).replace("\\", "\\\\").replace("|", "\\|").replace("\r", " ").replace("\n", " ")


def table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """Return a Markdown table."""
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in rows]
    return "\n".join(lines)


def status_text(status: Mapping[str, Any], health: system.Health) -> str:
    """Return counts, and what each dependency said last."""
    rows: list[tuple[str, Any]] = []
    for name, value in status.items():
        if isinstance(value, Mapping):
            value = ", ".join(f"{count} {word}" for word, count in value.items())
        elif isinstance(value, Sequence) and not isinstance(value, str):
            value = "; ".join(_follower(one) for one in value) or None
        rows.append((name.replace("_", " "), value))
    checks = [(one.name, one.state, one.detail, one.checked_at) for one in health.checks]
    parts = [f"Health: **{health.status}**", table(("What", "Now"), rows)]
    if checks:
        parts.append(table(("Dependency", "State", "Detail", "Asked at"), checks))
    return "\n\n".join(parts)


def _follower(one: Mapping[str, Any]) -> str:
    """Return what follows the log, a consumer or a read model, in words."""
    name = one.get("group") or one.get("name")
    reason = f" ({one['reason']})" if one.get("reason") else ""
    return f"{name} {one.get('state')}{reason}, {one.get('lag')} behind"


def links_text(links: Sequence[Mapping[str, Any]], word: str = "") -> str:
    """Return the rows of the matrix, those with `word` in their name."""
    rows = []
    for one in links:
        if word.lower() in str(one["id"]):
            states = sorted({str(target["breaker_state"]) for target in one["targets"]})
            rows.append(
                (one["id"], one["state"], ", ".join(states), one["calls"], one["failures"], one.get("p95_ms"))
            )
    if not rows:
        return f"No link has `{_cell(word[:40])}` in its name."
    return table(("Link", "State", "Breaker", "Calls", "Failures", "p95 ms"), rows)


def models_text(models: Sequence[ModelChoice]) -> str:
    """Return the models with their state."""
    rows = [
        (one.id + (" (default)" if one.default else ""), one.state, one.window, one.detail) for one in models
    ]
    return table(("Model", "State", "Window", "Detail"), rows)


def settings_text(found: Sequence[settings.SettingView]) -> str:
    """Return settings with value and source."""
    if not found:
        return "No setting has that word."
    return table(("Setting", "Value", "From"), [(one.key, one.value, one.source) for one in found])


def setting_text(one: settings.SettingView) -> str:
    """Return one setting."""
    rows = [
        ("Value", one.value),
        ("Comes from", one.source if one.locked_by is None else f"environment, {one.locked_by}"),
        ("Default", one.default),
        ("Changed", f"{one.updated_at} by {one.updated_by}" if one.updated_at else None),
    ]
    return f"**{one.title}** (`{one.key}`): {one.description}\n\n{table(('', ''), rows)}"


def events_text(events: Sequence[Mapping[str, Any]]) -> str:
    """Return events, newest first."""
    if not events:
        return "No event of that type."
    rows = [
        (one["position"], one["time"], one["type"], one["stream"], one["correlationid"]) for one in events
    ]
    return table(("Position", "Time", "Type", "Stream", "Correlation id"), rows)
