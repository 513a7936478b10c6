"""A fresh clone is set up by scripts that need Python and make alone."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT, below, name, tree
from tools import environment
from tools.console import SetupError, quietly

TARGETS = ("run", "setup", "test", "check", "format", "bench", "bench-peers", "soak")


def test_the_scripts_need_the_standard_library_alone() -> None:
    """Nothing in tools imports a package that set-up would have to install first."""
    found = []
    for path in below("tools"):
        for node in ast.walk(tree(path)):
            roots = []
            if isinstance(node, ast.Import):
                roots = [alias.name.split(".")[0] for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                roots = [(node.module or "").split(".")[0]]
            found += [
                f"{name(path)}: {root}" for root in roots if root not in sys.stdlib_module_names | {"tools"}
            ]
    assert found == []


def test_make_has_every_promised_target() -> None:
    """The targets that the documents name exist."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert [target for target in TARGETS if not re.search(rf"^{target}:", text, re.MULTILINE)] == []


def test_ci_runs_what_a_person_runs() -> None:
    """`.ci/run` is executable, calls `make test` and asks for no skips."""
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    text = script.read_text(encoding="utf-8")
    assert "make test" in text
    assert "CI=" in text


def test_an_old_python_is_refused_in_plain_words(tmp_path: Path) -> None:
    """Where no Python is new enough, the message says which version is needed and how to name another one."""
    for program in ("python3", "python3.11", "python3.12", "python3.13", "python3.14", "python"):
        fake = tmp_path / program
        fake.write_text("#!/bin/sh\nexit 1\n")
        fake.chmod(0o755)
    shell = {"PATH": str(tmp_path)}
    done = subprocess.run(
        ["/bin/sh", ROOT / "tools" / "python.sh"], env=shell, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Python 3.11 or newer" in done.stderr
    assert "AUTOBOT_PYTHON" in done.stderr


def test_a_named_python_goes_first() -> None:
    """AUTOBOT_PYTHON names the interpreter to use."""
    done = subprocess.run(
        [ROOT / "tools" / "python.sh"],
        env={"PATH": os.environ["PATH"], "AUTOBOT_PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(done.stdout.strip()) == Path(sys.executable)


def test_a_fingerprint_sees_names_contents_and_absence() -> None:
    """A step is repeated when a source changes, appears, goes or is renamed, and not otherwise."""
    one, two = ROOT / "Makefile", ROOT / "LICENSE"
    missing = ROOT / "there-is-no-such-file"
    base = environment.fingerprint([one, two])
    assert environment.fingerprint([two, one]) == base
    others = [
        environment.fingerprint([one]),
        environment.fingerprint([one, two, missing]),
        environment.fingerprint([one, two], "other"),
    ]
    assert len({base, *others}) == 4


def test_a_failing_program_shows_its_last_words(tmp_path: Path) -> None:
    """What a tool printed before it failed reaches the person, after the sentence that says what to do."""
    words = [sys.executable, "-c", "print('the cause'); raise SystemExit(3)"]
    with pytest.raises(SetupError, match=r"(?s)Do this\..*the cause.*ended with 3"):
        quietly(words, cwd=tmp_path, env=dict(os.environ), failure="Do this.")


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    """A program that is not there is a set-up error with its name, no stack."""
    with pytest.raises(SetupError, match="no-such-program is not on this machine"):
        quietly(["no-such-program"], cwd=tmp_path, env={"PATH": str(tmp_path)}, failure="Do this.")


def test_a_missing_script_of_a_target_is_said() -> None:
    """A target whose script this version does not have says so and fails."""
    done = subprocess.run(
        [sys.executable, "-m", "tools.launch", "bench/there_is_none.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "has no bench/there_is_none.py" in done.stderr


def test_the_lock_file_names_public_registries_only() -> None:
    """No path or mirror of one machine leaks into the lock file."""
    text = (ROOT / "uv.lock").read_text(encoding="utf-8")
    schemes = set(re.findall(r'(?:url|registry) = "([a-z+]+)://', text))
    assert schemes == {"https"}
    assert not re.search(r'\b(path|directory|find-links) = "', text)
    assert text.count('{ editable = "." }') >= 1


def test_licence_is_apache_2() -> None:
    """The licence file is the one that pyproject.toml names."""
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text[:200]
    assert "END OF TERMS AND CONDITIONS" in text
    assert 'license = "Apache-2.0"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
