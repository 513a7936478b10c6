"""Tests that share a server are dealt out to one worker, so that it is started once."""

import os
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from tools.dealing import BELOW, GROUPS, group_of, place_of

ROOT = Path(__file__).resolve().parents[2]
PLANTED = r"""
import os
from pathlib import Path

import pytest

@pytest.mark.parametrize("number", range(8))
def test_planted(number: int) -> None:
    with Path("ran").open("a") as file:
        file.write(f"{os.environ['PYTEST_XDIST_WORKER']} {__file__}\n")
"""
FILES = ("documents/test_archives.py", "documents/test_changing.py", "redis/test_one.py", "redis/test_two.py")


@pytest.mark.parametrize(
    ("test", "group"),
    [
        ("product/test_chat.py::test_a[scaled]", "the product with roles apart"),
        ("product/test_chat.py::test_a[scaled-1]", "the product with roles apart"),
        ("product/test_chat.py::test_a[postgres-x]", "the product on PostgreSQL"),
        ("product/test_chat.py::test_a[file]", "the product"),
        ("product/test_accounts.py::test_a", "the product"),
        ("product/test_any_request.py::test_a", "tests/integration/product/test_any_request.py"),
        ("redis/test_frames.py::TestIt::test_a[scaled]", "tests/integration/redis/test_frames.py"),
    ],
)
def test_a_group_is_what_shares_a_server(test: str, group: str) -> None:
    """Tests of one store are a group; what shares nothing is one by its file."""
    assert group_of(BELOW + test) == group


def test_long_groups_are_dealt_out_first() -> None:
    """Roles apart come before the product in one process, and what is not named comes last."""
    names = (
        "product/test_chat.py::test_a[scaled]",
        "product/test_chat.py::test_a[file]",
        "sqlite/test_a.py::t",
    )
    places = [place_of(BELOW + name) for name in names]
    assert places == sorted(places)
    assert places[-1] == place_of("tests/unit/test_a.py::test_b") == len(GROUPS)


def test_no_pattern_is_left_of_what_is_gone() -> None:
    """Each name of a file in a pattern is one that there is."""
    gone = []
    for pattern, _ in GROUPS:
        for alternative in re.findall(r"test_\(([a-z_|]+)\)", pattern):
            folder = next(iter(re.findall(r"(\w+)/test_\(", pattern)))
            gone += [
                f"{folder}/test_{one}.py"
                for one in alternative.split("|")
                if not (ROOT / BELOW / folder / f"test_{one}.py").is_file()
            ]
    assert gone == []


def test_a_group_runs_in_one_worker(tmp_path: Path) -> None:
    """With two workers, two files of one group run in the same one, and the other gets the rest."""
    for file in FILES:
        planted = tmp_path / BELOW / file
        planted.parent.mkdir(parents=True, exist_ok=True)
        planted.write_text(PLANTED)
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path / "tests")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    environment = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup", "--no-loadscope-reorder"],
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    workers = defaultdict(set)
    for line in (tmp_path / "ran").read_text().splitlines():
        worker, _, file = line.partition(" ")
        workers[Path(file).parent.name].add(worker)
    assert len(workers["documents"]) == 1
    assert workers["redis"] - workers["documents"], "the other worker had something to do"
