"""Questions whose answers are known: graded from a search by one key, measured, compared, and looked up in the log."""

from __future__ import annotations

from typing import Any, Final

import pytest
from playwright.sync_api import Page, expect

from autobot.testing.harness import ServerProcess
from tests.e2e.browser import (
    Visit,
    audit,
    audit_in_both_looks,
    drop,
)
from tests.e2e.conftest import Open
from tests.e2e.test_looks import SIZES
from tests.integration.product.people import Person

API: Final = "/api/v1/knowledge_base"


def filled(person: Person, name: str) -> tuple[str, dict[str, str]]:
    """Make a collection with three documents that are ready; return its id and theirs by title."""
    place = person.client.post(f"{API}/collections", {"name": name}).expect(201).json["id"]
    found: dict[str, str] = {}
    for title, text in (
        ("Ferns", "Ferns grow in the shade of old trees."),
        ("Pumps", "A pump needs oil twice a year."),
        ("Bread", "Bread rises when the yeast is warm."),
    ):
        body = {"title": title, "text": text, "collection": place}
        made = person.client.post(f"{API}/documents", body).expect(202).json
        person.client.get(f"{API}/documents/{made['id']}", headers={"prefer": "wait=30"}).expect(200)
        found[title] = made["id"]
    return str(place), found


def ask(page: Page, question: str) -> None:
    """Type a question and wait for its answer."""
    field = page.get_by_role("textbox", name="A question, or words")
    field.fill(question)
    field.press("Enter")


def test_a_right_answer_is_kept_by_one_key_and_measured(reader: Visit, alice: Person) -> None:
    """Searching, one press on the right result, and measuring show how well it is found; a second run stands beside the first."""
    place, _ = filled(alice, "Plants")
    page = reader.go(f"/knowledge/search?collection={place}&q=ferns")
    results = page.get_by_role("list", name="What was found")
    link = results.get_by_role("link", name="Ferns")
    link.focus()
    page.keyboard.press("y")
    full = results.get_by_role("button", name="3: Fully", pressed=True)
    expect(full).to_have_count(1)
    ask(page, "oil for pumps")
    expect(results.get_by_role("link").first).to_have_text("Pumps")
    results.get_by_role("listitem").first.get_by_role("button", name="3: Fully").click()
    expect(full).to_have_count(1)
    page.get_by_role("main").get_by_role("link", name="Measurements", exact=True).last.click()
    questions = page.get_by_role("region", name="Questions")
    expect(questions.get_by_role("link")).to_have_text(["ferns", "oil for pumps"])
    page.get_by_role("button", name="Measure", exact=True).click()
    runs = page.get_by_role("region", name="Measurements")
    expect(runs.get_by_role("radio")).to_have_count(1)
    expect(questions.get_by_role("cell", name="#1")).to_have_count(2)
    page.get_by_role("combobox", name="Mode").click()
    page.get_by_role("option", name="Words", exact=True).click()
    page.get_by_role("button", name="Measure", exact=True).click()
    expect(runs.get_by_role("radio")).to_have_count(2)
    runs.get_by_role("checkbox").last.check()
    expect(questions.get_by_role("columnheader", name="Before")).to_be_visible()
    expect(page.get_by_role("figure", name="Measurements over time")).to_be_visible()
    expect(page.get_by_role("heading", name="One search took")).to_be_visible()
    expect(page.get_by_role("figure", name="Where the time went")).to_contain_text("words")
    questions.get_by_role("button", name="Take out: ferns").click()
    asks = page.get_by_role("dialog", name="Take this question out?")
    expect(asks).to_contain_text("1 answer is graded for it")
    asks.get_by_role("button", name="Take out").click()
    expect(asks).to_be_hidden()
    expect(questions.get_by_role("link")).to_have_text(["oil for pumps"])
    questions.get_by_role("link").click()
    expect(results.get_by_role("link").first).to_have_text("Pumps")


