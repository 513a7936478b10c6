"""What runs in the child process: llama.cpp's HTTP server on a private unix socket. Its log goes to standard error."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


def serve(wishes: dict[str, Any], tell: Callable[[dict[str, Any]], None]) -> None:
    """Load the model and serve it; `tell` when it answers."""
    server = _server(wishes)
    tell({"ready": server.listening_address})
    threading.Event().wait()


def _server(wishes: dict[str, Any]) -> Any:
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
