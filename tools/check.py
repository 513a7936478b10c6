"""`make check`: everything that can be judged without starting the product, two checks at a time."""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tools import environment, web
from tools.console import SetupError, say, stop

WORKERS = 2
TIMEOUT_S = 300
PYTHON_FOLDERS = ("src", "tests", "tools", "bench")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One program whose exit code is the verdict."""

    name: str
    argv: Sequence[str]
    cwd: Path = environment.ROOT
    env: Mapping[str, str] = field(default_factory=environment.environ)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How a check ended."""

    name: str
    passed: bool
    seconds: float
    output: str


def python_checks() -> list[Check]:
    """The checks of the Python side, the slowest first."""
    bin_folder = environment.VENV / "bin"
    folders = [name for name in PYTHON_FOLDERS if (environment.ROOT / name).is_dir()]
    python = str(bin_folder / "python")
    return [
        Check(name="mypy --strict", argv=[str(bin_folder / "mypy"), "--no-error-summary", "--pretty"]),
        Check(name="OpenAPI schema", argv=[python, "-m", "tools.check_openapi"]),
        Check(name="message schemas", argv=[python, "-m", "tools.check_schemas"]),
        Check(name="import-linter", argv=[str(bin_folder / "lint-imports"), "--no-logo"]),
        Check(name="deptry", argv=[str(bin_folder / "deptry"), "src"]),
        Check(name="ruff check", argv=[str(bin_folder / "ruff"), "check", "--quiet", *folders]),
        Check(name="ruff format", argv=[str(bin_folder / "ruff"), "format", "--check", *folders]),
    ]


def web_checks() -> list[Check]:
    """The checks of the web client, by the names of its npm scripts."""
    env = web.environment_of_node()
    python = str(environment.VENV / "bin" / "python")
    names = {"typecheck": "vue-tsc", "lint": "eslint", "cruise": "web import rules"}
    return [
        Check(name=name, argv=["npm", "run", "--silent", script], cwd=web.WEB, env=env)
        for script, name in names.items()
    ] + [
        Check(name="web API types", argv=[python, "-m", "tools.check_web_types"]),
        # buf is one of the web client's packages.
        Check(name="protos", argv=[python, "-m", "tools.check_protos"]),
    ]


def judge(check: Check) -> Verdict:
    """Run one check to its end."""
    started = time.monotonic()
    try:
        done = subprocess.run(
            list(check.argv),
            cwd=check.cwd,
            env=dict(check.env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=TIMEOUT_S,
            check=False,
        )
        passed, output = done.returncode == 0, done.stdout
    except FileNotFoundError:
        passed, output = False, f"{check.argv[0]} is not installed"
    except subprocess.TimeoutExpired:
        passed, output = False, f"did not end within {TIMEOUT_S} s"
    verdict = Verdict(
        name=check.name, passed=passed, seconds=time.monotonic() - started, output=output.strip()
    )
    say(f"  {'ok    ' if passed else 'FAILED'} {check.name} ({verdict.seconds:.1f} s)")
    if not passed:
        say("\n".join("    | " + line for line in verdict.output.splitlines()))
    return verdict


def run_checks() -> list[Verdict]:
    """Run every check, two at a time; the environment is set up before."""
    slow, rest = python_checks()[:1], python_checks()[1:]
    checks = slow + (web_checks() if web.present() else []) + rest
    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(judge, checks))


def main() -> int:
    """Set up what the checks need, run them, and print the tally."""
    try:
        with environment.only_one():
            # The test kit is part of the package, and its types come from the test group.
            environment.sync(("check", "test"))
            if web.present():
                web.install()
    except SetupError as error:
        return stop(error)
    started = time.monotonic()
    verdicts = run_checks()
    failed = sum(not verdict.passed for verdict in verdicts)
    say(f"{len(verdicts) - failed} passed, {failed} failed in {time.monotonic() - started:.1f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
