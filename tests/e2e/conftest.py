"""Servers for the whole session, a browser for each module, a fresh browser context for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from autobot.testing.harness import ServerProcess
from autobot.testing.models.tiny_gguf import write_scripted
from tests.e2e.browser import ARGUMENTS, CHROMIUM, Visit, visiting
from tests.integration.product.host import Host
from tests.integration.product.people import Person
from tests.integration.product.stand_in import ModelServer

Open = Callable[..., Visit]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of this folder needs the browser."""
    for item in items:
        if "tests/e2e/" in item.path.as_posix():
            item.add_marker(pytest.mark.needs_program("chromium"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser. Not for the session: its driver holds this thread's event loop, which other suites need."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield running
        running.close()


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """AutoBot with nothing installed."""
    with ServerProcess(tmp_path_factory.mktemp("plain") / "data") as running:
        yield running


@pytest.fixture(scope="session")
def model_server() -> Iterator[ModelServer]:
    """A model server whose answers the tests decide, word by word."""
    with ModelServer() as running:
        yield running


@pytest.fixture(scope="session")
def modelled(tmp_path_factory: pytest.TempPathFactory, model_server: ModelServer) -> Iterator[ServerProcess]:
    """AutoBot with that model server, and with a model file that a real llama.cpp serves."""
    folder = tmp_path_factory.mktemp("modelled")
    environment = {
        "AUTOBOT_OPENAI_BASE_URL": model_server.address,
        "AUTOBOT_MODEL_FILE": str(write_scripted(folder / "tiny.gguf")),
    }
    with ServerProcess(folder / "data", environment) as running:
        yield running


@pytest.fixture(scope="session")
def plain_host(plain: ServerProcess) -> Iterator[Host]:
    """Makes people on the plain server."""
    with ExitStack() as closing:
        yield Host(plain, closing)


@pytest.fixture(scope="session")
def modelled_host(modelled: ServerProcess) -> Iterator[Host]:
    """Makes people on the server that has models."""
    with ExitStack() as closing:
        yield Host(modelled, closing)


@pytest.fixture
def opened(browser: Browser) -> Iterator[Open]:
    """Open browsers; at the test's end each must have nothing to object to."""
    with ExitStack() as closing:

        def open_at(address: str, **look: Any) -> Visit:
            return closing.enter_context(visiting(browser, address, **look))

        yield open_at


def awake(host: Host) -> Host:
    """Let the administrator's client connect anew: the server closes connections that were idle for seconds."""
    host.admin.client.close()
    return host


@pytest.fixture
def admin(opened: Open, plain: ServerProcess, plain_host: Host) -> Visit:
    """The administrator of the plain server."""
    return opened(plain.address).becomes(plain_host.admin.client)


@pytest.fixture
def reader(opened: Open, plain: ServerProcess, alice: Person) -> Visit:
    """A user of the plain server, at a browser."""
    return opened(plain.address).becomes(alice.client)


@pytest.fixture
def alice(plain_host: Host) -> Person:
    """A user of the plain server whom no other test knows."""
    return awake(plain_host)()


@pytest.fixture
def bob(modelled_host: Host) -> Person:
    """A user of the server that has models."""
    return awake(modelled_host)()


@pytest.fixture
def talker(opened: Open, modelled: ServerProcess, bob: Person) -> Visit:
    """The same, at a browser."""
    return opened(modelled.address).becomes(bob.client)
