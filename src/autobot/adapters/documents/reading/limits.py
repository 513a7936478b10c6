"""What this process may do: set first of all, before a byte of a file is looked at."""

from __future__ import annotations

import ctypes
import resource
import signal
import sys
from typing import Any, Final

PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000

REFUSED: Final = (
    "socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "subprocess.Popen",
    "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "ctypes.dlopen", "shutil.rmtree",
    "os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.chmod", "os.chown", "os.link", "os.symlink", "os.truncate",
)  # fmt: skip
"""What Python itself refuses from now on, beside what the system refuses."""
WRITES: Final = 0o3
"""The bits of open's flags that ask for writing (O_WRONLY, O_RDWR)."""


def confine(memory_bytes: int, cpu_s: int) -> None:
    """Take away what reading a file needs not: other processes, the network, files to write, memory and time."""
    library = ctypes.CDLL(None)
    if sys.platform == "linux":
        library.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        library.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        # Without the right to a network of its own it has none of the calls below either.
        if library.unshare(CLONE_NEWNET) != 0:
            library.unshare(CLONE_NEWUSER | CLONE_NEWNET)
    for limit, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_AS, memory_bytes),
    ):
        resource.setrlimit(limit, (most, most))
    sys.setrecursionlimit(3000)


def refuse_the_rest() -> None:
    """Refuse, from inside Python, what a reader has no reason to do. It cannot be taken back."""

    def hook(event: str, args: tuple[Any, ...]) -> None:
        writes = event == "open" and len(args) > 2 and isinstance(args[2], int) and args[2] & WRITES
        if event in REFUSED or writes:
            raise PermissionError(f"reading a document needs no {event}")

    sys.addaudithook(hook)
