"""The contracts of every version that took part, each stored once, and what was found between two of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from autobot.kernel.commands.speech import Contracts, contracts_in, reason_against
from autobot.kernel.core.errors import WrongExpectedVersion
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Put, Transaction

TABLE: Final = "role_contracts"
UNKNOWN: Final = "its contracts are not in the store"


async def keep_contracts(store: EventStore, contracts: Contracts) -> str:
    """Store contracts unless they are there; returns their fingerprint."""
    mark = contracts.fingerprint()
    if await store.get(TABLE, mark) is None:
        put = Put(table=TABLE, key=mark, document=contracts.document(), expected=0)
        try:
            await store.commit(Transaction(writes=(put,)))
        except WrongExpectedVersion:
            # Another process of this version was first, and what it stored is the same.
            return mark
    return mark


class ContractBook:
    """Says who may call whom, by fingerprints. What was found once is kept. Used from one event loop.

    `own` is what this process speaks: it is known before it is stored.
    """

    def __init__(self, store: EventStore, own: Contracts | None = None) -> None:
        self._store = store
        self._known = {} if own is None else {own.fingerprint(): own}
        self._found: dict[tuple[str, str, frozenset[str]], str] = {}

    async def reason_against(self, caller: str, callee: str, roles: Iterable[str]) -> str:
        """Return why processes that speak `caller` must not call one that speaks `callee`, "" when they may.

        Raises what the store raises.
        """
        if caller == callee:
            return ""
        key = (caller, callee, frozenset(roles))
        found = self._found.get(key)
        if found is None:
            sent, handled = await self._contracts(caller), await self._contracts(callee)
            if sent is None or handled is None:
                return UNKNOWN
            found = self._found[key] = reason_against(sent, handled, key[2])
        return found

    async def _contracts(self, mark: str) -> Contracts | None:
        known = self._known.get(mark)
        if known is None:
            stored = await self._store.get(TABLE, mark)
            if stored is None:
                return None
            known = self._known[mark] = contracts_in(stored.document)
        return known
