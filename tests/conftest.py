"""What every suite shares: the asyncio backend, hypothesis profiles, and the rule that CI skips nothing."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from autobot.testing.postgres import Cluster
from autobot.testing.valkey import ValkeyServer
from tools.dealing import group_of, place_of
from tools.machine import has

CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}
SKIPPED = pytest.StashKey[list[str]]()

# A shared machine makes wall-clock deadlines of single examples meaningless; hanging tests are stopped by faulthandler.
settings.register_profile("dev", deadline=None, print_blob=True)
settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True, database=None)
settings.load_profile("ci" if CI else "dev")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Async tests run on plain asyncio, the loop that the product supports."""
    return "asyncio"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL server of this session; a test makes its own database on it."""
    with Cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def valkey() -> Iterator[ValkeyServer]:
    """A Valkey server of this session; a test flushes it first."""
    with ValkeyServer() as server:
        yield server


def pytest_configure(config: pytest.Config) -> None:
    """Keep the names of skipped tests for the end of the session."""
    config.stash[SKIPPED] = []
    config.pluginmanager.register(_SkipWatch(config), "skip-watch")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the groups of tests that are dealt out to workers in their order."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda one: place_of(one.nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling | None:
    """Deal out by our groups where xdist is told to deal by groups."""
    return _Groups(config, log) if config.getvalue("dist") == "loadgroup" else None


class _Groups(LoadScopeScheduling):
    """Deals out one group of tests after the other, each to one worker."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose programs this machine does not have."""
    names = [name for mark in item.iter_markers("needs_program") for name in mark.args]
    absent = [name for name in names if not has(name)]
    if absent:
        pytest.skip(f"needs {', '.join(absent)}, which this machine does not have")


class _SkipWatch:
    """Collects skips; under CI they fail the session, named."""

    def __init__(self, config: pytest.Config) -> None:
        self._skipped = config.stash[SKIPPED]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped:
            self._skipped.append(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self._skipped.append(report.nodeid)

    @pytest.hookimpl(wrapper=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Iterator[None]:
        # A worker of xdist reports to the controller, which judges for all of them.
        on_controller = not hasattr(session.config, "workerinput")
        if CI and on_controller and self._skipped and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        return (yield)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if CI and self._skipped:
            terminalreporter.section("skipped, which CI does not accept", red=True)
            for name in self._skipped:
                terminalreporter.line(name)
