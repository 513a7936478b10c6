"""The local model file as a LanguageModel. It speaks the OpenAI dialect to its own child process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import orjson

from autobot.adapters.llamacpp.supervisor import PART, LlamaServer
from autobot.contexts.agents.ports import Chunk, Embeddings, GenerateRequest, ModelInfo, ServedBy
from autobot.contracts.openai_wire.answer import AnswerReader
from autobot.contracts.openai_wire.body import chat_body
from autobot.contracts.openai_wire.lists import error_of
from autobot.contracts.openai_wire.stream import chunks_of
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import Absent, DeadlineExceeded, HopFailed, NotFound, RemoteError
from autobot.kernel.links.ports import HttpRequest, Link
from autobot.kernel.resilience.operation import Effect, Operation

GENERATE: Final = Operation(name="generate", effect=Effect.FREE)
TARGET: Final = "local"
"""What people see as the target: the socket's address tells them nothing."""

CLOSING_S: Final = 0.02
"""llama.cpp closes a connection after a stream without saying so. A call that follows at once would be sent on it
and lost, so it waits until the end has arrived."""

_JSON: Final = {"content-type": "application/json"}


class LlamaModels:
    """The one model of one file. Listing it starts nothing; generating starts its process and waits for it."""

    def __init__(self, link: Link, server: LlamaServer) -> None:
        self._link, self._server = link, server
        self._ended = 0.0

    @property
    def provider(self) -> str:
        return "llamacpp"

    @property
    def link_id(self) -> str:
        return self._link.id

    async def models(self, context: CallContext) -> Sequence[ModelInfo]:
        header = await self._server.header()
        state = "loaded" if self._server.state == "ready" else "starts when it is asked"
        window = self._server.window(header)
        return (ModelInfo(id=self._server.name, window=window, detail=f"{header.architecture}, {state}"),)

    async def generate(self, request: GenerateRequest, context: CallContext) -> AsyncIterator[Chunk]:
        name = self._server.name
        if request.model != name:
            raise NotFound(f"The local model file is {name}, not {request.model}.")
        with self._mapped(name):
            await self._ready(context)
        body = orjson.dumps(chat_body(request, model=name, stream=True))
        http = HttpRequest(method="POST", path="/v1/chat/completions", headers=_JSON, body=body)
        served = ServedBy(link=self._link.id, target=TARGET, provider="llamacpp", model=name)
        pieces = self._link.stream(GENERATE, http, context)
        try:
            with self._mapped(name):
                async for chunk in chunks_of(pieces, AnswerReader(served), orjson.loads):
                    yield chunk
        finally:
            close = getattr(pieces, "aclose", None)
            if close is not None:
                await close()
            self._ended = asyncio.get_running_loop().time()

    async def _ready(self, context: CallContext) -> None:
        """Wait for the process, within the caller's time. Raises DeadlineExceeded."""
        try:
            async with asyncio.timeout_at(context.deadline):
                await self._server.ready()
                closing = self._ended + CLOSING_S - asyncio.get_running_loop().time()
                if closing > 0:
                    await asyncio.sleep(closing)
        except TimeoutError:
            raise DeadlineExceeded(f"{self._server.name} was not loaded in the time that was left.") from None

    async def embed(self, model: str, texts: Sequence[str], context: CallContext) -> Embeddings:
        raise Absent(
            PART,
            "The local model file does not embed texts.",
            hint="use Ollama or a model server that can embed",
        )

    @contextmanager
    def _mapped(self, name: str) -> Iterator[None]:
        """Turn error answers into what they mean; name this hop where the error does not."""
        try:
            yield
        except RemoteError as error:
            raise error_of(error, provider="The local model server", model=name) from error
        except HopFailed as error:
            error.link = error.link or self._link.id
            error.target = error.target or TARGET
            raise
