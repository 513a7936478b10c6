"""What operators and administrators do: links and breakers, the log, settings."""

from __future__ import annotations

import re
from typing import Final

from playwright.sync_api import Locator, Page, expect

from autobot.testing.client import Client
from autobot.testing.harness import ServerProcess
from tests.e2e.browser import Visit, ask, audit, drawer
from tests.e2e.conftest import Open, awake
from tests.integration.product.host import Host
from tests.integration.product.people import Person

LINKS: Final = "/api/v1/system/links"


def by_hand(page: Page, action: str, reason: str) -> None:
    """Open, close, isolate or release the breaker of the open link."""
    drawer(page).get_by_role("button", name=action, exact=True).click()
    asked = page.get_by_role("dialog", name=re.compile(f"^{action}: "))
    asked.get_by_role("textbox", name="Reason").fill(reason)
    asked.get_by_role("button", name=action, exact=True).click()
    expect(asked).to_be_hidden()


def told(term: Locator, name: str) -> Locator:
    """The value beside a name in a list of values."""
    return term.locator("dt", has_text=re.compile(f"^{name}$")).locator("xpath=following-sibling::dd[1]")


# ------------------------------------------------------------------------------------------------ links


def test_the_map_and_the_table_show_every_row(admin: Visit, plain_host: Host) -> None:
    """Each row of the matrix is a line in the map and a row in the table; a line opens its row."""
    rows = plain_host.admin.client.get(LINKS).expect(200).json["items"]
    page = admin.go("/communication")
    table = page.get_by_role("region", name="All links")
    expect(table.locator("tbody").get_by_role("row")).to_have_count(len(rows))
    lines = page.get_by_role("group", name="Map of links").get_by_role("button")
    expect(lines).to_have_count(len(rows))
    page.get_by_role("button", name=re.compile("^API Gateway to AI Service")).focus()
    page.keyboard.press("Enter")
    expect(drawer(page)).to_contain_text("API Gateway → AI Service")
    page.wait_for_url("**/communication/gateway-ai")


def test_the_map_fills_the_screen_and_makes_way(admin: Visit) -> None:
    """The map can be left open over the whole screen; a line chosen there opens its row beside the page again."""
    page = admin.go("/communication")
    page.get_by_role("button", name="Fill the screen").click()
    page.wait_for_function("document.fullscreenElement?.tagName === 'FIGURE'")
    expect(page.get_by_role("button", name="Leave the full screen")).to_be_visible()
    page.get_by_role("button", name=re.compile("^API Gateway to AI Service")).focus()
    page.keyboard.press("Enter")
    page.wait_for_function("document.fullscreenElement === null")
    expect(drawer(page)).to_contain_text("API Gateway → AI Service")


def test_the_map_says_that_it_is_old(admin: Visit) -> None:
    """While the server does not answer, the map says how old it is and not that all is well; then it goes on."""
    admin.watch.expects("ERR_FAILED")
    page = admin.go("/communication")
    picture = page.get_by_role("figure")
    expect(picture).to_contain_text("requests a second")
    page.route(f"**{LINKS}?*", lambda route: route.abort())
    expect(picture).to_contain_text("Not up to date")
    expect(picture).not_to_contain_text("requests a second")
    expect(page.get_by_role("region", name="All links")).to_be_visible()
    page.unroute(f"**{LINKS}?*")
    expect(picture).to_contain_text("requests a second", timeout=30_000)


