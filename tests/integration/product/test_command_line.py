"""The command line as scripts use it: pipes, wrong words, a running server at another address."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from autobot.testing.harness import ServerProcess, environment_for, run_cli


def test_links_lead_to_the_server_that_runs(server: ServerProcess) -> None:
    """A sign-in link has the address at which the running server listens, whatever the settings say."""
    done = run_cli(server.folder, "users", "link", "admin")
    assert done.stdout.startswith(f"{server.local}/sign-in#token=")


def test_a_reader_that_leaves_ends_a_command_quietly(server: ServerProcess) -> None:
    """`autobot … | head -1` prints a line and no complaint."""
    command = subprocess.Popen(
        [sys.executable, "-m", "autobot", "matrix", "show", "--json"],
        env=environment_for(server.folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert command.stdout is not None
    assert command.stderr is not None
    with command:
        command.stdout.close()
        assert command.stderr.read() == b""
        assert command.wait(30) == 141


def test_unknown_words_are_usage_errors(tmp_path: Path) -> None:
    """A role and a part that nobody knows are exit code 2; one that this version cannot run is 6."""
    folder = tmp_path / "data"
    codes = {words: run_cli(folder, *words).returncode for words in USAGE}
    assert codes == USAGE


USAGE = {
    ("serve", "nonsense"): 2,
    ("serve", "gateway"): 6,
    ("add", "nonsense"): 2,
    ("add", "npu"): 6,
    ("--version",): 0,
    ("version",): 0,
}


def test_what_is_wrong_is_said_in_words_of_the_command_line(server: ServerProcess) -> None:
    """No name of the published language's commands stands in a message."""
    done = run_cli(server.folder, "users", "add", "somebody", "--role", "king")
    assert done.returncode == 3
    assert "AddUser" not in done.stderr
    assert "king" in done.stderr
