"""The command line as scripts use it: pipes, wrong words, a running server at another address."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from autobot.config import LATER
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


@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
def test_the_newest_events_are_told(tmp_path: Path, running: bool) -> None:
    """`events tail` prints events with their data, whether AutoBot runs or not; filters and counts hold."""
    folder = tmp_path / "data"
    with ServerProcess(folder) as server:
        server.key("*", name="told")
        if not running:
            server.stop()
        table = run_cli(folder, "events", "tail", "--count", "2")
        as_json = run_cli(folder, "events", "tail", "--type", "autobot.identity.*", "--count", "1", "--json")
    assert (table.returncode, as_json.returncode) == (0, 0)
    assert table.stdout.splitlines()[0].split() == ["POSITION", "TIME", "TYPE", "STREAM", "CORRELATIONID"]
    event = json.loads(as_json.stdout)
    assert event["type"] == "autobot.identity.key_created.v1"
    assert event["data"]["name"] == "told"


def test_unknown_words_are_usage_errors(tmp_path: Path) -> None:
    """A role and a part that nobody knows are exit code 2; one that this version cannot run is 6, a role without its settings 4."""
    folder = tmp_path / "data"
    codes = {words: run_cli(folder, *words).returncode for words in USAGE}
    assert codes == USAGE


USAGE = {
    ("serve", "nonsense"): 2,
    ("serve", "gateway"): 4,
    ("add", "nonsense"): 2,
    ("add", "browser"): 6,
    ("--version",): 0,
    ("version",): 0,
}


def test_what_is_wrong_is_said_in_words_of_the_command_line(server: ServerProcess) -> None:
    """No name of the published language's commands stands in a message."""
    done = run_cli(server.folder, "users", "add", "somebody", "--role", "king")
    assert done.returncode == 3
    assert "AddUser" not in done.stderr
    assert "king" in done.stderr


@pytest.mark.parametrize("name", sorted(LATER))
def test_a_part_that_is_not_there_is_not_passed_over(tmp_path: Path, name: str) -> None:
    """With the address of a part that this version does not have, it does not start as if it had none."""
    done = run_cli(
        tmp_path / "data", "up", "--port", "0", environment={f"AUTOBOT_{name}": "redis://somewhere"}
    )
    assert done.returncode == 6
    assert f"AUTOBOT_{name}" in done.stderr
    assert not (tmp_path / "data").exists()


def test_what_is_no_certificate_is_refused_before_the_address_is_told(tmp_path: Path) -> None:
    """A certificate or key that cannot be used is a message with both files, and nothing was printed before."""
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("no certificate", encoding="utf-8")
    given = {"AUTOBOT_TLS_CERT": str(tmp_path / "cert.pem"), "AUTOBOT_TLS_KEY": str(tmp_path / "key.pem")}
    done = run_cli(tmp_path / "data", "up", "--port", "0", environment=given)
    assert (done.returncode, done.stdout) == (4, "")
    assert "cert.pem" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("gone.json", None, "gone.json cannot be read: No such file or directory."),
        ("binary.json", b"\xff\xfe", "binary.json is no text in UTF-8: its byte 0 is none."),
        ("broken.json", b"[", "broken.json is not JSON: "),
        ("other.jsonl", b'{"question": "x"}', "is no object with `query` and `relevant`."),
    ],
)
def test_questions_that_cannot_be_read_are_told_in_words(
    tmp_path: Path, name: str, content: bytes | None, told: str
) -> None:
    """`knowledge eval` says what is wrong with its file, and ends with the code for wrong use."""
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    done = run_cli(tmp_path / "data", "knowledge", "eval", str(file))
    assert (done.returncode, "Errno" in done.stdout + done.stderr) == (2, False)
    assert told in done.stdout + done.stderr


def test_a_wrong_word_names_its_option(server: ServerProcess, tmp_path: Path) -> None:
    """What an option must be is told in words, with its name, whether AutoBot runs or not."""
    file = tmp_path / "questions.json"
    file.write_text('[{"query": "x", "relevant": {"d": 1}}]', encoding="utf-8")
    mode = run_cli(server.folder, "knowledge", "eval", str(file), "--mode", "foo")
    assert "mode must not be 'foo'" in mode.stderr
    position = run_cli(server.folder, "knowledge", "eval", str(file), "--position", "-1")
    assert "as_of/position must be at least 0." in position.stderr
