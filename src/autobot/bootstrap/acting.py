"""The work behind registered actions in this process."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autobot.config import Config
from autobot.contexts.actions.module import BUS_WORK, Call, Work
from autobot.contracts import actions, system

BACKUPS = "backups"
"""Folder in the data folder where actions leave backups; the command line names any other."""


def action_work(config: Config) -> Mapping[str, Work]:
    """Return what can be done here, by action type."""

    async def create_backup(call: Call) -> dict[str, Any]:
        """Write a backup named by the action's key, so that doing it again finds it done."""
        asked: actions.CreateBackup = call.parameters
        target = config.data_dir / BACKUPS / call.key.replace(":", "-")
        command = system.MakeBackup(target=str(target), with_key=asked.with_key)
        made: system.BackupMade = (await call.bus.dispatch(command, call.context, key=call.key)).value
        return {"folder": str(Path(made.target).name), "position": made.position, "bytes": made.bytes}

    return {**BUS_WORK, "create_backup": create_backup}
