"""What a suite leaves running: every process that descends from ours after the suite's runner has ended.

On Linux a process can have orphans below it become its own children, whatever session or group they made for themselves; so
nothing that a suite started can slip away. Elsewhere nothing is found.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

PATIENCE_S = 25.0
"""What ends with its parent gets so long for it: a role gives itself 15 seconds."""
LOOK_S = 0.05
SHOWN = 120
_BECOME_SUBREAPER = 36


def adopt() -> None:
    """From now on every orphan below this process is a child of it (prctl(2), PR_SET_CHILD_SUBREAPER)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_BECOME_SUBREAPER, 1, 0, 0, 0)


def running() -> dict[int, str]:
    """Return the command line of every process below this one, by its id; what has ended counts no more."""
    found: dict[int, str] = {}
    parents = [os.getpid()]
    for parent in parents:
        for tasks in Path(f"/proc/{parent}/task").glob("*/children"):
            with suppress(OSError):
                parents += [int(one) for one in tasks.read_text().split()]
    for pid in parents[1:]:
        with suppress(OSError):
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if state != "Z":
                found[pid] = line.strip()
    return found


def wait(process: subprocess.Popen[bytes], timeout_s: float) -> int | None:
    """Wait for a child, and bury the orphans that came to us; None when it had to be killed after its time."""
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        if (ended := _ended()) is None:
            if process.poll() is not None:
                return process.returncode
            time.sleep(LOOK_S)
        elif ended == process.pid:
            return process.wait()
        else:
            os.waitpid(ended, 0)
    process.kill()
    process.wait()
    return None


def _ended() -> int | None:
    """Return a child of ours that ended and was not buried, where orphans come to us at all."""
    if sys.platform != "linux":
        return None
    found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT | os.WNOHANG)
    return None if found is None else found.si_pid


def left(before: dict[int, str], patience_s: float = PATIENCE_S) -> list[str]:
    """Return what still runs below this process after a while and did not run `before`; it is ended."""
    new = _beyond(before, patience_s)
    for pid in new:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    _beyond(before, patience_s)
    return sorted(line[:SHOWN] for line in new.values())


def _beyond(before: dict[int, str], patience_s: float) -> dict[int, str]:
    """Wait until nothing runs that did not run before, at most so long; return what does."""
    until = time.monotonic() + patience_s
    while True:
        _bury()
        new = {pid: line for pid, line in running().items() if pid not in before}
        if not new or time.monotonic() > until:
            return new
        time.sleep(LOOK_S)


def _bury() -> None:
    """Take the exit codes of children that ended."""
    with suppress(ChildProcessError):
        while (ended := _ended()) is not None:
            os.waitpid(ended, 0)
