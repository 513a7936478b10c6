"""The stored side of one setting, folded from its stream, and how sources are laid over one another. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from autobot.contexts.settings.domain.definition import Definition, Given
from autobot.contracts import settings
from autobot.kernel.core.clock import rfc3339
from autobot.kernel.core.errors import Conflict


def stream_of(key: str) -> str:
    """Return the stream of a setting."""
    return f"settings-{key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is stored for a setting. `stored` false: nothing, file or default count.

    `reference` names the sealed row of a secret.
    """

    key: str
    stored: bool = False
    value: Any = None
    reference: str | None = None
    updated_at: datetime | None = None
    updated_by: str | None = None

    def apply(self, event: Any, time: datetime) -> Setting:
        """Return the state after one fact. Unknown and erased facts change nothing."""
        match event:
            case settings.SettingChanged():
                return replace(
                    self,
                    stored=True,
                    value=event.value,
                    reference=event.reference,
                    updated_at=time,
                    updated_by=event.by,
                )
            case settings.SettingReset():
                return Setting(key=self.key, updated_at=time, updated_by=event.by)
        return self

    # ----------------------------------------------------------------------------------------- deciding

    def change(self, value: Any, by: str, reason: str) -> tuple[Any, ...]:
        """Store a checked value. The same value again is no fact."""
        if self.stored and self.reference is None and self.value == value:
            return ()
        return (settings.SettingChanged(key=self.key, value=value, by=by, reason=reason),)

    def seal(self, reference: str, by: str, reason: str) -> tuple[Any, ...]:
        """Store a secret."""
        return (settings.SettingChanged(key=self.key, value=None, by=by, reason=reason, reference=reference),)

    def reset(self, by: str, reason: str) -> tuple[Any, ...]:
        """Take the stored value away. Nothing stored is no fact."""
        return (settings.SettingReset(key=self.key, by=by, reason=reason),) if self.stored else ()

    def revert(self, definition: Definition, before: Setting, by: str, reason: str) -> tuple[Any, ...]:
        """Store what `before` had stored. Raises Conflict for a secret that is not kept any more."""
        if not before.stored:
            return self.reset(by, reason)
        if before.reference is not None:
            if before.reference == self.reference:
                return ()
            raise Conflict(
                "An earlier secret is not kept; it cannot be brought back.", hint="Enter it again."
            )
        return self.change(definition.checked(before.value), by, reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effective:
    """The value that counts and where it comes from. A stored secret has its `reference` in place of a value."""

    value: Any
    source: settings.Source
    reference: str | None = None


def effective(definition: Definition, stored: Setting, given: Given) -> Effective:
    """Lay the sources over one another: default < file < stored < environment."""
    key = definition.key
    if key in given.environment:
        return Effective(value=given.environment[key], source="environment")
    if stored.stored:
        return Effective(value=stored.value, source="stored", reference=stored.reference)
    if key in given.file:
        return Effective(value=given.file[key], source="file")
    return Effective(value=definition.default, source="default")


def view(definition: Definition, stored: Setting, now: Effective, locked: bool) -> settings.SettingView:
    """Return the setting as people see it; a secret only as set or not."""
    value = now.value
    if definition.secret:
        value = settings.MASK if now.source != "default" else None
    return settings.SettingView(
        key=definition.key,
        title=definition.title,
        description=definition.description,
        group=definition.group,
        type=definition.type,
        value=value,
        default=definition.default,
        source=now.source,
        choices=definition.choices,
        minimum=definition.minimum,
        maximum=definition.maximum,
        locked_by=definition.variable if locked else None,
        restart=definition.restart,
        secret=definition.secret,
        updated_at=rfc3339(stored.updated_at) if stored.updated_at else None,
        updated_by=stored.updated_by,
    )


def matches(definition: Definition, search: str) -> bool:
    """Say whether all words of `search` occur in what people read of the setting."""
    text = f"{definition.key} {definition.title} {definition.group} {definition.description}".casefold()
    return all(word in text for word in search.casefold().split())
