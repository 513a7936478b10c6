"""The bus as its callers see it: an edge, another context, a saga, the command line."""

from __future__ import annotations

from typing import Any, Protocol

from autobot.kernel.commands.decision import Answer
from autobot.kernel.core.context import CallContext


class Dispatcher(Protocol):
    """Takes commands and queries of the published language.

    Contract: as `Bus`, whichever transport lies between; errors are of the tree.
    """

    async def dispatch(self, command: Any, context: CallContext, *, key: str | None = None) -> Answer[Any]:
        """Run a command under its idempotency key."""
        ...

    async def ask(self, query: Any, context: CallContext) -> Any:
        """Answer a query."""
        ...
