"""The child process: llama.cpp's HTTP server on a private unix socket, for as long as the parent lives.

Started as `python -m autobot.adapters.llamacpp.server`. It reads one line of JSON from standard input, writes
one line when the model answers or cannot be loaded, and ends when standard input ends. llama.cpp writes its
log to standard error.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import threading
from typing import Any

FAILED = 3
"""Exit code after the line that says why."""


def main() -> int:
    """Serve until the parent is gone."""
    wishes: dict[str, Any] = json.loads(sys.stdin.readline())
    _die_with_parent(wishes["parent"])
    os.umask(0o077)
    threading.Thread(target=_watch, daemon=True).start()
    try:
        server = _serve(wishes)
    except Exception as error:  # noqa: BLE001 - whatever the library raises is told to the parent, in one line
        _tell({"failed": type(error).__name__})
        return FAILED
    _tell({"ready": server.listening_address})
    threading.Event().wait()
    return 0


def _serve(wishes: dict[str, Any]) -> Any:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = wishes["file"]
    params.model_alias = {wishes["name"]}
    params.hostnames = [wishes["socket"]]
    params.n_ctx = wishes["window"] * wishes["parallel"]
    params.n_parallel = wishes["parallel"]
    params.cache_ram_mib = wishes["cache_mib"]
    params.use_jinja = True
    params.ui = False
    params.endpoint_slots = False
    if wishes["pooling"]:
        params.embedding = True
        params.pooling_type = xllamacpp.llama_pooling_type[f"LLAMA_POOLING_TYPE_{wishes['pooling'].upper()}"]
        # A text is read in one piece: its vector is of the whole.
        params.n_batch = params.n_ubatch = wishes["window"]
    if wishes["threads"]:
        params.cpuparams.n_threads = wishes["threads"]
    return xllamacpp.Server(params)


def _tell(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _watch() -> None:
    """End this process when standard input ends: the parent closed it, or is gone."""
    sys.stdin.read()
    os._exit(0)


def _die_with_parent(parent: int) -> None:
    """Let the kernel kill this process with its parent (Linux), also while llama.cpp holds the interpreter."""
    if sys.platform == "linux":
        parent_death_signal = 1
        ctypes.CDLL(None).prctl(parent_death_signal, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
