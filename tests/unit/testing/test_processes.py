"""What tests see of other processes and do to them."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from autobot.testing.processes import below, cpu_s, end_all, full_disk, has_spent, lives, stopped

pytestmark = pytest.mark.anyio

BUSY = "while True: pass"
IDLE = "import sys; sys.stdin.read()"
WRITES = """
import sys
file = open(sys.argv[1], "wb", buffering=0)
for line in sys.stdin:
    try:
        file.write(b"x" * 1000)
        print("written", flush=True)
    except OSError as error:
        print(error.errno, flush=True)
"""


@contextmanager
def child(program: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A process of its own, killed at the end."""
    command = [sys.executable, "-c", program, *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


async def test_a_moment_of_processor_time_comes_for_who_works_and_not_for_who_waits() -> None:
    """Who works reaches it; who is idle does not, nor who is gone."""
    with child(BUSY) as busy, child(IDLE) as idle:
        before = cpu_s(busy.pid)
        assert await has_spent(busy.pid, 0.05, patience_s=10)
        assert cpu_s(busy.pid) - before >= 0.05
        assert not await has_spent(idle.pid, 5.0, patience_s=0.1)
        idle.kill()
        idle.wait()
        assert not await has_spent(idle.pid, 0.1, patience_s=10)
        with pytest.raises(ProcessLookupError):
            cpu_s(idle.pid)


async def test_a_stopped_process_spends_nothing_and_goes_on() -> None:
    """Between stop and go no processor time is spent; then it is."""
    with child(BUSY) as busy:
        assert await has_spent(busy.pid, 0.02, patience_s=10)
        with stopped(busy.pid):
            assert not await has_spent(busy.pid, 0.05, patience_s=0.2)
        assert await has_spent(busy.pid, 0.02, patience_s=10)


async def test_children_are_stopped_too() -> None:
    """A process and what it started are found."""
    program = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'while True: pass'])"
    with child(program) as parent:
        async with asyncio.timeout(10):
            while len(found := below(parent.pid)) < 2:
                await asyncio.sleep(0)
        assert found[0] == parent.pid
        with stopped(parent.pid):
            assert not await has_spent(found[1], 0.05, patience_s=0.2)
        assert await has_spent(found[1], 0.02, patience_s=10)
        with stopped(found[1]):
            parent.kill()
            parent.wait()
        subprocess.run(["kill", f"-{signal.SIGKILL.value}", str(found[1])], check=True)


async def test_a_process_ends_with_all_that_it_started() -> None:
    """Also what would outlive it: a process in another session, which starts more and more."""
    program = """
import subprocess, sys
for _ in range(40):
    subprocess.Popen([sys.executable, "-S", "-c", "import signal; signal.pause()"], start_new_session=True)
sys.stdin.read()
"""
    with child(program) as parent:
        async with asyncio.timeout(30):
            while len(found := below(parent.pid)) < 3:
                await asyncio.sleep(0)
        end_all(parent.pid)
        assert [one for one in found if lives(one)] == []
        assert parent.wait() == -signal.SIGKILL


def test_a_full_disk_refuses_what_does_not_fit_and_takes_it_later(tmp_path: Path) -> None:
    """What lies below the limit is written, what lies beyond is refused, and afterwards everything fits."""
    path = tmp_path / "file"
    with child(WRITES, str(path)) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None

        def ask() -> str:
            assert writer.stdin is not None
            assert writer.stdout is not None
            writer.stdin.write("\n")
            writer.stdin.flush()
            return writer.stdout.readline().strip()

        assert ask() == "written"
        with full_disk(writer.pid, 2000):
            assert [ask() for _ in range(3)] == ["written", "27", "27"]
            assert path.stat().st_size == 2000
        assert ask() == "written"
        assert path.stat().st_size == 3000
