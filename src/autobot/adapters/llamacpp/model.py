"""The local model file as a LanguageModel. It speaks the OpenAI dialect to its own child process.

A file holds a model that writes, or one that embeds (its header says how it pools): llama.cpp serves one of both.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final, Protocol

import orjson

from autobot.adapters.llamacpp.file import LlamaFile
from autobot.contexts.agents.ports import Chunk, Embeddings, GenerateRequest, ModelInfo, ServedBy
from autobot.contracts.openai_wire.answer import AnswerReader
from autobot.contracts.openai_wire.body import chat_body, embeddings_body
from autobot.contracts.openai_wire.lists import embeddings_of, error_of
from autobot.contracts.openai_wire.stream import chunks_of, parsed
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import (
    Absent,
    BadAnswer,
    DeadlineExceeded,
    HopFailed,
    InvalidInput,
    NotFound,
    RemoteError,
)
from autobot.kernel.links.ports import HttpRequest, HttpResponse, Link
from autobot.kernel.resilience.operation import Effect, Operation

EMBED: Final = Operation(name="embed", effect=Effect.FREE)
TOKENIZE: Final = Operation(name="tokenize", effect=Effect.FREE)
GENERATE: Final = Operation(name="generate", effect=Effect.FREE)
TARGET: Final = "local"
"""What people see as the target: the socket's address tells them nothing."""

CLOSING_S: Final = 0.02
"""llama.cpp closes a connection after a stream without saying so. A call that follows at once would be sent on it
and lost, so it waits until the end has arrived."""

SPECIAL_TOKENS: Final = 8
"""More tokens than a model puts around a text."""

_JSON: Final = {"content-type": "application/json"}


class Child(Protocol):
    """The process that serves the file."""

    @property
    def state(self) -> str:
        """`ready` while it answers."""
        ...

    async def ready(self) -> None:
        """Return when it answers; start it if need be. Raises Absent or ConnectFailed."""
        ...


class LlamaModels:
    """The one model of one file. Listing it starts nothing; generating starts its process and waits for it."""

    def __init__(self, link: Link, file: LlamaFile, child: Child) -> None:
        self._link, self._file, self._child = link, file, child
        self._ended = 0.0

    @property
    def provider(self) -> str:
        return "llamacpp"

    @property
    def link_id(self) -> str:
        return self._link.id

    async def models(self, context: CallContext) -> Sequence[ModelInfo]:
        header = await self._file.header()
        state = "loaded" if self._child.state == "ready" else "starts when it is asked"
        window = self._file.window(header)
        embeds = header.pooling is not None
        info = ModelInfo(
            id=self._file.name,
            window=window,
            generates=not embeds,
            embeds=embeds,
            detail=f"{header.architecture}, {state}",
        )
        return (info,)

    async def generate(self, request: GenerateRequest, context: CallContext) -> AsyncIterator[Chunk]:
        name = self._asked(request.model)
        if await self._file.embeds(served=self._child.state == "ready"):
            raise InvalidInput(f"{name} is an embedding model: it writes no text.")
        with self._mapped(name):
            await self._ready(context)
        body = orjson.dumps(chat_body(request, model=name, stream=True))
        http = HttpRequest(method="POST", path="/v1/chat/completions", headers=_JSON, body=body)
        served = self._served(name)
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
                await self._child.ready()
                closing = self._ended + CLOSING_S - asyncio.get_running_loop().time()
                if closing > 0:
                    await asyncio.sleep(closing)
        except TimeoutError:
            raise DeadlineExceeded(f"{self._file.name} was not loaded in the time that was left.") from None

    async def embed(self, model: str, texts: Sequence[str], context: CallContext) -> Embeddings:
        name = self._asked(model)
        if not await self._file.embeds(served=self._child.state == "ready"):
            raise Absent(
                "embeddings",
                f"{name} is a model that writes: it embeds nothing.",
                hint="Set model.file to an embedding model, or use Ollama or a model server that can embed",
            )
        window = self._file.window(await self._file.header())
        with self._mapped(name):
            await self._ready(context)
            for text in texts:
                await self._check_length(text, window, context)
            answer = await self._post(EMBED, "/v1/embeddings", embeddings_body(name, texts), context)
        return replace(embeddings_of(answer, name, len(texts)), served_by=self._served(name))

    async def _check_length(self, text: str, window: int, context: CallContext) -> None:
        """Raise InvalidInput for a text that the model cannot read in one piece.

        llama.cpp answers it with 500, as if it had failed, and the breaker would believe that. A token is a
        byte or more, so short texts need no counting.
        """
        if len(text.encode()) + SPECIAL_TOKENS <= window:
            return
        asked = {"content": text, "add_special": True}
        told = await self._post(TOKENIZE, "/tokenize", asked, context)
        tokens = told.get("tokens") if isinstance(told, dict) else None
        if not isinstance(tokens, list):
            raise BadAnswer("The local model server counted no tokens.", link=self._link.id, target=TARGET)
        if len(tokens) > window:
            raise InvalidInput(
                f"A text of {len(tokens)} tokens is longer than the window of {self._file.name} ({window}).",
                hint="Embed it in smaller pieces.",
            )

    async def _post(self, operation: Operation, path: str, body: Any, context: CallContext) -> Any:
        http = HttpRequest(method="POST", path=path, headers=_JSON, body=orjson.dumps(body))
        response: HttpResponse = await self._link.call(operation, http, context)
        return parsed(response.body, orjson.loads)

    def _served(self, name: str) -> ServedBy:
        return ServedBy(link=self._link.id, target=TARGET, provider="llamacpp", model=name)

    def _asked(self, model: str) -> str:
        """Return the name of the one model. Raises NotFound for another."""
        if model != self._file.name:
            raise NotFound(f"The local model file is {self._file.name}, not {model}.")
        return model

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
