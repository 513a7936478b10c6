"""The product by keyboard alone."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from autobot.testing.harness import PASSWORD, ServerProcess
from tests.e2e.browser import Visit, finished
from tests.e2e.conftest import Open, awake
from tests.integration.product.host import Host
from tests.integration.product.people import Person
from tests.integration.product.stand_in import ModelServer


def tab_to(page: Page, role: str, name: str | re.Pattern[str], *, most: int = 40, back: bool = False) -> None:
    """Press Tab, or Shift and Tab, until an element has the focus. Raises AssertionError when it is not on the way."""
    wanted = page.get_by_role(role, name=name)  # type: ignore[arg-type]
    # A straight line of the map has no height, which Playwright takes for hidden.
    expect(wanted).to_be_attached()
    for _ in range(most):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Shift+Tab" if back else "Tab")
    raise AssertionError(f"{most} times Tab do not lead to {role} {name}")


def test_a_whole_visit_needs_no_mouse(opened: Open, plain: ServerProcess, alice: Person) -> None:
    """Sign in, talk, copy, look at a link and sign out with Tab, Enter, Escape and the arrows."""
    page = opened(plain.address).go("/")
    expect(page.get_by_label("User name")).to_be_focused()
    page.keyboard.type(alice.name)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    tab_to(page, "textbox", "Message")
    page.keyboard.type("/help")
    page.keyboard.press("Enter")
    finished(page)
    tab_to(page, "link", "Links")
    page.keyboard.press("Enter")
    tab_to(page, "button", re.compile("^Web client to API Gateway"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("Web client → API Gateway")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    tab_to(page, "button", f"Account of {alice.name}", most=150)
    page.keyboard.press("Enter")
    expect(page.get_by_role("menu")).to_be_visible()
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    expect(page.get_by_label("User name")).to_be_visible()


def test_a_new_page_begins_at_its_content(reader: Visit) -> None:
    """Who arrives at a page is in its content, past the navigation; before that, a link skips there."""
    page = reader.go("/users/keys")
    expect(page.get_by_role("heading", name="Access")).to_be_visible()
    expect(page.get_by_role("main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="API keys")).to_be_focused()
    tab_to(page, "link", "Skip to content", back=True)
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()


def test_the_palette_goes_everywhere(reader: Visit, alice: Person) -> None:
    """Ctrl-K finds pages, chats, links and commands by their names; Escape gives the focus back."""
    alice.chat(title="About tomatoes")
    page = reader.go("/")
    palette = page.get_by_role("dialog", name="Search and commands")
    expect(page.get_by_role("heading", name="What shall we do?")).to_be_visible()
    for typed, arrives in (
        ("Access", "**/users"),
        ("tomatoes", "**/chat/*"),
        ("llama.cpp", "**/communication/ai-llamacpp"),
        ("New chat", "**/chat"),
    ):
        page.keyboard.press("Control+k")
        expect(palette.get_by_role("combobox").or_(palette.get_by_role("textbox")).first).to_be_focused()
        page.keyboard.type(typed)
        option = palette.get_by_role("option").filter(has_text=typed).first
        expect(option).to_have_attribute("data-highlighted", "")
        page.keyboard.press("Enter")
        page.wait_for_url(arrives)
        expect(palette).to_be_hidden()
    page.keyboard.press("Control+k")
    expect(palette).to_be_visible()
    page.keyboard.press("Escape")
    expect(palette).to_be_hidden()


def test_the_palette_finds_documents_and_collections(
    opened: Open, plain: ServerProcess, alice: Person, plain_host: Host
) -> None:
    """A document is found by its title and a collection by its name; Enter opens them, and others' are not offered."""
    other = awake(plain_host)()
    api = "/api/v1/knowledge_base"
    for person, title in ((alice, "Recipes with plums"), (other, "Plums that are private")):
        person.client.post(f"{api}/documents", {"title": title, "text": "Stone them first."}).expect(202)
    kept = alice.client.post(f"{api}/collections", {"name": "Orchard"}).expect(201).json["id"]
    page = opened(plain.address).becomes(alice.client).go("/chat")
    palette = page.get_by_role("dialog", name="Search and commands")
    expect(page.get_by_role("heading", name="What shall we do?")).to_be_visible()
    page.keyboard.press("Control+k")
    expect(palette.get_by_role("combobox").or_(palette.get_by_role("textbox")).first).to_be_focused()
    page.keyboard.type("plums")
    expect(palette.get_by_role("option")).to_have_text([re.compile("Recipes with plums")])
    expect(palette.get_by_role("option")).to_have_attribute("data-highlighted", "")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Recipes with plums", level=1)).to_be_visible()
    page.keyboard.press("Control+k")
    page.keyboard.type("orchard")
    expect(palette.get_by_role("option").filter(has_text="Orchard")).to_have_attribute("data-highlighted", "")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/knowledge?collection={kept}")


