"""A person at a browser: pages of one origin, with everything that the browser objects to written down."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect

from autobot.testing.client import Client

WAIT_MS: Final = 15_000
"""No single wait of a browser test is longer."""

CHROMIUM: Final = "/usr/bin/chromium"
ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

DESKTOP: Final = {"width": 1280, "height": 800}
PHONE: Final = {"width": 390, "height": 844}

INSIDE: Final = frozenset({"data", "blob", "about"})
"""Schemes that ask nobody."""
SIGNED_OUT: Final = re.compile(r"401.*/api/v1/auth/me$")
"""How a page learns that nobody is signed in; the browser writes every such answer down as an error."""

VIOLATIONS: Final = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy ${event.violatedDirective} refused ${event.blockedURI}`));
"""

AXE: Final = Path("web/node_modules/axe-core/axe.min.js")
AUDIT: Final = """async (part) => {
  const { violations } = await axe.run(part ?? document, { resultTypes: ["violations"] });
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) => nodes.map(({ html, any, all }) =>
      `${id}: ${html.slice(0, 300)} ${[...any, ...all].map(({ message }) => message).join("; ")}`));
}"""

expect.set_options(timeout=WAIT_MS)


@dataclass
class Watch:
    """What the browser objected to, and whom it asked besides the product."""

    origin: str
    errors: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    expected: list[re.Pattern[str]] = field(default_factory=lambda: [SIGNED_OUT])

    def follow(self, context: BrowserContext) -> None:
        """Write down from now on what happens in any page of a context."""
        context.add_init_script(VIOLATIONS)
        context.on("request", lambda request: self._asked(request.url))
        context.on("console", self._said)
        context.on("weberror", lambda error: self.errors.append(f"not caught: {error.error}"))
        context.on("page", lambda page: page.on("websocket", lambda socket: self._asked(socket.url)))

    def expects(self, pattern: str) -> None:
        """Accept errors that match, for what the test itself brings about."""
        self.expected.append(re.compile(pattern))

    def moved(self, address: str) -> None:
        """Take another address for the product's."""
        self.origin = address

    def _asked(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in INSIDE and parts.netloc != urlsplit(self.origin).netloc:
            self.strangers.append(url)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} {message.location['url']}")

    def verdict(self) -> list[str]:
        """Return what was not to happen."""
        wrong = [error for error in self.errors if not any(one.search(error) for one in self.expected)]
        return [*wrong, *(f"asked {url}" for url in self.strangers)]


@dataclass
class Visit:
    """One browser with cookies of its own, at one server."""

    context: BrowserContext
    page: Page
    watch: Watch

    @property
    def address(self) -> str:
        """Where the product is."""
        return self.watch.origin

    def go(self, path: str) -> Page:
        """Open a path."""
        self.page.goto(self.address + path)
        return self.page

    def tab(self, path: str) -> Page:
        """Open a path in a further tab of the same person."""
        page = self.context.new_page()
        page.goto(self.address + path)
        return page

    def becomes(self, client: Client) -> Visit:
        """Take the session of a client that signed in."""
        name, _, value = client.cookie.partition("=")
        self.context.add_cookies([{"name": name, "value": value, "url": self.address}])
        return self


@contextmanager
def visiting(browser: Browser, address: str, **look: Any) -> Iterator[Visit]:
    """A fresh browser context; ends with AssertionError when the browser objected to anything.

    `look` is what Playwright calls the options of a context: `viewport`, `color_scheme`, `has_touch` …
    """
    context = browser.new_context(
        **{"viewport": DESKTOP, "reduced_motion": "reduce", "locale": "en-GB", **look}
    )
    context.set_default_timeout(WAIT_MS)
    watch = Watch(address)
    watch.follow(context)
    try:
        page = context.new_page()
        # From the beginning: who waits for a chooser would else press before the browser is told to hand it over.
        page.on("filechooser", lambda _: None)
        yield Visit(context, page, watch)
        wrong = watch.verdict()
        assert not wrong, "the browser objected:\n" + "\n".join(wrong)
    finally:
        context.close()


