"""The page of models: servers with their state, models with their load, and what today cost."""

from typing import Any

import pytest

from autobot.testing.harness import App, in_process
from autobot.testing.models.ollama import ollama_stand_in

pytestmark = pytest.mark.anyio
PAGE = "/api/v1/models/overview"


async def provider(app: App, name: str) -> dict[str, Any]:
    """Return a provider of the page."""
    page = (await app("GET", PAGE)).expect(200).json
    found: dict[str, Any] = next(one for one in page["providers"] if one["provider"] == name)
    return found


async def test_the_page_shows_servers_models_and_what_today_cost() -> None:
    """Two servers of a pool, a model with its limit, and the tokens and cost of an answer."""
    async with ollama_stand_in() as one, ollama_stand_in() as two:
        one.models, two.models = ("fox",), ("fox", "thinker")
        async with in_process({"OLLAMA_URL": f"{one.url},{two.url}"}) as app:
            (await app.sign_in()).expect(200)
            for key, value in (
                ("model.prices", ["ollama:fox=1/1000"]),
                ("model.currency", "EUR"),
                ("model.concurrency", ["fox=2+3"]),
            ):
                (await app("PUT", f"/api/v1/settings/{key}", {"value": value})).expect(200)
            body = {"model": "ollama:fox", "messages": [{"role": "user", "content": "Hi"}]}
            (await app("POST", "/v1/chat/completions", body)).expect(200)
            await app.product.answering.meter.flush()

            ollama = await provider(app, "ollama")
            assert [server["address"] for server in ollama["servers"]] == [one.url, two.url]
            assert {server["breaker"] for server in ollama["servers"]} == {"closed"}
            fox, thinker = ollama["models"]
            assert (fox["choice"]["id"], fox["running"], fox["waiting"], fox["limit"]) == (
                "ollama:fox",
                0,
                0,
                2,
            )
            assert (thinker["choice"]["id"], thinker["limit"]) == ("ollama:thinker", None)
            assert "on 1 of 2 servers" in thinker["choice"]["detail"]
            assert fox["today"]["calls"] == 1
            assert fox["today"]["cost"] > 0
            page = (await app("GET", PAGE)).expect(200).json
            assert (page["currency"], page["everybody"], page["others"]) == ("EUR", True, {})
            assert page["calls"] > 0
            assistant = await provider(app, "assistant")
            assert (assistant["servers"], assistant["calls"]) == ([], 0), "others' calls are not its own"
            assert (await app.other()("GET", PAGE)).status == 401
