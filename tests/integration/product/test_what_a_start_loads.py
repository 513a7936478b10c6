"""What a process loads before it is ready: nothing that only some installations ever need."""

from __future__ import annotations

import re
from pathlib import Path

from autobot.testing.harness import ServerProcess

LATER = {"numpy", "usearch", "aiohttp", "grpc", "openvino", "asyncpg", "redis", "pypdf", "fsspec", "PIL"}
"""Of graphs and lists of passages, calls to models, rows over gRPC, inference, other stores and documents."""


def test_a_start_loads_nothing_that_can_wait(tmp_path: Path) -> None:
    """A new installation is ready without numpy, clients of other programs, readers of documents or the worker's libraries."""
    with ServerProcess(tmp_path / "data", {"PYTHONPROFILEIMPORTTIME": "1"}) as server:
        told = server.log()
    loaded = {one.partition(".")[0] for one in re.findall(r"^import time: .*\| +(\S+)$", told, re.MULTILINE)}
    assert {"fastapi", "autobot", "apsw"} <= loaded
    assert loaded & LATER == set()
