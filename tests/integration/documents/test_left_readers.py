"""Processes that read files and whose server is killed, or who leaves them: none of them stays."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from autobot.adapters.documents.parser import ChildParser, ParserOptions
from autobot.testing.conformance.parsing import CONTEXT, unread
from autobot.testing.processes import below, lives

BUBBLEWRAP = pytest.mark.needs_program("bwrap")
PATIENCE_S = 30.0

HELD = """#!/bin/sh
exec {bwrap} --unshare-user --info-fd 9 --userns-block-fd 8 "$@" 8<>{folder}/hold 9>{folder}/told
"""
"""bubblewrap that stops between asking to go with its parent and giving its second process the word to go on."""


class Servers:
    """Processes that begin to read a file, one at a time, to be killed."""

    def __init__(self, child: subprocess.Popen[str]) -> None:
        self._child = child

    def _ask(self, line: str) -> str:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(line + "\n")
        self._child.stdin.flush()
        return self._child.stdout.readline().strip()

    def begin(self, name: str) -> int:
        """Return the process id of a server that begins to read a file of this name."""
        return int(self._ask(name))

    def kill(self, pid: int) -> None:
        """Kill it, and wait until it is gone."""
        os.kill(pid, signal.SIGKILL)
        self._ask("")


@contextmanager
def serving(sandbox: str) -> Iterator[Servers]:
    """Have such servers for the block; `sandbox` is the program that confines their readers, or empty."""
    words = [sys.executable, "-m", "tests.integration.documents.reading_child", sandbox]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        yield Servers(child)


def processes_with(word: str) -> list[str]:
    """Return the command lines that hold a word, of processes that are there."""
    found = []
    for one in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            said = one.read_bytes().decode(errors="replace")
            if word in said:
                found.append(said)
    return found


async def all_gone(word: str) -> None:
    """Wait until no process has this word in its command line. Raises TimeoutError."""
    async with asyncio.timeout(PATIENCE_S):
        while processes_with(word):
            await asyncio.sleep(0)


@BUBBLEWRAP
def test_a_reading_that_is_left_at_any_moment_leaves_no_process() -> None:
    """Whoever cancels a reading while its process comes up, or reads, finds none of it afterwards."""

    async def main() -> None:
        parser = ChildParser(options=ParserOptions())
        await parser.sandbox()
        for turns in range(60):
            name = f"left-{os.getpid()}-{turns}.html"
            async with asyncio.TaskGroup() as group:
                reading = group.create_task(
                    parser.parse(unread(b"<p>Herons wade.", name, "text/html"), CONTEXT)
                )
                for _ in range(turns * turns):
                    await asyncio.sleep(0)
                reading.cancel()
            await all_gone(name)

    asyncio.run(main())


def came(server: int, count: int) -> bool:
    """Wait until a server and those below it are so many processes; False when it has read its file before."""
    while lives(server):
        if len(below(server)) >= count:
            return True
    return False


@pytest.mark.parametrize("sandbox", ["", pytest.param("bwrap", marks=BUBBLEWRAP)], ids=["limits", "bwrap"])
def test_a_server_that_is_killed_at_any_moment_leaves_no_process(sandbox: str) -> None:
    """SIGKILL as soon as the first, the second … process of a reading is there ends all of them."""
    count, there = 1, True
    with serving(sandbox) as servers:
        while there:
            name = f"killed-{os.getpid()}-{count}.html"
            server = servers.begin(name)
            there = came(server, count)
            servers.kill(server)
            asyncio.run(all_gone(name))
            count += there
    assert count > 4, "a server, what leads its reading, what watches it, and the reader"


@BUBBLEWRAP
def test_bubblewrap_that_is_killed_as_it_comes_up_leaves_no_process(tmp_path: Path) -> None:
    """A server that is killed while bubblewrap's second process waits for a word of the first leaves neither of them."""
    os.mkfifo(tmp_path / "hold")
    wrapper = tmp_path / "bwrap"
    wrapper.write_text(HELD.format(bwrap=shutil.which("bwrap"), folder=tmp_path))
    wrapper.chmod(0o700)
    with serving(str(wrapper)) as servers:
        name = f"held-{os.getpid()}.html"
        server = servers.begin(name)
        told = tmp_path / "told"

        async def waiting() -> None:
            async with asyncio.timeout(PATIENCE_S):
                while not told.exists() or b"}" not in told.read_bytes():
                    await asyncio.sleep(0)

        asyncio.run(waiting())
        assert len(processes_with(name)) > 1
        servers.kill(server)
        asyncio.run(all_gone(name))