def test_the_table_is_searched_filtered_and_sorted(admin: Visit) -> None:
    """Search and filter narrow the table, a column sorts it, and both are kept while one is elsewhere."""
    page = admin.go("/communication")
    table = page.get_by_role("region", name="All links")
    rows = table.locator("tbody").get_by_role("row")
    table.get_by_role("button", name=re.compile("^Absent")).click()
    expect(rows.filter(has_text="Ollama")).to_have_count(1)
    table.get_by_role("textbox", name="Find a link").fill("npu")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("NPU Worker")
    page.get_by_role("link", name="Chat", exact=True).click()
    page.get_by_role("link", name="Links", exact=True).click()
    expect(rows).to_have_count(1)
    table.get_by_role("textbox", name="Find a link").fill("nothing like that")
    expect(table).to_contain_text("No link matches")
    table.get_by_role("textbox", name="Find a link").fill("")
    table.get_by_role("button", name=re.compile("^All")).click()
    table.get_by_role("button", name="Sort by Link").click()
    expect(table.locator("th[aria-sort=ascending]")).to_have_count(1)


def test_an_absent_part_says_the_step_that_adds_it(admin: Visit) -> None:
    """A link whose part is not installed shows the step, ready to copy."""
    page = admin.go("/communication/ai-llamacpp")
    expect(drawer(page)).to_contain_text("This part is not installed")
    expect(drawer(page)).to_contain_text("autobot add local-llm")
    expect(drawer(page).get_by_role("button", name="Copy the step")).to_be_visible()


def test_a_breaker_is_opened_and_closed_by_hand(admin: Visit, plain_host: Host) -> None:
    """Opening needs a reason; the state changes at once here and for everybody, and closing takes it back."""
    client = plain_host.admin.client
    page = admin.go("/communication/gateway-ai")
    drawer(page).get_by_role("button", name="Open", exact=True).click()
    asked = page.get_by_role("dialog", name="Open: API Gateway → AI Service")
    asked.get_by_role("button", name="Open", exact=True).click()
    expect(asked).to_contain_text("Say why")
    assert breaker_of(client, "gateway-ai") == "closed", "without a reason nothing happens"
    asked.get_by_role("button", name="Cancel").click()
    expect(asked).to_be_hidden()

    picture = page.get_by_role("figure")
    by_hand(page, "Isolate", "maintenance of the model host")
    expect(drawer(page)).to_contain_text("isolated")
    expect(picture).to_contain_text(re.compile(r"\d+ links? in trouble"))
    assert breaker_of(client, "gateway-ai") == "isolated"
    expect(drawer(page)).to_contain_text("maintenance of the model host")
    by_hand(page, "Release", "done")
    expect(drawer(page).get_by_role("button", name="Isolate", exact=True)).to_be_visible()
    by_hand(page, "Open", "to see it fail")
    expect(drawer(page)).to_contain_text(re.compile("open|half-open"))
    assert breaker_of(client, "gateway-ai") in {"open", "half_open"}
    by_hand(page, "Close", "seen")
    expect(drawer(page)).to_contain_text("substituted")
    assert breaker_of(client, "gateway-ai") == "closed"


def breaker_of(client: Client, link: str) -> str:
    """Return the breaker's state of a link with one target."""
    (target,) = client.get(f"{LINKS}/{link}").expect(200).json["targets"]
    return str(target["breaker_state"])


def test_a_policy_is_changed_with_its_history_and_put_back(admin: Visit, plain_host: Host) -> None:
    """A changed policy holds at once, its history says who and why, and the shipped one can be restored."""
    page = admin.go("/communication/gateway-ai")
    expect(told(drawer(page), "Timeout")).to_have_text("1 min")
    drawer(page).get_by_role("button", name="Change policy").click()
    editor = page.get_by_role("dialog", name="Policy of API Gateway → AI Service")
    expect(editor.get_by_role("button", name="Save")).to_be_disabled()
    editor.get_by_role("textbox", name="Timeout").fill("45")
    editor.get_by_role("textbox", name="Reason").fill("the host is slow today")
    editor.get_by_role("button", name="Save").click()
    expect(editor).to_be_hidden()
    expect(told(drawer(page), "Timeout")).to_have_text("45 s")
    expect(told(drawer(page), "Set by")).to_have_text("a change at run time")
    history = drawer(page).get_by_role("listitem").filter(has_text="the host is slow today")
    expect(history).to_contain_text("by admin")
    assert plain_host.admin.client.get(f"{LINKS}/gateway-ai").json["timeout"] == 45.0

    drawer(page).get_by_role("button", name="Restore shipped policy").click()
    asked = page.get_by_role("dialog", name="Restore an earlier policy?")
    asked.get_by_role("textbox", name="Reason").fill("it is fast again")
    asked.get_by_role("button", name="Revert").click()
    expect(asked).to_be_hidden()
    expect(told(drawer(page), "Timeout")).to_have_text("1 min")
    expect(told(drawer(page), "Set by")).to_have_text("the product")
    expect(drawer(page).get_by_role("listitem").filter(has_text="it is fast again")).to_be_visible()
    expect(history).to_be_visible()


