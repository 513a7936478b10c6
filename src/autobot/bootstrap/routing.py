"""Which row leads to which context from this process."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from autobot.bootstrap.placing import AI_CONTEXTS, Placement
from autobot.contexts.agents.facade import EMBED
from autobot.contexts.agents.ranking import RERANK
from autobot.kernel.commands.decision import Module
from autobot.kernel.commands.linked import REPORT, LinkedBus, RoutedBus
from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.links.registry import LinkRegistry

REPORTS = "gateway-reports"
MODELS = "backend-models"
OF_DOCUMENTS: Final = (EMBED.name, RERANK.name)
"""The operations of the model facade that documents need, by that row."""
AWAY = {"gateway": ("gateway-backend", "gateway-ai"), "ai": ("ai-backend", None), "backend": (None, None)}
"""By role: the rows to the contexts of backend and of ai. None: they run here, or are not asked from there."""


def routed(
    registry: LinkRegistry, placement: Placement, modules: Sequence[Module], services: LinkedBus
) -> Dispatcher:
    """Return the bus that reaches every context: here by its own row, elsewhere by the row to its role."""
    if not placement.scaled:
        return services
    to_backend, to_ai = AWAY[placement.name]
    usual: Dispatcher = services if to_backend is None else LinkedBus(registry.link(to_backend))
    agents: Dispatcher = LinkedBus(registry.link(to_ai)) if to_ai else services
    ways: dict[type[Any], Dispatcher] = {}
    if placement.holds("gateway"):
        reports = LinkedBus(registry.link(REPORTS), REPORT)
        ways = {spec.query: reports for one in modules for spec in one.queries if spec.report}
    apart = [one for one in modules if one.name in AI_CONTEXTS]
    kinds = [spec.command for one in apart for spec in one.commands]
    kinds += [spec.query for one in apart for spec in one.queries]
    return RoutedBus(usual, ways | dict.fromkeys(kinds, agents))