def test_shortcuts_are_listed_and_can_be_switched_off(admin: Visit) -> None:
    """`?` lists the shortcuts; they act outside fields; switched off, single keys do nothing and Ctrl-K still does."""
    page = admin.go("/users/account")
    expect(page.get_by_role("heading", name="Access")).to_be_visible()
    page.keyboard.press("?")
    shown = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(shown).to_contain_text("Search and commands")
    page.keyboard.press("Escape")
    expect(shown).to_be_hidden()
    for keys, path in (("ge", "events"), ("gs", "settings"), ("gl", "communication"), ("gc", "chat")):
        page.keyboard.type(keys)
        page.wait_for_url(f"**/{path}")
    field = page.get_by_role("textbox", name="Message")
    expect(field).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("i")
    expect(field).to_be_focused()
    page.keyboard.type("gs?")
    expect(field).to_have_value("gs?")

    admin.go("/users/account")
    expect(page.get_by_role("heading", name="Access")).to_be_visible()
    page.keyboard.press("Control+/")
    shown.get_by_role("switch", name="Single-key shortcuts").press("Space")
    page.keyboard.press("Escape")
    expect(shown).to_be_hidden()
    page.keyboard.press("?")
    page.keyboard.type("gs")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog", name="Search and commands")).to_be_visible()
    expect(shown).to_be_hidden()
    assert page.url.endswith("/users/account")


def test_shortcuts_are_put_on_other_keys(admin: Visit) -> None:
    """A shortcut takes the keys that are pressed, none that another has, keeps them, and goes back as shipped."""
    page = admin.go("/users/account")
    expect(page.get_by_role("heading", name="Access")).to_be_visible()
    page.keyboard.press("?")
    shown = page.get_by_role("dialog", name="Keyboard shortcuts")
    shown.get_by_role("button", name="Keys of Events: G E").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Control+k")
    expect(shown.get_by_role("alert")).to_contain_text("is taken by “Search and commands”")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(shown.get_by_role("alert")).to_contain_text("needed in dialogs")
    page.keyboard.press("x")
    page.keyboard.press("e")
    expect(shown.get_by_role("button", name="Keys of Events: X E")).to_be_focused()
    page.keyboard.press("Escape")
    expect(shown).to_be_hidden()
    page.reload()
    expect(page.get_by_role("heading", name="Access")).to_be_visible()
    page.keyboard.type("xe")
    page.wait_for_url("**/events")
    page.keyboard.press("Control+/")
    shown.get_by_role("button", name="Shipped keys of Events").click()
    expect(shown.get_by_role("button", name="Keys of Events: G E")).to_be_visible()
    shown.get_by_role("switch", name="Shortcuts", exact=True).press("Space")
    page.keyboard.press("Escape")
    expect(shown).to_be_hidden()
    page.keyboard.press("Control+k")
    page.keyboard.type("gc")
    page.get_by_role("button", name="Search and commands").click()
    expect(page.get_by_role("dialog", name="Search and commands")).to_be_visible()
    assert page.url.endswith("/events")


def test_escape_stops_an_answer(talker: Visit, model_server: ModelServer) -> None:
    """Escape in the chat stops the answer that is being written."""
    page = talker.go("/")
    field = page.get_by_role("textbox", name="Message")
    field.fill("until escape")
    field.press("Enter")
    call = model_server.take("until escape").say("some words")
    expect(page.get_by_role("article", name="AutoBot")).to_contain_text("some words")
    field.press("Escape")
    expect(finished(page)).to_contain_text("Stopped by you.")
    call.end()
