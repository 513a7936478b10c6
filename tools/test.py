"""`make test`: set-up, `make check`, then every suite; the last line is the total."""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tools import check, environment, leftovers, machine, suites, web
from tools.console import SetupError, say, stop
from tools.environment import ROOT, TOOLS, VENV

REPORTS = TOOLS / "reports"
PYTEST_NO_TESTS = 5
CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """How one stage ended.

    `problems` are failures that no single test stands for.
    """

    name: str
    seconds: float
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    problems: tuple[str, ...] = ()

    def line(self) -> str:
        """The stage in one line."""
        words = f"{self.name}: {self.passed} passed, {self.failed} failed, {self.skipped} skipped ({self.seconds:.1f} s)"
        return "\n".join((words, *(f"  {line}" for line in self.problems)))


def counted(report: Path) -> tuple[int, int, int]:
    """Passed, failed and skipped of a JUnit report."""
    passed = failed = skipped = 0
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        kinds = {child.tag for child in case}
        if kinds & {"failure", "error"}:
            failed += 1
        elif "skipped" in kinds:
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def judged(
    name: str,
    seconds: float,
    report: Path,
    exit_code: int | None,
    *,
    empty: Sequence[str] = (),
    left: Sequence[str] = (),
    strict: bool = CI,
) -> Stage:
    """A stage out of its report and exit code; under CI a skipped test and an empty suite are failures too.

    Args:
        name: what the total calls the stage.
        seconds: how long it took.
        report: its JUnit file, absent when the runner never came to write it.
        exit_code: the runner's; None when it was stopped because it hung.
        empty: folders of the stage that hold no test.
        left: processes that it left running, each of which is a problem.
        strict: whether a skip and an empty suite count as failures.
    """
    passed, failed, skipped = counted(report) if report.is_file() else (0, 0, 0)
    problems = []
    if exit_code is None:
        problems.append("the stage hung and was stopped")
    elif exit_code != 0 and failed == 0 and not (strict and skipped):
        problems.append(f"the runner ended with {exit_code}")
    if strict and skipped:
        problems.append(f"{skipped} skipped, which CI does not accept")
    problems += [f"left running, and ended: {one}" for one in left]
    if strict:
        problems += [f"{folder} holds no test" for folder in empty]
    else:
        for folder in empty:
            say(f"  {folder} holds no test yet")
    return Stage(
        name=name,
        seconds=seconds,
        passed=passed,
        failed=failed,
        skipped=skipped,
        problems=tuple(problems),
    )


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout_s: int,
    patience_s: float = leftovers.PATIENCE_S,
) -> tuple[int | None, list[str]]:
    """Run a stage with its output passing through; what outlives it gets `patience_s` to end.

    Returns its exit code, None when it hung and had to be killed, and what it left running, which is ended.
    """
    before = leftovers.running()
    with subprocess.Popen(list(argv), cwd=cwd, env=dict(env), stdin=subprocess.DEVNULL) as process:
        code = leftovers.wait(process, timeout_s)
    return code, leftovers.left(before, patience_s)


def has_tests(folder: str) -> bool:
    """Whether a suite's folder holds any test file."""
    return any((ROOT / folder).rglob("test_*.py"))


def python_suite(suite: suites.Suite) -> Stage:
    """Run one suite of suites.py with pytest."""
    say(f"\n== {suite.name}")
    empty = [folder for folder in suite.folders if not has_tests(folder)]
    folders = [folder for folder in suite.folders if folder not in empty]
    report = REPORTS / f"{suite.folders[0].replace('/', '-')}.xml"
    report.unlink(missing_ok=True)
    started = time.monotonic()
    exit_code: int | None = 0
    left: Sequence[str] = ()
    if folders:
        dealt = ["-n", str(suite.workers), "--dist", suite.dist, "--no-loadscope-reorder"]
        workers = dealt if suite.workers else []
        words = [
            str(VENV / "bin" / "python"),
            "-m",
            "pytest",
            "-q",
            f"--junitxml={report}",
            *workers,
            *folders,
        ]
        kept = environment.caching()
        path = f"{kept.get('PATH', '')}:/usr/sbin:/sbin"
        exit_code, left = run(words, cwd=ROOT, env=kept | {"PATH": path}, timeout_s=suite.timeout_s)
    if exit_code == PYTEST_NO_TESTS:
        empty, exit_code = list(suite.folders), 0
    return judged(suite.name, time.monotonic() - started, report, exit_code, empty=empty, left=left)


def web_suite() -> Stage:
    """Run the web client's unit tests."""
    say("\n== web")
    report = REPORTS / "web.xml"
    report.unlink(missing_ok=True)
    started = time.monotonic()
    if not web.present():
        return judged("web", 0.0, report, 0, empty=["web"])
    words = ["vitest", "run", "--reporter=default", "--reporter=junit", f"--outputFile.junit={report}"]
    exit_code, left = run(words, cwd=web.WEB, env=web.environment_of_node(), timeout_s=600)
    return judged("web", time.monotonic() - started, report, exit_code, left=left)


def checks() -> Stage:
    """Run `make check` as a stage: each check counts as one."""
    say("\n== check")
    started = time.monotonic()
    verdicts = check.run_checks()
    failed = sum(not verdict.passed for verdict in verdicts)
    return Stage(
        name="check", seconds=time.monotonic() - started, passed=len(verdicts) - failed, failed=failed
    )


def set_up() -> Stage:
    """Everything that the stages need: Python packages, Node, web packages and build, Debian packages.

    A web client that cannot be built is a problem of this stage and does not keep the Python suites from running.

    Raises:
        SetupError: there is no Python environment, so nothing at all can run.
    """
    say("== set-up")
    started = time.monotonic()
    problems = []
    REPORTS.mkdir(parents=True, exist_ok=True)
    with environment.only_one():
        environment.sync(("check", "test"))
        environment.warm()
        machine.ensure_programs()
        try:
            if web.present():
                web.install()
                web.build()
        except SetupError as error:
            say(str(error))
            problems.append(str(error).splitlines()[0])
    return Stage(name="set-up", seconds=time.monotonic() - started, problems=tuple(problems))


def total(stages: Sequence[Stage]) -> int:
    """Print each stage and, alone on the last line, the sum; the exit code."""
    say("\n== total")
    for stage in stages:
        say(stage.line())
    failed = sum(stage.failed + len(stage.problems) for stage in stages)
    say(f"{sum(stage.passed for stage in stages)} passed, {failed} failed")
    return 1 if failed else 0


def main() -> int:
    """Set up, then run every stage even when an earlier one failed: one run shows all that is wrong."""
    parser = argparse.ArgumentParser(prog="make test", description=__doc__)
    parser.add_argument("--setup-only", action="store_true", help="set up and stop")
    chosen = parser.parse_args()
    leftovers.adopt()
    try:
        stages = [set_up()]
    except SetupError as error:
        stop(error)
        say("0 passed, 1 failed")
        return 1
    if chosen.setup_only:
        return total(stages) if stages[0].problems else 0
    stages.append(checks())
    stages += [python_suite(suite) for suite in suites.BEFORE_WEB]
    stages.append(web_suite())
    stages += [python_suite(suite) for suite in suites.AFTER_WEB]
    return total(stages)


if __name__ == "__main__":
    sys.exit(main())
