"""What documents gave to an answer, as people see it: the question that was searched for, and passages without room."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.e2e.browser import Visit, audit, is_wider_than_its_window
from tests.e2e.test_looks import SIZES
from tests.integration.product.host import Host
from tests.integration.product.people import CHAT, Person
from tests.integration.product.stand_in import ModelServer

DOCUMENTS = "/api/v1/knowledge_base/documents"
WINDOWS = "/api/v1/settings/model.windows"
ALONE = "How often does the otter fern want water in the cold months?"


@pytest.fixture
def small_window(modelled_host: Host) -> Iterator[None]:
    """The model's window holds some of what is found."""
    client = modelled_host.admin.client
    client("PUT", WINDOWS, {"value": ["openai:stand-in=1700"]}).expect(200)
    yield
    client.close()
    client("DELETE", WINDOWS).expect(200)


@pytest.mark.usefixtures("small_window")
def test_a_follow_up_says_what_was_searched_for_and_what_had_no_room(
    talker: Visit, bob: Person, model_server: ModelServer
) -> None:
    """The second answer shows the question as the model wrote it, and below it how many passages the model was given; it
    cites as many, fits every width and is accessible."""
    model_server.on("The last question: And in the cold months?", lambda call: call.say(ALONE).end())
    model_server.on("otter fern", lambda call: call.say("Once a week.").end())
    for number in range(6):
        text = "The otter fern wants water twice a week. " + f"Note {number} of the gardener. " * 12
        made = bob.client.post(DOCUMENTS, {"title": f"Otter fern {number}", "text": text}).expect(202).json
        bob.client.get(f"{DOCUMENTS}/{made['id']}", headers={"prefer": "wait=30"}).expect(200)
    begun = {"model": "openai:stand-in", "documents": {"first": True, "collections": []}}
    session = bob.client.post(f"{CHAT}/sessions", begun).expect(201).json["id"]
    page = talker.go(f"/chat/{session}")
    field = page.get_by_role("textbox", name="Message")
    field.fill("How often does the otter fern want water?")
    field.press("Enter")
    expect(page.get_by_text("Once a week.")).to_have_count(1)
    expect(page.get_by_text("Searched for:")).to_have_count(0)
    field.fill("And in the cold months?")
    field.press("Enter")
    expect(page.get_by_text("Once a week.")).to_have_count(2)
    expect(page.get_by_text("Searched for:")).to_have_count(1)
    said = bob.client.get(f"{CHAT}/sessions/{session}/messages").expect(200).json["items"][-1]["grounding"]
    assert said["question"] == ALONE
    last = page.get_by_role("article").last
    expect(last.get_by_text(ALONE).first).to_be_visible()
    expect(last.get_by_text(f"The model was given {said['given']} of 6 passages")).to_be_visible()
    sources = last.get_by_role("region", name="Sources")
    expect(sources.get_by_role("button")).to_have_count(said["given"])
    for size in SIZES.values():
        page.set_viewport_size(size["viewport"])
        expect(last.get_by_text(ALONE).first).to_be_visible()
        assert not is_wider_than_its_window(page)
    assert not audit(page)


def test_the_retrieval_test_says_why_nothing_was_reranked(reader: Visit, alice: Person) -> None:
    """Asked for without a model that could, the results come all the same, with cause and step; as set, nothing is said."""
    made = alice.client.post(DOCUMENTS, {"title": "Weasels", "text": "A weasel sleeps by day."}).expect(202)
    alice.client.get(f"{DOCUMENTS}/{made.json['id']}", headers={"prefer": "wait=30"}).expect(200)
    page = reader.go("/knowledge/search?q=weasel&mode=lexical")
    expect(page.get_by_role("link", name="Weasels")).to_be_visible()
    expect(page.get_by_text("Not reranked:")).to_have_count(0)
    page.get_by_role("combobox", name="Reranking").click()
    page.get_by_role("option", name="Reranked", exact=True).click()
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.get_by_text("Not reranked: the order is that of the other stages")).to_be_visible()
    expect(page.get_by_text("autobot add npu")).to_be_visible()
    expect(page.get_by_role("link", name="Weasels")).to_be_visible()
    assert "rerank=yes" in page.url
    assert not audit(page, "[role=status]")
