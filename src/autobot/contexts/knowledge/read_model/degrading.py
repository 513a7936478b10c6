"""How a search says why it used less than was asked for."""

from __future__ import annotations

from typing import Final

from autobot.contracts.knowledge.search import Degraded
from autobot.kernel.core.errors import AutoBotError, ChaosInjected, HopFailed, Rejected

WORKER: Final = (
    "The page Models shows which workers for inference answer. Start the one that does not, on its machine:"
    " autobot serve npu. Without AUTOBOT_NPU_URL AutoBot starts its own."
)
"""What mends a worker that nobody reaches: models of a search are asked over links alone."""
CHAOS: Final = "An operator makes faults on purpose on this link; its page, under Links, ends them."


def degraded_by(error: AutoBotError) -> Degraded:
    """Return what is told of an error, with the row of the matrix that failed and the step that mends it."""
    if not isinstance(error, HopFailed | Rejected):
        return Degraded(code=error.code, detail=error.detail, hint=error.hint)
    hint = error.hint or (CHAOS if isinstance(error, ChaosInjected) else WORKER)
    return Degraded(code=error.code, detail=error.detail, hint=hint, link=error.link or None)
