"""What a process loads before it is ready: nothing that only some installations ever need, and nothing to be compiled."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from autobot.testing.harness import ServerProcess
from tools import environment

LATER = {"numpy", "usearch", "aiohttp", "grpc", "openvino", "asyncpg", "redis", "pypdf", "fsspec", "PIL"}
"""Of graphs and lists of passages, calls to models, rows over gRPC, inference, other stores and documents."""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What Python tells of a first start's imports, after the set-up compiled and where bytecode is forbidden."""
    folder = tmp_path_factory.mktemp("start")
    kept = environment.caching() | {"PYTHONPYCACHEPREFIX": str(folder / "compiled")}
    subprocess.run([sys.executable, "-c", environment.WARM], cwd=environment.ROOT, env=kept, check=True)
    forbidden = {"PYTHONPYCACHEPREFIX": kept["PYTHONPYCACHEPREFIX"], "PYTHONDONTWRITEBYTECODE": "1"}
    with ServerProcess(folder / "data", {**forbidden, "PYTHONVERBOSE": "1"}) as server:
        yield server.log()


def test_a_start_loads_nothing_that_can_wait(told: str) -> None:
    """A new installation is ready without numpy, clients of other programs, readers of documents or the worker's libraries."""
    loaded = {one.partition(".")[0] for one in re.findall(r"^import '(\S+)'", told, re.MULTILINE)}
    assert {"fastapi", "autobot", "apsw"} <= loaded
    assert loaded & LATER == set()


def test_a_start_compiles_nothing(told: str) -> None:
    """What a start imports, of the product and of others, was compiled by the set-up."""
    assert re.findall(r"^# code object from '?(\S+/cli/app\S+\.pyc)", told, re.MULTILINE)
    assert re.findall(r"^# code object from '?(\S+\.py)'?$", told, re.MULTILINE) == []