def test_every_strategy_of_a_policy_can_be_set(admin: Visit, plain_host: Host) -> None:
    """Each strategy says in a line what it does, opens to its fields, and is sent alone when it is changed."""
    client = awake(plain_host).admin.client
    before = client.get(f"{LINKS}/backend-ai").expect(200).json
    page = admin.go("/communication/backend-ai")
    drawer(page).get_by_role("button", name="Change policy").click()
    editor = page.get_by_role("dialog", name="Policy of Backend → AI Service")
    bulkhead = editor.get_by_role("button", name="Bulkhead off")
    expect(bulkhead).to_have_attribute("aria-expanded", "false")
    bulkhead.focus()
    page.keyboard.press("Enter")
    editor.get_by_role("switch", name="Limit calls at once").press("Space")
    editor.get_by_role("textbox", name="At once").fill("7")
    editor.get_by_role("textbox", name="May wait").fill("2")
    expect(editor.get_by_role("button", name="Bulkhead 7 at once, 2 waiting")).to_be_visible()
    editor.get_by_role("button", name="Chaos off").click()
    editor.get_by_role("switch", name="Make faults on purpose").press("Space")
    editor.get_by_role("textbox", name="Chance of failure").fill("0.25")
    editor.get_by_role("textbox", name="Reason").fill("a rehearsal")
    editor.get_by_role("button", name="Save").click()
    expect(editor).to_be_hidden()
    expect(told(drawer(page), "Bulkhead")).to_have_text("7 at once, 2 waiting")
    expect(told(drawer(page), "Chaos")).to_have_text("25 % fail")
    after = client.get(f"{LINKS}/backend-ai").expect(200).json
    assert (after["bulkhead"]["limit"], after["bulkhead"]["queue"]) == (7, 2)
    assert after["chaos"]["fault_rate"] == 0.25
    same = ("timeout", "total", "retry", "breaker", "rate_limit", "cache", "transport")
    assert {name: after[name] for name in same} == {name: before[name] for name in same}

    drawer(page).get_by_role("button", name="Restore shipped policy").click()
    asked = page.get_by_role("dialog", name="Restore an earlier policy?")
    asked.get_by_role("textbox", name="Reason").fill("rehearsed")
    asked.get_by_role("button", name="Revert").click()
    expect(told(drawer(page), "Chaos")).to_have_text("off")
    assert client.get(f"{LINKS}/backend-ai").json["bulkhead"] is None


