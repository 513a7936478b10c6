"""Names of hosts, asked of the system: files, DNS, whatever it is set to."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from autobot.kernel.links.addresses import at

TCP: Final = 6
"""IANA's number of the protocol: one answer an address, instead of one for each kind of socket."""


async def resolved(name: str, port: int) -> Sequence[str]:
    """Return every address of a host's port, each once, as targets. Raises OSError when there is none."""
    found = await asyncio.get_running_loop().getaddrinfo(name, port, proto=TCP)
    return tuple(dict.fromkeys(at(str(entry[4][0]), port) for entry in found))