def test_results_are_graded_by_document_or_passage(reader: Visit, alice: Person) -> None:
    """Keys grade the result in focus from 0 to 3; nothing is kept before something answers; grades are seen again."""
    place, documents = filled(alice, "Graded")
    address = f"/knowledge/search?collection={place}&q=old+trees+need+yeast"
    page = reader.go(address)
    results = page.get_by_role("list", name="What was found")
    kind = page.get_by_role("combobox", name="What is graded")
    results.get_by_role("link", name="Bread").focus()
    page.keyboard.press("0")
    expect(page.get_by_role("status").filter(has_text="Kept as soon as")).to_be_visible()
    results.get_by_role("link", name="Ferns").focus()
    page.keyboard.press("2")
    expect(page.get_by_role("status").filter(has_text="Kept as soon as")).to_have_count(0)
    expect(kind).to_be_disabled()
    reader.go(address)
    group = results.get_by_role("group", name="How well Ferns answers")
    expect(group.get_by_role("button", name="2: Well", pressed=True)).to_be_visible()
    group.get_by_role("button", name="1: A little").click()
    expect(group.get_by_role("button", name="1: A little", pressed=True)).to_be_visible()
    sets = f"{API}/collections/{place}/question_sets"
    made = alice.client.get(sets).expect(200).json["items"][0]["id"]
    (question,) = alice.client.get(f"{sets}/{made}").expect(200).json["questions"]
    assert question["relevant"] == {documents["Ferns"]: 1, documents["Bread"]: 0}
    ask(page, "who oils the pump")
    expect(results.get_by_role("link").first).to_have_text("Pumps")
    kind.click()
    page.get_by_role("option", name="Passages").click()
    results.get_by_role("link", name="Pumps").focus()
    page.keyboard.press("3")
    expect(kind).to_be_disabled()
    graded = alice.client.get(f"{sets}/{made}").expect(200).json["questions"][1]["relevant"]
    assert graded == {f"{documents['Pumps']}.1.0": 3}


def test_a_set_of_trec_comes_and_goes_by_the_page(reader: Visit, alice: Person, tmp_path: Any) -> None:
    """Judgements and topics are chosen together, a broken one says its line, and both are downloaded as they came."""
    place, documents = filled(alice, "TREC")
    page = reader.go(f"/knowledge/measurements?collection={place}")
    reader.watch.expects("question_set_files")
    topics, judged = tmp_path / "plants.tsv", tmp_path / "plants.qrels"
    topics.write_text("t1\twhere do ferns grow\n")
    page.get_by_role("button", name="New set").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox", name="Format").click()
    page.get_by_role("option", name="Judgements (TREC)").click()
    for grade, told in (("9", "line 1: the grade is not between 0 and 3"), ("2", "")):
        judged.write_text(f"t1 0 {documents['Ferns']} {grade}\n")
        for button, file in (("Choose a file", judged), ("Topics from a file", topics)):
            with page.expect_file_chooser() as chooser:
                dialog.get_by_role("button", name=button, exact=True).click()
            chooser.value.set_files(str(file))
        dialog.get_by_role("button", name="Create").click()
        if told:
            expect(dialog.get_by_text(told)).to_be_visible()
    expect(page.get_by_role("region", name="Questions").get_by_role("link")).to_have_text(
        "where do ferns grow"
    )
    for name, file in (("Judgements (TREC)", judged), ("Topics (TREC)", topics)):
        page.get_by_role("button", name="Download", exact=True).click()
        with page.expect_download() as download:
            page.get_by_role("menuitem", name=name).click()
        assert download.value.path().read_text() == file.read_text()


def test_files_dropped_on_the_page_become_a_set(reader: Visit, alice: Person) -> None:
    """Judgements and topics that are dropped together are told apart by what is in them; one that is neither is named."""
    place, documents = filled(alice, "Dropped")
    page = reader.go(f"/knowledge/measurements?collection={place}")
    expect(page.get_by_text("No question set yet")).to_be_visible()
    files = {
        "plants.txt": "t1\twhere do ferns grow\n",
        "garden.txt": f"t1 0 {documents['Ferns']} 2\n",
        "readme.txt": "What this is.\n",
    }
    drop(page, "main", files)
    dialog = page.get_by_role("dialog", name="New set")
    expect(dialog.get_by_role("textbox", name="Name")).to_have_value("garden")
    expect(dialog).to_contain_text("Judgements (TREC)")
    expect(dialog.get_by_role("status")).to_contain_text("readme.txt: neither questions")
    assert audit(page) == []
    dialog.get_by_role("button", name="Create").click()
    questions = page.get_by_role("region", name="Questions").get_by_role("link")
    expect(questions).to_have_text("where do ferns grow")


