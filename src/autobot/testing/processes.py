"""Other processes of this machine as a test sees them: what they have spent, and when they have spent so much more."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

POLL_S = 0.0005
PATIENCE_S = 30.0
UNLIMITED = resource.RLIM_INFINITY


def cpu_s(pid: int) -> float:
    """Return the seconds of processor time that a process has spent in its first thread and all others.

    Raises ProcessLookupError when it is gone.
    """
    spent = 0
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            spent += int((task / "schedstat").read_text().split()[0])
    except FileNotFoundError:
        raise ProcessLookupError(f"no process {pid}") from None
    return spent / 1e9


async def has_spent(pid: int, seconds: float, *, patience_s: float) -> bool:
    """Wait until a process has spent so much more processor time; False when it is gone or too idle for it."""
    try:
        async with asyncio.timeout(patience_s):
            until = cpu_s(pid) + seconds
            while cpu_s(pid) < until:  # noqa: ASYNC110 - another process sends no event
                await asyncio.sleep(POLL_S)
    except (TimeoutError, ProcessLookupError):
        return False
    return True


def lives(pid: int) -> bool:
    """Say whether a process runs; one that ended and was not yet waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def below(pid: int) -> list[int]:
    """Return a process and all that descend from it, the oldest first."""
    found = [pid]
    for parent in found:
        try:
            for tasks in Path(f"/proc/{parent}/task").glob("*/children"):
                found += [int(one) for one in tasks.read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            # It ended while it was looked at.
            continue
    return found


def tell(pids: Iterable[int], word: signal.Signals) -> None:
    """Send a signal to each; those that are gone are passed over."""
    for pid in pids:
        try:
            os.kill(pid, word)
        except ProcessLookupError:
            continue


def end_all(pid: int) -> None:
    """Kill a process and all that descend from it, and wait until they are gone.

    Raises TimeoutError when one is still there after PATIENCE_S.
    """
    known: set[int] = set()
    # One after the other they are stopped before they are killed, so that none starts another meanwhile.
    while new := [one for one in below(pid) if one not in known]:
        tell(new, signal.SIGSTOP)
        known.update(new)
    tell(known, signal.SIGKILL)
    until = time.monotonic() + PATIENCE_S
    while any(lives(one) for one in known):
        if time.monotonic() > until:
            raise TimeoutError(f"still there: {[one for one in known if lives(one)]}")
        time.sleep(POLL_S)


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Stop a process and all below it (SIGSTOP) for the block."""
    pids = below(pid)
    tell(pids, signal.SIGSTOP)
    try:
        yield
    finally:
        tell(pids, signal.SIGCONT)


@contextmanager
def full_disk(pid: int, size: int) -> Iterator[None]:
    """Let a process write no file beyond `size` bytes for the block: as on a full disk, what is there can be read.

    Its writes fail with EFBIG, where a full disk would say ENOSPC.
    """
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, UNLIMITED))
    try:
        yield
    finally:
        try:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (UNLIMITED, UNLIMITED))
        except ProcessLookupError:
            # It died of it: whoever looks for it next will say so.
            return