def test_a_planted_fault_is_seen_followed_and_ended(
    opened: Open, plain: ServerProcess, plain_host: Host
) -> None:
    """An operator breaks a row: the answer says so, the map names it, the timeline shows before and after, one press ends it."""
    operator = awake(plain_host)("operator")
    visit = opened(plain.address).becomes(operator.client)
    visit.watch.expects("50[23]")  # models are asked for over this row, too
    page = visit.go("/communication/agents-llm")
    drawer(page).get_by_role("button", name="Change policy").click()
    editor = page.get_by_role("dialog", name="Policy of")
    editor.get_by_role("button", name="Chaos off").click()
    editor.get_by_role("switch", name="Make faults on purpose").press("Space")
    editor.get_by_role("textbox", name="Chance of failure").fill("1")
    editor.get_by_role("textbox", name="Reason").fill("what becomes of an answer?")
    editor.get_by_role("button", name="Save").click()
    expect(editor).to_be_hidden()
    # What is still loading tells of itself, too.
    banner = drawer(page).get_by_role("status").filter(has_text="Faults on purpose")
    try:
        expect(banner).to_contain_text("Faults on purpose 100 % fail")
        page.goto(plain.address + "/chat")
        ask(page, "How do I connect Ollama?")
        failed = page.get_by_role("article", name="AutoBot").last.get_by_role("alert")
        expect(failed).to_contain_text("A fault made on purpose", timeout=30_000)
        expect(failed).to_contain_text("An operator switched faults on for this link")
        page.goto(plain.address + "/communication")
        assert audit(page) == []
        page.get_by_role("button", name="Faults on purpose: Agent Pool → LLM Facade").click()
        expect(drawer(page)).to_contain_text("A fault made on purpose")
        assert audit(page, "[role=dialog]") == []
        drawer(page).get_by_role("link", name="before and after").first.click()
        page.wait_for_url("**/timeline**")
        expect(page.get_by_text("agents-llm").first).to_be_visible()
        expect(page.get_by_role("main").or_(page.locator("body")).first).to_contain_text("fault_rate")
        page.goto(plain.address + "/communication/agents-llm")
        drawer(page).get_by_role("button", name="End the faults").click()
        asked = page.get_by_role("dialog", name="End the faults")
        asked.get_by_role("textbox", name="Reason").fill("seen")
        asked.get_by_role("textbox", name="Reason").press("Enter")
        expect(asked).to_be_hidden()
        expect(told(drawer(page), "Chaos")).to_have_text("off")
        expect(banner).to_have_count(0)
    finally:
        body = {"position": "shipped", "reason": "tidied up"}
        operator.client.post(f"{LINKS}/agents-llm/revert", body).expect(200)
        closed = {"action": "close", "reason": "tidied up"}
        operator.client.post(f"{LINKS}/agents-llm/breaker", closed)


def test_a_policy_that_makes_no_sense_is_refused_in_words(admin: Visit, plain_host: Host) -> None:
    """A value that the server refuses stays in the form with the reason of the refusal; nothing changes."""
    admin.watch.expects(rf"status of 4\d\d .*{LINKS}/gateway-ai$")
    page = admin.go("/communication/gateway-ai")
    drawer(page).get_by_role("button", name="Change policy").click()
    editor = page.get_by_role("dialog", name="Policy of API Gateway → AI Service")
    editor.get_by_role("textbox", name="Timeout").fill("-5")
    editor.get_by_role("textbox", name="Reason").fill("let us see")
    editor.get_by_role("button", name="Save").click()
    expect(editor.get_by_role("alert")).to_be_visible()
    assert plain_host.admin.client.get(f"{LINKS}/gateway-ai").json["timeout"] == 60.0


# ----------------------------------------------------------------------------------------------- events


def test_the_log_is_filtered_by_correlation(admin: Visit, alice: Person) -> None:
    """The correlation id of one message finds everything that it caused, and the address keeps the filter."""
    session = alice.chat()
    reply = alice.say(session, "/help", wait=20).expect(200)
    correlation = reply.headers["x-correlation-id"]
    page = admin.go("/events")
    page.get_by_role("search").get_by_role("textbox", name="Correlation id").fill(correlation)
    page.wait_for_url(f"**/events?correlation={correlation}")
    rows = page.locator("tbody").get_by_role("row")
    expect(rows.filter(has_text="run_completed")).to_have_count(1)
    expect(rows.filter(has_text="run_started")).to_have_count(1)
    buttons = page.locator("tbody").get_by_role("button")
    titles = {button.get_attribute("title") for button in buttons.all()}
    assert titles == {f"Same correlation: {correlation}"}
    page.reload()
    expect(rows.filter(has_text="run_completed")).to_have_count(1)

    rows.filter(has_text="run_completed").click()
    expect(drawer(page)).to_contain_text("autobot.runs.run_completed.v1")
    expect(drawer(page)).to_contain_text(correlation)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Clear filters").click()
    expect(rows.filter(has_text="run_completed").first).to_be_visible()
    page.wait_for_url("**/events")


