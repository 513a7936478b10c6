"""What may be done to a read model as it stands. Pure."""

from __future__ import annotations

from autobot.contracts.read_models import Act
from autobot.kernel.core.errors import Conflict
from autobot.kernel.event_store.projection import ProjectionState


def require(act: Act, stands: ProjectionState) -> None:
    """Raise Conflict when the state of a read model does not allow an act now."""
    there, name = stands.beside, stands.name
    if stands.state != "live":
        raise Conflict(
            f"The read model {name} is {stands.state}: {stands.reason or 'wait until it is live'}."
        )
    if act == "rebuild" and there.candidate is not None and there.ready:
        raise Conflict(f"A candidate of {name} is built already; switch to it, or discard it.")
    if act in ("parity", "switch") and not there.ready:
        raise Conflict(f"No candidate of {name} is built whole; rebuild it first.")
    if act == "discard" and there.candidate is None:
        raise Conflict(f"There is no candidate of {name}.")
    if act in ("rollback", "discard_kept") and there.previous is None:
        raise Conflict(f"Nothing of {name} is kept to go back to.")
    if act == "rollback" and there.candidate is not None:
        raise Conflict(f"There is a candidate of {name}; discard it first.")
