"""What this process has in its memory of files."""

from __future__ import annotations

import asyncio
from pathlib import Path


async def gone_but_mapped(folder: Path) -> bool:
    """Say whether a file of a folder is mapped that is not in the folder any more.

    Looked at on another thread: until the loop takes its next step it holds what the last one gave.
    """
    return await asyncio.to_thread(_mapped, folder)


def _mapped(folder: Path) -> bool:
    maps = Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()
    return any(f"{folder}/" in one and one.endswith("(deleted)") for one in maps)
