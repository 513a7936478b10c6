"""The only door of the settings context."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from autobot.contexts.settings.domain.definition import Definition, Registry, addresses_in, read_given
from autobot.contexts.settings.domain.registry import DEFINITIONS
from autobot.contexts.settings.handlers import SettingHandlers
from autobot.contexts.settings.ports import StoredSettings, Vault
from autobot.contexts.settings.read_model import SettingQueries, SettingsReader
from autobot.contracts import settings
from autobot.kernel.commands.authorize import Rule, Verdict
from autobot.kernel.commands.decision import CommandSpec, Decision, Module, QuerySpec
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.ids import IdSource
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.ports import EventStore

__all__ = ["RULES", "Definition", "Settings", "addresses_in", "build", "nothing"]

RULES: Final = (
    Rule(action="settings:read", admin=Verdict.ALLOW, operator=Verdict.ALLOW),
    Rule(action="settings:write", admin=Verdict.ALLOW),
)


Apply = Callable[[], Awaitable[None]]


async def nothing() -> None:
    """Apply nothing: the default where no part works by settings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The context: its module, and the values for the rest of the product."""

    module: Module
    reader: SettingsReader


def build(
    *,
    store: EventStore,
    codec: EventCodec,
    clock: Clock,
    ids: IdSource,
    vault: Vault,
    file: Mapping[str, Any],
    environment: Mapping[str, str],
    definitions: Iterable[Definition] = DEFINITIONS,
    apply: Apply = nothing,
) -> Settings:
    """Return the context. `file` and `environment` hold given values by name without prefix (`OLLAMA_URL`);
    `apply` puts a change in force in this process before the caller hears that it is made.

    Raises ConfigurationError for a given value that its setting refuses. The codec must know
    `contracts.settings.EVENTS`.
    """
    registry = Registry(definitions)
    given = read_given(registry, file, environment)
    stored = StoredSettings(store, codec)
    handlers = SettingHandlers(
        registry=registry, given=given, stored=stored, vault=vault, clock=clock, ids=ids
    )
    queries = SettingQueries(registry, given, stored)
    module = Module(
        name="settings",
        commands=_commands(handlers, apply),
        queries=(
            QuerySpec(query=settings.ListSettings, action="settings:read", handler=queries.all),
            QuerySpec(query=settings.GetSetting, action="settings:read", handler=queries.one),
            QuerySpec(query=settings.ListSettingHistory, action="settings:read", handler=queries.history),
        ),
        events=settings.EVENTS,
        rules=RULES,
    )
    return Settings(module=module, reader=SettingsReader(registry, given, stored, store, vault))


def _commands(handlers: SettingHandlers, apply: Apply) -> tuple[CommandSpec, ...]:
    write, answer = "settings:write", settings.SettingView

    async def then(decision: Decision[Any]) -> None:
        await apply()

    return (
        CommandSpec(
            command=settings.ChangeSetting, action=write, handler=handlers.change, answer=answer, then=then
        ),
        CommandSpec(
            command=settings.ChangeSecret,
            action=write,
            handler=handlers.change_secret,
            answer=answer,
            secret=frozenset({"value"}),
            then=then,
        ),
        CommandSpec(
            command=settings.ResetSetting, action=write, handler=handlers.reset, answer=answer, then=then
        ),
        CommandSpec(
            command=settings.RevertSetting, action=write, handler=handlers.revert, answer=answer, then=then
        ),
    )
