"""The write side: each command becomes facts. What the environment sets cannot be changed here."""

from __future__ import annotations

from typing import Any

from autobot.contexts.settings.domain.definition import Definition, Given, Registry
from autobot.contexts.settings.domain.setting import Setting, effective, stream_of, view
from autobot.contexts.settings.ports import (
    SECRETS,
    StoredSettings,
    Vault,
    purpose_of,
    put_secret,
    put_value,
)
from autobot.contracts import settings
from autobot.kernel.commands.decision import Decision, Emit
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import Conflict, InvalidInput
from autobot.kernel.core.ids import IdSource
from autobot.kernel.event_store.transaction import Delete, Put

Answer = Decision[settings.SettingView]


class SettingHandlers:
    """One method a command."""

    def __init__(
        self,
        *,
        registry: Registry,
        given: Given,
        stored: StoredSettings,
        vault: Vault,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._registry, self._given, self._stored = registry, given, stored
        self._vault, self._clock, self._ids = vault, clock, ids

    async def change(self, command: settings.ChangeSetting, context: CallContext) -> Answer:
        """Store a value of the setting's type."""
        definition = self._changeable(command.key)
        if definition.secret:
            raise InvalidInput(f"{definition.title} is a secret; ChangeSecret stores it encrypted.")
        value = definition.checked(command.value)
        setting, revision = await self._stored.load(command.key)
        facts = setting.change(value, _by(context), command.reason)
        return self._decide(definition, setting, revision, facts, command.reason)

    async def change_secret(self, command: settings.ChangeSecret, context: CallContext) -> Answer:
        """Store a secret, sealed, in a row of its own; the log only names that row."""
        definition = self._changeable(command.key)
        if not definition.secret:
            raise InvalidInput(f"{definition.title} is no secret; ChangeSetting stores it.")
        definition.checked(command.value)
        setting, revision = await self._stored.load(command.key)
        reference = self._ids.new()
        sealed = put_secret(reference, command.key, self._vault.seal(command.value, purpose_of(command.key)))
        facts = setting.seal(reference, _by(context), command.reason)
        return self._decide(definition, setting, revision, facts, command.reason, sealed)

    async def reset(self, command: settings.ResetSetting, context: CallContext) -> Answer:
        """Take the stored value away."""
        definition = self._changeable(command.key)
        setting, revision = await self._stored.load(command.key)
        facts = setting.reset(_by(context), command.reason)
        return self._decide(definition, setting, revision, facts, command.reason)

    async def revert(self, command: settings.RevertSetting, context: CallContext) -> Answer:
        """Store again what was stored at a position."""
        definition = self._changeable(command.key)
        before, _ = await self._stored.load(command.key, position=command.position)
        setting, revision = await self._stored.load(command.key)
        reason = command.reason or f"back to position {command.position}"
        facts = setting.revert(definition, before, _by(context), reason)
        return self._decide(definition, setting, revision, facts, reason)

    def _changeable(self, key: str) -> Definition:
        definition = self._registry.get(key)
        if key in self._given.environment:
            raise Conflict(
                f"{definition.title} is set by {definition.variable}.",
                hint=f"Change {definition.variable} in the environment, or take it away and start again.",
            )
        return definition

    def _decide(
        self,
        definition: Definition,
        setting: Setting,
        revision: int,
        facts: tuple[Any, ...],
        reason: str,
        *extra: Put,
    ) -> Answer:
        after, now = setting, self._clock.now()
        for fact in facts:
            after = after.apply(fact, now)
        answer = view(definition, after, effective(definition, after, self._given), False)
        if not facts:
            return Decision(answer=answer, object=definition.key, reason=reason)
        writes: list[Put | Delete] = [put_value(after), *extra]
        if setting.reference is not None and setting.reference != after.reference:
            writes.append(Delete(table=SECRETS, key=setting.reference))
        emit = Emit(stream=stream_of(definition.key), expected=revision, events=facts)
        return Decision(
            answer=answer, emits=(emit,), writes=tuple(writes), object=definition.key, reason=reason
        )


def _by(context: CallContext) -> str:
    return context.principal.username or context.principal.id