def test_a_set_comes_from_a_file_and_goes(reader: Visit, alice: Person, tmp_path: Any) -> None:
    """A file becomes a set; one that is broken says which line; a set is deleted after a question."""
    place, documents = filled(alice, "From a file")
    page = reader.go(f"/knowledge/measurements?collection={place}")
    expect(page.get_by_text("No question set yet")).to_be_visible()
    reader.watch.expects("question_set_files")
    good, bad = tmp_path / "plants.jsonl", tmp_path / "bad.jsonl"
    good.write_text(f'{{"query": "where do ferns grow", "relevant": {{"{documents["Ferns"]}": 3}}}}\n')
    bad.write_text('{"query": "x", "relevant": {"none": 9}}\n')
    for file in (bad, good):
        page.get_by_role("button", name="New set").click()
        dialog = page.get_by_role("dialog")
        with page.expect_file_chooser() as chooser:
            dialog.get_by_role("button", name="Choose a file").click()
        chooser.value.set_files(str(file))
        expect(dialog.get_by_role("textbox", name="Name")).to_have_value(file.stem)
        dialog.get_by_role("button", name="Create").click()
        if file is bad:
            expect(dialog.get_by_text("line 1")).to_be_visible()
            dialog.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("region", name="Questions").get_by_role("link")).to_have_text(
        "where do ferns grow"
    )
    page.get_by_role("button", name="Delete this question set?").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("No question set yet")).to_be_visible()


def test_searches_that_found_little_are_listed_and_lead_back(reader: Visit, alice: Person) -> None:
    """What found nothing stands in the log first, leads to its search again, and can be forgotten."""
    place, _ = filled(alice, "Log")
    page = reader.go(f"/knowledge/search?collection={place}&q=quantum+chromodynamics&mode=lexical")
    log = page.get_by_role("region", name="What was searched for")
    entry = log.get_by_role("link", name="quantum chromodynamics").first
    expect(entry).to_be_visible()
    page.goto(page.url.partition("?")[0])
    log.get_by_role("link", name="quantum chromodynamics").first.click()
    expect(page.get_by_text("Nothing was found")).to_be_visible()
    log.get_by_role("button", name="Forget mine").click()
    page.get_by_role("dialog").get_by_role("button", name="Forget mine").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(log.get_by_role("listitem")).to_have_count(0)


@pytest.mark.parametrize("size", SIZES)
def test_the_page_is_accessible_and_fits(
    opened: Open, plain: ServerProcess, alice: Person, size: str
) -> None:
    """axe-core finds nothing serious in the page with two measurements beside each other, and nothing scrolls sideways."""
    place, documents = filled(alice, "Fits")
    sets = f"{API}/collections/{place}/question_sets"
    questions = [
        {"query": "where do ferns grow", "relevant": {documents["Ferns"]: 3}},
        {"query": "w" * 200, "relevant": {documents["Bread"]: 1}},
    ]
    made = alice.client.post(sets, {"name": "A", "questions": questions}).expect(201).json["id"]
    for mode in ("lexical", "hybrid"):
        alice.client.post(f"{sets}/{made}/measurements", {"mode": mode}).expect(202)
    visit = opened(plain.address, **SIZES[size]).becomes(alice.client)
    page = visit.go(f"/knowledge/measurements?collection={place}")
    expect(page.get_by_role("radio")).to_have_count(2)
    page.get_by_role("checkbox").last.check()
    expect(page.get_by_role("columnheader", name="Before")).to_be_visible()
    wrong = audit_in_both_looks(page)
    page.get_by_role("button", name="New set").click()
    expect(page.get_by_role("dialog", name="New set")).to_be_visible()
    wrong += audit_in_both_looks(page)
    visit.go(f"/knowledge/search?collection={place}&q=where+do+ferns+grow")
    expect(page.get_by_role("group", name="How well Ferns answers")).to_be_visible()
    assert [*wrong, *audit_in_both_looks(page)] == []
