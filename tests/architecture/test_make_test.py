"""`make test` counts truly, and under CI nothing is skipped in silence."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools.suites import REQUIRED_FOLDERS
from tools.test import Stage, counted, judged, total

ROOT = Path(__file__).resolve().parents[2]
MIXED = """
import pytest

def test_passes() -> None:
    assert True

@pytest.mark.skipif(True, reason="planted")
def test_is_skipped() -> None:
    assert True
"""
MODULE = """
import pytest

pytest.skip("planted", allow_module_level=True)
"""
PROGRAM = """
import pytest

@pytest.mark.needs_program("a-program-that-no-machine-has")
def test_needs_a_program() -> None:
    assert True
"""


def pytest_on(folder: Path, source: str, *, ci: bool, workers: int = 0) -> tuple[int, str]:
    """Exit code and output of pytest, with this project's conftest, on one planted file."""
    (folder / "tests").mkdir()
    shutil.copy(ROOT / "tests" / "conftest.py", folder / "tests")
    shutil.copy(ROOT / "pyproject.toml", folder)
    (folder / "tests" / "test_planted.py").write_text(source)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *(["-n", str(workers)] if workers else [])],
        cwd=folder,
        env={
            name: value
            for name, value in os.environ.items()
            if name != "CI" and not name.startswith("PYTEST")
        }
        | {"PYTHONPATH": str(ROOT)}
        | ({"CI": "true"} if ci else {}),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("workers", [0, 1])
def test_ci_fails_on_a_skipped_test_and_names_it(tmp_path: Path, workers: int) -> None:
    """Under CI=true one skipped test fails the session, with and without workers, and its name is printed."""
    code, output = pytest_on(tmp_path, MIXED, ci=True, workers=workers)
    assert code == 1
    assert "skipped, which CI does not accept" in output
    assert "test_planted.py::test_is_skipped" in output.rpartition("does not accept")[2]


@pytest.mark.parametrize("source", [MODULE, PROGRAM], ids=["whole module", "missing program"])
def test_ci_fails_on_every_kind_of_skip(tmp_path: Path, source: str) -> None:
    """A module that skips itself and a test whose program is missing fail CI too."""
    code, output = pytest_on(tmp_path, source, ci=True)
    assert code != 0
    assert "skipped, which CI does not accept" in output


def test_elsewhere_a_skip_is_no_failure(tmp_path: Path) -> None:
    """On a person's machine a test that cannot run there is skipped and the rest decides."""
    code, output = pytest_on(tmp_path, MIXED, ci=False)
    assert code == 0, output


REPORT = """<testsuites><testsuite>
<testcase name="a"/><testcase name="b"><failure/></testcase><testcase name="c"><error/></testcase>
<testcase name="d"><skipped/></testcase><testcase name="e"/>
</testsuite></testsuites>"""


def test_a_report_is_counted(tmp_path: Path) -> None:
    """Errors count as failures, skips apart."""
    report = tmp_path / "report.xml"
    report.write_text(REPORT)
    assert counted(report) == (2, 2, 1)


def test_a_runner_that_died_is_a_problem(tmp_path: Path) -> None:
    """A stage without a report, with a bad exit code or that hung never looks like success."""
    missing = tmp_path / "missing.xml"
    assert judged("x", 1, missing, 3, strict=False).problems
    assert judged("x", 1, missing, None, strict=False).problems
    assert not judged("x", 1, missing, 0, strict=False).problems


LEAVING = """
import sys
from pathlib import Path
from tools import leftovers
from tools.test import run
leftovers.adopt()
words = ["/bin/sh", "-c", sys.argv[1]]
path = {"PATH": "/usr/bin:/bin"}
code, left = run(words, cwd=Path("/"), env=path, timeout_s=int(sys.argv[2]), patience_s=3.0)
print(code, left, leftovers.running())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux hands orphans over")
@pytest.mark.parametrize(
    ("words", "timeout_s", "said"),
    [
        ("exit 3", 60, "3 [] {}"),
        ("sleep 0.2 & exit 0", 60, "0 [] {}"),
        ("(setsid sleep 4321 &) ; exit 0", 60, "0 ['sleep 4321'] {}"),
        ("(setsid sleep 4321 &) ; sleep 1234", 1, "None ['sleep 1234', 'sleep 4321'] {}"),
    ],
    ids=["nothing", "what ends by itself", "a daemon", "what hung"],
)
def test_what_a_stage_leaves_running_is_found_and_ended(words: str, timeout_s: int, said: str) -> None:
    """A process that outlives its stage, in whatever session, is named and ended; one that ends soon is none."""
    done = subprocess.run(
        [sys.executable, "-c", LEAVING, words, str(timeout_s)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.stdout.strip(), done.stderr) == (said, "")


def test_what_was_left_running_is_a_problem(tmp_path: Path) -> None:
    """It stands in the line of its stage and fails the run, though every test passed."""
    stage = judged("x", 1, tmp_path / "missing.xml", 0, left=["sleep 4321"], strict=False)
    assert stage.line().splitlines()[1:] == ["  left running, and ended: sleep 4321"]
    assert total([stage]) == 1


def test_an_empty_suite_fails_ci_only(tmp_path: Path) -> None:
    """A folder without tests is reported, and under CI it is a failure."""
    missing = tmp_path / "missing.xml"
    assert judged("x", 1, missing, 0, empty=["tests/x"], strict=True).problems == ("tests/x holds no test",)
    assert not judged("x", 1, missing, 0, empty=["tests/x"], strict=False).problems


def test_the_last_line_is_the_total(capsys: pytest.CaptureFixture[str]) -> None:
    """The last line says "N passed, M failed", alone; problems of stages count as failures."""
    stages = [
        Stage(name="a", seconds=1, passed=3),
        Stage(name="b", seconds=1, passed=1, failed=1, problems=("hung",)),
    ]
    assert total(stages) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "4 passed, 2 failed"
    assert total(stages[:1]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "3 passed, 0 failed"


def test_required_suites_stand_in_one_list() -> None:
    """The suites that the layout names are all required."""
    names = {"unit", "property", "conformance", "contract", "architecture", "integration", "e2e", "faults"}
    assert set(REQUIRED_FOLDERS) == {f"tests/{name}" for name in names}
