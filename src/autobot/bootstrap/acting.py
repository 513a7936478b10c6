"""The work behind registered actions in this process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from autobot.config import Config
from autobot.contexts.actions.module import BUS_WORK, Call, Work
from autobot.contracts import actions, system
from autobot.kernel.core.errors import Conflict, NotFound
from autobot.kernel.event_store.projection_runner import ProjectionRunner

BACKUPS = "backups"
"""Folder in the data folder where actions leave backups; the command line names any other."""


def action_work(config: Config, views: Mapping[str, ProjectionRunner]) -> Mapping[str, Work]:
    """Return what can be done here, by action type."""

    async def create_backup(call: Call) -> dict[str, Any]:
        """Write a backup named by the action's key, so that doing it again finds it done."""
        asked: actions.CreateBackup = call.parameters
        target = config.data_dir / BACKUPS / call.key.replace(":", "-")
        command = system.MakeBackup(target=str(target), with_key=asked.with_key)
        made: system.BackupMade = (await call.bus.dispatch(command, call.context, key=call.key)).value
        return {"folder": str(Path(made.target).name), "position": made.position, "bytes": made.bytes}

    async def rebuild_read_model(call: Call) -> dict[str, Any]:
        """Build the tables anew beside the live ones, compare, switch."""
        asked: actions.RebuildReadModel = call.parameters
        view = views.get(asked.name)
        if view is None:
            raise NotFound(f"There is no read model {asked.name}; there are: {', '.join(sorted(views))}.")
        state = (await view.statistics()).state
        if state != "live":
            raise Conflict(f"The read model {asked.name} is {state}; it can be rebuilt while it is live.")
        return {"tables": [asdict(one) | {"equal": one.equal} for one in await view.rebuild()]}

    return {**BUS_WORK, "create_backup": create_backup, "rebuild_read_model": rebuild_read_model}
