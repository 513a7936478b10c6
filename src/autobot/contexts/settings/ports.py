"""What the context needs from outside: a vault for secrets; and its own stored state."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Protocol

import msgspec

from autobot.contexts.settings.domain.setting import Setting, stream_of
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Put, Query, Recorded

VALUES: Final = "settings.values"
SECRETS: Final = "settings.secrets"
_BATCH: Final = 1000


class Vault(Protocol):
    """Encrypts small secrets with the installation's key.

    Contract: as the identity context's port of this name, which the conformance suite checks. `open`
    raises DataCorrupt for what was not sealed by this key for this purpose.
    """

    def seal(self, secret: str, purpose: str) -> str:
        """Return `secret` encrypted, as text."""
        ...

    def open(self, sealed: str, purpose: str) -> str:
        """Return the secret."""
        ...


def purpose_of(key: str) -> str:
    """Return what a setting's secret is sealed for."""
    return f"settings:{key}"


def put_value(setting: Setting) -> Put:
    """Write what is stored for a setting."""
    return Put(table=VALUES, key=setting.key, document=msgspec.to_builtins(setting), sort=setting.key)


def put_secret(reference: str, key: str, sealed: str) -> Put:
    """Write a sealed secret."""
    return Put(table=SECRETS, key=reference, document={"key": key, "sealed": sealed}, expected=0)


class StoredSettings:
    """Typed reads of the context's state."""

    def __init__(self, store: EventStore, codec: EventCodec) -> None:
        self._store, self._codec = store, codec

    async def load(
        self, key: str, *, position: int | None = None, at: datetime | None = None
    ) -> tuple[Setting, int]:
        """Return a setting folded from its stream, up to a moment if one is given, and the revision read last."""
        setting, revision = Setting(key=key), -1
        for one in await self.history(key):
            late = position is not None and one.position > position
            if late or (at is not None and one.message.time > at):
                break
            setting = setting.apply(self._codec.unwrap(one), one.message.time)
            revision = one.revision
        return setting, revision

    async def history(self, key: str) -> list[Recorded]:
        """Return every fact of a setting, oldest first."""
        facts: list[Recorded] = []
        while True:
            after = facts[-1].revision if facts else -1
            batch = await self._store.read_stream(stream_of(key), after=after, limit=_BATCH)
            facts.extend(batch)
            if len(batch) < _BATCH:
                return facts

    def event_of(self, recorded: Recorded) -> Any:
        """Return the fact of a stored event."""
        return self._codec.unwrap(recorded)

    async def all(self) -> dict[str, Setting]:
        """Return what is stored, by key."""
        rows = await self._store.query(Query(table=VALUES, limit=_BATCH))
        return {row.key: msgspec.convert(row.document, Setting) for row in rows}

    async def now(self, key: str) -> Setting:
        """Return what is stored for a setting."""
        row = await self._store.get(VALUES, key)
        return msgspec.convert(row.document, Setting) if row else Setting(key=key)

    async def sealed(self, reference: str) -> str | None:
        """Return a sealed secret."""
        row = await self._store.get(SECRETS, reference)
        return str(row.document["sealed"]) if row else None
