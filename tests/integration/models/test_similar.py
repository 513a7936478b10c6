"""Answers to similar questions in the whole product: given again, and forgotten when documents change."""

from typing import Any

import pytest

from autobot.testing.harness import App, in_process
from autobot.testing.models.ollama import ollama_stand_in

pytestmark = pytest.mark.anyio
TRIES = 500


async def asked(app: App) -> Any:
    """Ask the model and return the reply."""
    body = {"model": "ollama:fox", "messages": [{"role": "user", "content": "Say it again."}]}
    return (await app("POST", "/v1/chat/completions", body)).expect(200)


async def test_a_new_document_makes_the_model_be_asked_again() -> None:
    """The same question is answered from before, with header and `served_by`; a document that comes ends that."""
    async with ollama_stand_in() as ollama, in_process({"OLLAMA_URL": ollama.url}) as app:
        (await app.sign_in()).expect(200)
        (await app("PUT", "/api/v1/settings/model.similar_answers", {"value": 0.99})).expect(200)
        (await app("GET", "/v1/models")).expect(200)
        await asked(app)
        again = await asked(app)
        assert again.headers["cache-status"] == "AutoBot; hit; detail=similar"
        assert again.json["autobot"]["served_by"]["cached"] == "similar"
        chats = sum(path == "/api/chat" for path, _ in ollama.asked)

        document = {"title": "News", "text": "The answer is another one since today."}
        taken = (await app("POST", "/api/v1/knowledge_base/documents", document)).expect(202).json
        for _ in range(TRIES):
            if (await asked(app)).json["autobot"]["served_by"]["cached"] == "":
                break
        for _ in range(TRIES):
            path = f"/api/v1/knowledge_base/documents/{taken['id']}"
            if (await app("GET", path)).expect(200).json["status"] in ("ready", "failed"):
                break
            await asked(app)
        assert sum(path == "/api/chat" for path, _ in ollama.asked) > chats
