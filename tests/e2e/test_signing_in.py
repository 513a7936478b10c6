"""The first minute: from the printed link, or the password, to the first page."""

from __future__ import annotations

import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from playwright.sync_api import expect

from autobot.testing.harness import PASSWORD, START_S, STOP_S, ServerProcess, environment_for
from tests.e2e.conftest import Open
from tests.integration.product.people import Person

LINK: Final = "Sign in once with "


@contextmanager
def printing(folder: Path) -> Iterator[str]:
    """Run `autobot up` in a fresh folder as somebody would who set nothing; yield the link that it prints."""
    environment = environment_for(folder)
    del environment["AUTOBOT_ADMIN_PASSWORD"]
    with (
        (folder.parent / "log").open("wb") as log,
        subprocess.Popen(
            [sys.executable, "-m", "autobot", "up", "--port", "0"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            bufsize=0,
        ) as process,
    ):
        try:
            yield printed(process, LINK)
        finally:
            process.kill()
            process.wait(STOP_S)


def printed(process: subprocess.Popen[bytes], beginning: str) -> str:
    """Return the rest of the first line that begins so. Raises TimeoutError, and EOFError when it ended."""
    assert process.stdout is not None
    until = time.monotonic() + START_S
    while select.select([process.stdout], [], [], max(0.0, until - time.monotonic()))[0]:
        line = process.stdout.readline().decode()
        if line.startswith(beginning):
            return line.removeprefix(beginning).strip()
        if not line:
            raise EOFError("it ended without that line")
    raise TimeoutError("that line was not printed in time")


def test_the_printed_link_signs_in_once(opened: Open, tmp_path: Path) -> None:
    """The link that `autobot up` prints in a fresh folder opens the chat; the second time it says it is used up."""
    with printing(tmp_path / "data") as link:
        address = link.partition("/sign-in")[0]
        visit = opened(address)
        page = visit.page
        page.goto(link)
        expect(page.get_by_role("heading", name="What shall we do?")).to_be_visible()
        assert "token" not in page.url, "the token does not stay in the address bar"
        page.reload()
        expect(page.get_by_role("button", name="Account of admin")).to_be_visible()

        later = opened(address)
        later.watch.expects(r"status of 4\d\d .*/api/v1/auth/link$")
        later.page.goto(link)
        expect(later.page.get_by_role("alert")).to_contain_text("This sign-in link does not work")
        assert "token" not in later.page.url


def test_a_password_signs_in_and_out(opened: Open, plain: ServerProcess, alice: Person) -> None:
    """Name and password lead to the page that was asked for; signing out leads back, and away for good."""
    visit = opened(plain.address)
    page = visit.go("/users/account")
    expect(page).to_have_title("Sign in · AutoBot")
    page.get_by_label("User name").fill(alice.name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Access")).to_be_visible()
    page.wait_for_url("**/users/account")

    page.get_by_role("button", name=f"Account of {alice.name}").click()
    page.get_by_role("menuitem", name="Sign out").click()
    expect(page.get_by_label("User name")).to_be_visible()
    visit.go("/users/account")
    expect(page.get_by_label("User name")).to_be_visible()


def test_a_wrong_password_is_said_and_can_be_corrected(
    opened: Open, plain: ServerProcess, alice: Person
) -> None:
    """A wrong password is refused in words, the name stays, the field is ready for the next try."""
    visit = opened(plain.address)
    visit.watch.expects(r"status of 401 .*/api/v1/auth/login$")
    page = visit.go("/")
    page.get_by_label("User name").fill(alice.name)
    password = page.get_by_label("Password", exact=True)
    password.fill("not the password")
    password.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("User name or password is not right")
    expect(page.get_by_label("User name")).to_have_value(alice.name)
    expect(password).to_be_focused()
    expect(password).to_have_value("")
    password.fill(PASSWORD)
    password.press("Enter")
    expect(page.get_by_role("heading", name="What shall we do?")).to_be_visible()


def test_empty_fields_are_not_sent(opened: Open, plain: ServerProcess) -> None:
    """Without name and password nothing is asked of the server, and the first empty field gets the focus."""
    page = opened(plain.address).go("/sign-in")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Fill in both fields.")).to_be_visible()
    expect(page.get_by_label("User name")).to_be_focused()
    assert [url for url in asked if url.endswith("/auth/login")] == []
