"""The official `openai` client against the dialect, through the whole edge."""

from typing import Any

import pytest

from autobot.contracts.models import (
    Finished,
    TextDelta,
)
from autobot.kernel.core import errors
from tests.unit.models.dialect import CALLS, Models, client

pytestmark = pytest.mark.anyio


async def test_the_official_client_understands_every_answer() -> None:
    """The `openai` package chats, streams, calls tools, lists, embeds, and raises its own errors."""
    import httpx2
    import openai

    async def connect(models: Models) -> openai.AsyncOpenAI:
        transport = httpx2.ASGITransport(app=client(models).app)
        http = httpx2.AsyncClient(transport=transport)
        return openai.AsyncOpenAI(
            api_key="alice-key", base_url="http://autobot.test/v1", http_client=http, max_retries=0
        )

    ask: Any = {"model": "tiny", "messages": [{"role": "user", "content": "Hi"}]}
    async with await connect(Models()) as official:
        whole = await official.chat.completions.create(**ask)
        assert whole.choices[0].message.content == "Grüße 🦊"
        stream = await official.chat.completions.create(
            **ask, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
        assert (
            "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == "Grüße 🦊"
        )
        assert chunks[-1].usage is not None
        assert [model.id async for model in official.models.list()] == ["ollama:tiny", "agent:chat"]
        vectors = await official.embeddings.create(model="tiny", input=["abc"])
        assert vectors.data[0].embedding == [0.5, 3.0]
    async with await connect(Models((CALLS, Finished(reason="tool_calls")))) as official:
        called = await official.chat.completions.create(**ask)
        assert called.choices[0].message.tool_calls[0].function.name == "clock"  # type: ignore[index,union-attr]
    async with await connect(Models((errors.NotFound("No."),))) as official:
        with pytest.raises(openai.NotFoundError) as missing:
            await official.chat.completions.create(**ask)
        assert missing.value.code == "model_not_found"
    async with await connect(Models((TextDelta(text="So"), errors.Interrupted("It broke.")))) as official:
        cut = await official.chat.completions.create(**ask, stream=True)
        with pytest.raises(openai.APIError, match="It broke"):
            [chunk async for chunk in cut]
