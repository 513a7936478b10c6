"""A collection: a place for documents with an owner, and who may read and write there. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from autobot.contracts.knowledge import collections as contract
from autobot.contracts.knowledge.words import Everybody
from autobot.kernel.core.clock import rfc3339
from autobot.kernel.core.context import Principal
from autobot.kernel.core.errors import NOT_YOURS, Forbidden, NotFound

OWN: Final = "own-"
"""How the id of the collection begins that somebody's documents go to when no other is named."""
OWN_NAME: Final = "My documents"


def own_of(user_id: str) -> str:
    """Return the id of a user's own collection."""
    return f"{OWN}{user_id}"[:64]


def stream_of(collection_id: str) -> str:
    """Return the stream of a collection."""
    return f"collection-{collection_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """State of one. Without a time of making it was never made; without an owner its owner is gone."""

    id: str
    name: str = ""
    owner: str = ""
    readers: tuple[str, ...] = ()
    writers: tuple[str, ...] = ()
    everybody: Everybody = "none"
    created_at: datetime | None = None

    @classmethod
    def own(cls, user_id: str, now: datetime) -> Collection:
        """Return the collection that a user has from the first document on."""
        return cls(id=own_of(user_id), name=OWN_NAME, owner=user_id, created_at=now)

    @property
    def exists(self) -> bool:
        """Whether it was made."""
        return self.created_at is not None

    @property
    def created(self) -> str:
        """When it was made, RFC 3339."""
        return rfc3339(self.created_at) if self.created_at else ""

    # --------------------------------------------------------------------------------------------- who may

    def readable(self, who: Principal) -> bool:
        """Say whether `who` may read what is in it. Parts of the product itself may."""
        named = who.user_id in (self.owner, *self.readers, *self.writers)
        return who.role == "service" or (bool(who.user_id) and named) or self.everybody != "none"

    def writable(self, who: Principal) -> bool:
        """Say whether `who` may add and remove documents."""
        named = who.user_id in (self.owner, *self.writers)
        return who.role == "service" or (bool(who.user_id) and named) or self.everybody == "write"

    def managed(self, who: Principal) -> bool:
        """Say whether `who` may change name and permissions: its owner, or an administrator when it has none."""
        return (bool(who.user_id) and who.user_id == self.owner) or (not self.owner and who.role == "admin")

    def require_readable(self, who: Principal) -> None:
        """Raise NotFound unless `who` may read it: whether it exists is not told."""
        if not self.exists or not (self.readable(who) or self.managed(who)):
            raise NotFound(NOT_YOURS)

    def require_writable(self, who: Principal) -> None:
        """Raise NotFound for one that `who` may not even read, Forbidden for one to read only."""
        self.require_readable(who)
        if not self.writable(who):
            raise Forbidden(f"You may read the collection {self.name}, not change what is in it.")

    def require_managed(self, who: Principal) -> None:
        """Raise NotFound or Forbidden unless `who` may change what it is."""
        self.require_readable(who)
        if not self.managed(who):
            raise Forbidden(f"Only its owner may change the collection {self.name}.")

    # ---------------------------------------------------------------------------------------------- deciding

    def create(self) -> tuple[Any, ...]:
        """The fact that it was made."""
        return (contract.CollectionCreated(**self._said()),)

    def change(self, wish: contract.ChangeCollection) -> Collection:
        """Return it as it is wished for: what is not given stays."""
        given = {
            name: value
            for name in ("name", "readers", "writers", "everybody", "owner")
            if (value := getattr(wish, name)) is not None
        }
        return replace(self, **given)

    def without_owner(self) -> Collection:
        """Return it without the owner who is gone."""
        return replace(self, owner="")

    def changed(self, before: Collection) -> tuple[Any, ...]:
        """The fact that it is this now; none when nothing changed."""
        return () if self == before else (contract.CollectionChanged(**self._said()),)

    def _said(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "owner": self.owner,
            "readers": self.readers,
            "writers": self.writers,
            "everybody": self.everybody,
        }