def test_new_events_appear_by_themselves(admin: Visit, alice: Person) -> None:
    """The log is live: what happens while it is open appears on top; switched off it stands still."""
    page = admin.go("/events?type=autobot.chat.session")
    expect(page.get_by_role("switch", name="Live")).to_be_checked()
    expect(page.get_by_role("status", name=re.compile("^Live"))).to_be_visible()
    alice.client.close()
    session = alice.chat(title="brand new")
    row = page.locator("tbody").get_by_role("row").filter(has_text=session)
    expect(row.first).to_be_visible()


# --------------------------------------------------------------------------------------------- settings


def setting(page: Page, title: str) -> Locator:
    """The form of a setting."""
    return page.locator("form").filter(has=page.get_by_text(title, exact=True))


def test_a_setting_shows_its_source_and_history(admin: Visit, plain_host: Host) -> None:
    """A changed value is stored, with who and when; an earlier one can be restored, and the default too."""
    page = admin.go("/settings")
    form = setting(page, "System prompt")
    expect(form.get_by_text("default", exact=True)).to_be_visible()
    field = form.get_by_role("textbox", name="System prompt")
    for text in ("Answer briefly.", "Answer at length."):
        field.fill(text)
        form.get_by_role("button", name="Save").click()
        expect(form.get_by_role("status")).to_contain_text("Saved")
    expect(form.get_by_text("stored", exact=True)).to_be_visible()
    expect(form).to_contain_text("by admin")

    form.get_by_role("button", name="History of System prompt").click()
    entries = drawer(page).get_by_role("listitem")
    expect(entries).to_have_count(2)
    expect(entries.first).to_contain_text("Answer at length.")
    expect(entries.first).to_contain_text("current")
    entries.nth(1).get_by_role("button", name="Revert to this").click()
    expect(entries).to_have_count(3)
    page.keyboard.press("Escape")
    expect(field).to_have_value("Answer briefly.")
    form.get_by_role("button", name="Back to default").click()
    expect(form.get_by_text("default", exact=True)).to_be_visible()
    assert plain_host.admin.client.get("/api/v1/settings/chat.system_prompt").json["source"] == "default"


def test_a_wrong_value_is_not_sent(admin: Visit) -> None:
    """A value outside its range is told beside the field, and cannot be saved."""
    page = admin.go("/settings")
    form = setting(page, "Actions a minute")
    field = form.get_by_role("textbox", name="Actions a minute")
    field.fill("0")
    expect(form).to_contain_text("This must be 1 to 1000000.")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(form.get_by_role("button", name="Save")).to_be_disabled()
    form.get_by_role("button", name="Discard").click()
    expect(field).to_have_value("100")


def test_what_the_environment_sets_is_locked_and_named(
    opened: Open, modelled: ServerProcess, modelled_host: Host
) -> None:
    """A value from the environment cannot be changed here, and the page names the variable."""
    page = opened(modelled.address).becomes(modelled_host.admin.client).go("/settings")
    form = setting(page, "OpenAI-compatible server")
    expect(form.get_by_text("environment", exact=True)).to_be_visible()
    expect(form).to_contain_text("Set by AUTOBOT_OPENAI_BASE_URL.")
    expect(form.get_by_role("textbox")).to_be_disabled()
    page.get_by_role("textbox", name="Find a setting").fill("sign-in")
    expect(page.locator("form")).to_have_count(1)
    page.get_by_role("textbox", name="Find a setting").fill("no such thing")
    expect(page.get_by_text("No setting matches")).to_be_visible()
