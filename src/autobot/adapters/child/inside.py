"""The child's side: what a program does that lives as long as its parent.

Started as `python -m autobot.adapters.child.inside MODULE`. It reads one line of JSON from standard input, its wishes,
and calls `serve(wishes, tell)` of the module, which tells one line when it answers and returns when it was asked to end, if ever; one
that fails before is told by the name of its error. It ends when standard input ends. Logs go to standard error.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import signal
import sys
import threading
from typing import Any, Final

FAILED: Final = 3
"""Exit code after the line that says why."""


def main() -> int:
    """Serve until the parent is gone, or until `serve` returns."""
    wishes: dict[str, Any] = json.loads(sys.stdin.readline())
    _die_with_parent(wishes["parent"])
    os.umask(0o077)
    threading.Thread(target=_watch, daemon=True).start()
    try:
        importlib.import_module(sys.argv[1]).serve(wishes, _tell)
    except Exception as error:  # noqa: BLE001 - whatever it raises is told to the parent, in one line
        _tell({"failed": type(error).__name__, "detail": getattr(error, "detail", "")})
        return FAILED
    return 0


def _tell(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _watch() -> None:
    """End this process when standard input ends: the parent closed it, or is gone."""
    sys.stdin.read()
    os._exit(0)


def _die_with_parent(parent: int) -> None:
    """Let the system kill this process with its parent (Linux), also while a library holds the interpreter."""
    if sys.platform == "linux":
        parent_death_signal = 1
        ctypes.CDLL(None).prctl(parent_death_signal, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(0)


def _leave(code: int) -> None:
    """End at once: a thread still reads standard input, over which the interpreter's own end would stumble."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _leave(main())
