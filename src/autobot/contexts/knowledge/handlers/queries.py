"""Commands on the log of queries."""

from __future__ import annotations

from typing import Final

from autobot.contexts.knowledge.ports.queries import QUERIES, Queries
from autobot.contracts.knowledge import queries as contract
from autobot.kernel.commands.decision import Decision
from autobot.kernel.core.context import CallContext
from autobot.kernel.event_store.transaction import Delete

AT_ONCE: Final = 1_000


class QueryHandlers:
    """One method a command."""

    def __init__(self, queries: Queries) -> None:
        self._queries = queries

    async def forget(
        self, command: contract.ForgetQueries, context: CallContext
    ) -> Decision[contract.QueriesForgotten]:
        """Take one's own out."""
        who = context.principal.user_id
        going = await self._queries.ids_of(who, AT_ONCE)
        return Decision(
            answer=contract.QueriesForgotten(forgotten=len(going), more=len(going) == AT_ONCE),
            writes=tuple(Delete(table=QUERIES, key=one) for one in going),
            object=who,
        )