DROP: Final = """([part, files]) => {
  const transfer = new DataTransfer();
  for (const [name, text] of Object.entries(files)) transfer.items.add(new File([text], name, { type: "text/plain" }));
  const { x, y } = document.querySelector(part).getBoundingClientRect();
  const over = document.elementFromPoint(x + 40, y + 200);
  for (const type of ["dragenter", "dragover", "drop"])
    over.dispatchEvent(new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true }));
}"""


def drop(page: Page, part: str, files: dict[str, str]) -> None:
    """Drop files, name to text, on a part of the page, as from the person's desktop."""
    page.evaluate(DROP, [part, files])


def audit(page: Page, part: str | None = None) -> list[str]:
    """Return the serious and critical violations that axe-core finds in a page, or in a part of it, as it is."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[str] = page.evaluate(AUDIT, part)
    return found


IS_DARK: Final = "window.matchMedia('(prefers-color-scheme: dark)').matches"
PAINTED: Final = """async () => {
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  for (let still = 0; still < 3; still++) {
    await frame();
    const moving = document.getAnimations().filter((one) => one instanceof CSSTransition);
    if (moving.length > 0) still = -1;
    await Promise.allSettled(moving.map(({ finished }) => finished));
  }
}"""
"""Comes back when what changed is on the screen, and for three frames no colour is on its way to another: where a part takes
its colour from one around it, the one begins when the other is done."""


def in_both_looks(page: Page) -> Iterator[str]:
    """Show a page as it is in the look in which it was loaded, then in the other; return the name of each.

    It stays in the last, so that every second page is loaded in dark.
    """
    first = "dark" if page.evaluate(IS_DARK) else "light"
    for look in (first, "light" if first == "dark" else "dark"):
        page.emulate_media(color_scheme=look)
        expect(page.locator("html.dark")).to_have_count(int(look == "dark"))
        page.evaluate(PAINTED)
        yield look


def audit_in_both_looks(page: Page, part: str | None = None) -> list[str]:
    """Return what `audit` finds in light and in dark, and whether the page scrolls sideways in either."""
    wrong: list[str] = []
    for look in in_both_looks(page):
        wrong += [f"{look}: {one}" for one in audit(page, part)]
        if is_wider_than_its_window(page):
            wrong.append(f"{look}: scrolls sideways")
    return wrong


def is_wider_than_its_window(page: Page) -> bool:
    """Whether the page as a whole scrolls sideways."""
    wide: bool = page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
    return wide


SIDEWAYS: Final = """() => [...document.querySelectorAll("body *")].filter((part) => {
  const { overflowX } = getComputedStyle(part);
  return (overflowX === "auto" || overflowX === "scroll") && part.clientWidth > 0 && part.scrollWidth > part.clientWidth + 1;
}).map(({ className }) => String(className))"""


def parts_wider_than_their_room(page: Page) -> list[str]:
    """The parts of a page that have to be scrolled sideways to be seen whole, by their classes."""
    wide: list[str] = page.evaluate(SIDEWAYS)
    return wide


def question(page: Page) -> Locator:
    """The newest message of the person."""
    return page.get_by_role("article", name="You").last


def answer(page: Page) -> Locator:
    """The newest answer."""
    return page.get_by_role("article", name="AutoBot").last


def ask(page: Page, text: str) -> None:
    """Write a message and send it."""
    field = page.get_by_role("textbox", name="Message")
    field.fill(text)
    field.press("Enter")


def finished(page: Page) -> Locator:
    """Wait until the newest answer is not being written any more, and return it."""
    newest = answer(page)
    expect(newest).to_have_attribute("aria-busy", "false")
    expect(newest.get_by_role("button", name="Answer again")).to_be_visible()
    return newest


def address_of_chat(page: Page) -> str:
    """Wait until the chat has its own address; return its path."""
    page.wait_for_url(re.compile(r"/chat/[0-9a-f-]{30,}"))
    return urlsplit(page.url).path


def as_json(text: str) -> Any:
    """Return a downloaded document."""
    return json.loads(text)


def drawer(page: Page) -> Locator:
    """The open link, event or history."""
    return page.get_by_role("dialog").first
