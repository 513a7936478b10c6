"""A chat's question is routed, the tool that it asks for is offered first, and the answer shows the route."""

from typing import Any

import pytest

from autobot.testing.harness import App, in_process
from autobot.testing.models.ollama import ollama_stand_in

pytestmark = pytest.mark.anyio


async def reply_of(app: App, text: str) -> dict[str, Any]:
    """Ask in a new chat and return the whole reply."""
    session = (await app("POST", "/api/v1/chat/sessions", {"model": "ollama:fox"})).expect(201).json
    path = f"/api/v1/chat/sessions/{session['id']}/messages"
    answer = await app("POST", path, {"content": text}, headers={"prefer": "wait=30"})
    found: dict[str, Any] = answer.expect(200).json
    return found


async def test_the_tool_that_a_question_asks_for_is_offered_alone_and_the_reply_says_why() -> None:
    """By words, a question that is an example offers its tool; one that is near nothing, and no routing, offer all."""
    async with ollama_stand_in() as ollama, in_process({"OLLAMA_URL": ollama.url}) as app:
        (await app.sign_in()).expect(200)

        def offered() -> list[str]:
            body = [body for path, body in ollama.asked if path == "/api/chat"][-1]
            return [one["function"]["name"] for one in body.get("tools", ())]

        (await app("PUT", "/api/v1/settings/routing.by", {"value": "words"})).expect(200)
        reply = await reply_of(app, "What time is it?")
        assert reply["route"] == {
            "intent": "current_time",
            "confidence": 1.0,
            "sure": True,
            "by": "words",
            "model": None,
        }
        assert offered() == ["current_time"]
        reply = await reply_of(app, "xylophones and quagmires")
        assert reply["route"]["sure"] is False
        assert len(offered()) > 1
        (await app("PUT", "/api/v1/settings/routing.by", {"value": "off"})).expect(200)
        assert (await reply_of(app, "What time is it?"))["route"] is None
        assert len(offered()) > 1
