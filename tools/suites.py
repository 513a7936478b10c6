"""Which suites the project has: the one list that `make test` runs through and that CI holds the project to.

A suite whose folder holds no test yet is reported as empty; under CI=true that is a failure.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """One stage of `make test`.

    Attributes:
        name: what the report calls it.
        folders: below the project's root; all of one stage run in one pytest.
        workers: pytest-xdist processes; 0 runs in one process, for tests that need the machine for themselves. More than
            cores where tests wait for what takes its time.
        dist: how tests are dealt out to them: `load` one by one, `loadfile` by files, `loadgroup` as dealing.py says.
        timeout_s: seconds after which the stage counts as hung.
    """

    name: str
    folders: tuple[str, ...]
    workers: int
    timeout_s: int
    dist: str = "load"


FAST = Suite(
    name="unit, property, conformance, contract, architecture",
    folders=("tests/unit", "tests/property", "tests/conformance", "tests/contract", "tests/architecture"),
    workers=2,
    timeout_s=1800,
)
INTEGRATION = Suite(
    name="integration", folders=("tests/integration",), workers=3, timeout_s=1800, dist="loadgroup"
)
BROWSER = Suite(name="browser", folders=("tests/e2e",), workers=3, timeout_s=1800, dist="loadfile")
FAULTS = Suite(name="faults", folders=("tests/faults",), workers=0, timeout_s=1200)

BEFORE_WEB = (FAST,)
AFTER_WEB = (INTEGRATION, BROWSER, FAULTS)
REQUIRED_FOLDERS = tuple(folder for suite in (*BEFORE_WEB, *AFTER_WEB) for folder in suite.folders)
