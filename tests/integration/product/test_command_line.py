"""The command line as scripts use it: pipes, wrong words, a running server at another address."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from autobot.cli import choices
from autobot.cli.app import LATER as LATER_PARTS
from autobot.cli.app import PARTS, SERVED, WORKER
from autobot.config import LATER
from autobot.contracts.identity.words import UserRole
from autobot.contracts.knowledge.question_sets import Form
from autobot.contracts.knowledge.search import SearchMode
from autobot.kernel.links.row import ErrorHandling, Idempotency, Pattern, TransportName
from autobot.testing.harness import ServerProcess, environment_for, run_cli
from autobot.testing.postgres import Cluster
from autobot.testing.valkey import ValkeyServer


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
    done = run_cli(server.folder, "users", "add", "some body")
    assert done.returncode == 3
    assert "AddUser" not in done.stderr
    assert "username" in done.stderr


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
    position = run_cli(server.folder, "knowledge", "eval", str(file), "--position", "-1")
    assert "as_of/position must be at least 0." in position.stderr


@pytest.mark.parametrize(
    ("words", "taken"),
    [
        (("knowledge", "eval", "--mode"), get_args(SearchMode)),
        (("users", "add", "ann", "--role"), get_args(UserRole)),
        (("users", "role", "admin"), get_args(UserRole)),
        (("new", "link", "backend", "crm", "--doc=x", "--pattern"), get_args(Pattern)),
        (("new", "link", "backend", "crm", "--doc=x", "--transport"), get_args(TransportName)),
        (("new", "link", "backend", "crm", "--doc=x", "--idempotency"), get_args(Idempotency)),
        (("new", "link", "backend", "crm", "--doc=x", "--error-handling"), get_args(ErrorHandling)),
        (("serve",), (*SERVED, WORKER)),
        (("add",), (*PARTS, *LATER_PARTS)),
    ],
    ids=lambda one: f"{one[0]}-{one[-1].strip('-')}",
)
def test_few_words_to_choose_from_are_named(
    tmp_path: Path, words: tuple[str, ...], taken: tuple[str, ...]
) -> None:
    """Where an option or argument takes one of few words, help names them all, and so does what is said of another."""
    folder, command = tmp_path / "data", words[:1] if words[0] in ("serve", "add") else words[:2]
    refused = run_cli(folder, *words, "foo")
    assert (refused.returncode, named(refused.stderr) & set(taken)) == (2, set(taken))
    assert "Value error" not in refused.stderr
    assert named(run_cli(folder, *command, "--help").stdout) & set(taken) == set(taken)
    assert not folder.exists()


def named(text: str) -> set[str]:
    """Return the words of a text that is broken into lines, behind hyphens too."""
    return set(re.findall(r"[\w-]+", re.sub(r"-\n\s+", "-", text)))


def test_the_words_to_choose_from_are_the_contracts() -> None:
    """What the command line writes out once more is what the contracts say."""
    assert (choices.Role, choices.Mode, choices.Form) == (UserRole, SearchMode, Form)


@pytest.mark.needs_program("initdb")
def test_a_link_of_which_nobody_knows_the_address_says_so(tmp_path: Path) -> None:
    """Asked where no role of a scaled installation answers, a sign-in link names no address that nobody gave."""
    with Cluster() as cluster, ValkeyServer() as valkey:
        given = {"AUTOBOT_DATABASE_URL": cluster.database(), "AUTOBOT_REDIS_URL": valkey.url}
        unknown = run_cli(tmp_path / "data", "users", "link", environment=given)
        public = {**given, "AUTOBOT_PUBLIC_URL": "https://example.org/autobot"}
        known = run_cli(tmp_path / "data", "users", "link", environment=public)
    assert unknown.stdout.startswith("/sign-in#token=")
    assert "AUTOBOT_PUBLIC_URL" in unknown.stderr
    assert (known.stdout.partition("#")[0], known.stderr) == ("https://example.org/autobot/sign-in", "")
