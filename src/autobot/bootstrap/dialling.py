"""How the command line finds the AutoBot that runs on a data folder. Loads next to nothing: most commands need no more."""

from __future__ import annotations

import asyncio
from typing import Final

from autobot.adapters.system.lock import told_address
from autobot.adapters.system.sockets import connect_unix
from autobot.config import Config

CONTROL_SOCKET: Final = "control.sock"
CONTROL_LINE_MAX: Final = 64 * 1024 * 1024
"""Bytes of one answer."""
ROLES_FOLDER: Final = "roles"
"""In the data folder: each process of a role owns a folder in it."""


async def dial_control(config: Config) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
    """Return a connection to the AutoBot that runs on this data folder, None when none does."""
    # Scaled, a backend answers the command line of its machine; in which slot one runs changes over time.
    backends = await asyncio.to_thread(lambda: sorted((config.data_dir / ROLES_FOLDER).glob("backend*")))
    for folder in (config.data_dir, *backends):
        dialled = await asyncio.to_thread(connect_unix, folder / CONTROL_SOCKET)
        if dialled is not None:
            return await asyncio.open_unix_connection(sock=dialled, limit=CONTROL_LINE_MAX)
    return None


def running_address(config: Config) -> str | None:
    """Return where the AutoBot that runs on this data folder listens, None when it does not serve."""
    return told_address(config.data_dir)
