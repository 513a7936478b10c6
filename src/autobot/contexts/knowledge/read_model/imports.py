"""Imports as those see them who asked."""

from __future__ import annotations

from autobot.contexts.knowledge.ports.imports import Imports
from autobot.contracts.knowledge import archives as contract
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import NOT_YOURS, NotFound


class ImportQueries:
    """One method a query."""

    def __init__(self, imports: Imports) -> None:
        self._imports = imports

    async def get(self, query: contract.GetImport, context: CallContext) -> contract.ImportView:
        """Return an import of the caller's; the command line sees every one."""
        found = await self._imports.get(query.id)
        if found is None:
            raise NotFound(NOT_YOURS)
        found.require(context.principal)
        return found.view()

    async def list(self, query: contract.ListImports, context: CallContext) -> contract.ImportPage:
        """Return the caller's imports, the newest first."""
        found = await self._imports.of(context.principal.user_id, query.limit)
        return contract.ImportPage(items=tuple(one.view() for one in found))
