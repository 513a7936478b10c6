"""The read side: lists, history, and the values that the rest of the product goes by."""

from __future__ import annotations

from typing import Any, Final

from autobot.contexts.settings.domain.definition import Given, Registry
from autobot.contexts.settings.domain.setting import Setting, effective, matches, stream_of, view
from autobot.contexts.settings.ports import StoredSettings, Vault, purpose_of
from autobot.contracts import settings
from autobot.kernel.core.clock import rfc3339
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.cursor import decode_cursor, encode_cursor
from autobot.kernel.core.errors import FieldError, InvalidInput
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.past import latest
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.projection import Projection
from autobot.kernel.event_store.transaction import Filter, Recorded

_FACTS: Final = Filter(types=("autobot.settings.*",))
_NOTHING_GIVEN: Final = Given(file={}, environment={})


class SettingQueries:
    """One method a query."""

    def __init__(self, registry: Registry, given: Given, stored: StoredSettings) -> None:
        self._registry, self._given, self._stored = registry, given, stored

    async def all(self, query: settings.ListSettings, context: CallContext) -> settings.SettingPage:
        """Every setting that matches."""
        stored = await self._stored.all()
        return settings.SettingPage(
            items=tuple(
                self._view(one.key, stored.get(one.key, Setting(key=one.key)), self._given)
                for one in self._registry
                if matches(one, query.search)
            )
        )

    async def one(self, query: settings.GetSetting, context: CallContext) -> settings.SettingView:
        """One setting, now or as it was stored."""
        definition = self._registry.get(query.key)
        if query.position is None and query.at is None:
            return self._view(query.key, await self._stored.now(query.key), self._given)
        if query.position is not None and query.at is not None:
            raise InvalidInput("Ask for a time or for a position, not for both.")
        if query.at is not None and query.at.tzinfo is None:
            wrong = FieldError(detail="needs a time zone", pointer="#/at")
            raise InvalidInput("The time needs a time zone.", errors=(wrong,))
        then, _ = await self._stored.load(definition.key, position=query.position, at=query.at)
        return self._view(query.key, then, _NOTHING_GIVEN)

    def _view(self, key: str, stored: Setting, given: Given) -> settings.SettingView:
        definition = self._registry.get(key)
        return view(definition, stored, effective(definition, stored, given), key in given.environment)

    async def history(self, query: settings.ListSettingHistory, context: CallContext) -> settings.HistoryPage:
        """Changes, newest first."""
        secret = self._registry.get(query.key).secret
        place = decode_cursor(query.cursor, 1)
        if place and not place[0].isdecimal():
            raise InvalidInput("This cursor was not made by this list.")
        before = int(place[0]) if place else None
        facts = [
            one
            for one in reversed(await self._stored.history(query.key))
            if before is None or one.position < before
        ]
        items = tuple(self._entry(one, secret) for one in facts[: query.limit])
        more = len(facts) > query.limit
        return settings.HistoryPage(
            items=items, next_cursor=encode_cursor(str(items[-1].position)) if more else None
        )

    def _entry(self, recorded: Recorded, secret: bool) -> settings.HistoryEntry:
        event = self._stored.event_of(recorded)
        value = event.value if isinstance(event, settings.SettingChanged) else None
        if secret and isinstance(event, settings.SettingChanged):
            value = settings.MASK
        return settings.HistoryEntry(
            position=recorded.position,
            at=rfc3339(recorded.message.time),
            by=getattr(event, "by", ""),
            value=value,
            reason=getattr(event, "reason", ""),
        )


class SettingsReader:
    """The values that count, for the rest of the product: always those of the newest commit.

    Values are kept in memory with the log position they were read at; when the log moved, they are read
    again if a setting's fact is among what came.
    """

    def __init__(
        self, registry: Registry, given: Given, stored: StoredSettings, store: EventStore, vault: Vault
    ) -> None:
        self._registry, self._given, self._stored = registry, given, stored
        self._store, self._vault = store, vault
        self._values: dict[str, Any] = {}
        self._seen = -1

    async def current(self, key: str) -> Any:
        """Return the value that counts now, a secret in clear; None when it is not set.

        Raises NotFound for an unknown key, DataCorrupt for a secret that this installation's key file
        does not open. Never show a secret.
        """
        head = await self._store.head()
        if head != self._seen:
            await self._catch_up(head)
        if key not in self._values:
            seen, value = self._seen, await self._read(key)
            if seen != self._seen:
                return value
            self._values[key] = value
        return self._values[key]

    async def _catch_up(self, head: int) -> None:
        changed = self._values and await self._store.read_all(after=self._seen, limit=1, where=_FACTS)
        if changed or self._seen < 0:
            self._values = {}
        self._seen = max(self._seen, head)

    async def _read(self, key: str) -> Any:
        definition = self._registry.get(key)
        now = effective(definition, await self._stored.now(key), self._given)
        if now.reference is None:
            return now.value
        sealed = await self._stored.sealed(now.reference)
        return self._vault.open(sealed, purpose_of(key)) if sealed else None


def settings_then(codec: EventCodec) -> Projection:
    """Return the read model. A secret's document says that it is set, as its fact does: facts hold no secret."""
    return latest("settings", _FACTS.types, codec.unwrap, prefix=stream_of(""), change=_then)


def _then(before: dict[str, Any], event: Any) -> dict[str, Any] | None:
    match event:
        case settings.SettingChanged(reference=None):
            return {"value": event.value, "by": event.by, "reason": event.reason}
        case settings.SettingChanged():
            return {"value": settings.MASK, "by": event.by, "reason": event.reason}
        case settings.SettingReset():
            return None
    return before
