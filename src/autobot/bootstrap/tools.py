"""The tools that agents of this process may use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autobot.bootstrap.guide import search_guide
from autobot.contexts.agents.tools import ToolBox, standard_tools
from autobot.contracts import settings
from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext


def toolbox(backend: Dispatcher, clock: Clock, allowed: Callable[[Any, str], bool]) -> ToolBox:
    """Return them: each use is allowed by the rights of the person for whom the agent works."""

    async def read_setting(key: str, context: CallContext) -> Any:
        return await backend.ask(settings.GetSetting(key=key), context)

    def permitted(context: CallContext, action: str) -> bool:
        return allowed(context.principal, action)

    return ToolBox(standard_tools(clock, read_setting, search_guide), permitted)
