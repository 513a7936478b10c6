"""Ollama as a LanguageModel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec

from autobot.adapters.ollama import wire
from autobot.adapters.ollama.ndjson import LineDecoder
from autobot.contexts.agents.ports import (
    Chunk,
    Embeddings,
    Finished,
    FinishReason,
    GenerateRequest,
    ModelInfo,
    ServedBy,
    TextDelta,
    ThinkingDelta,
    ToolCall,
    ToolCallsDelta,
    Usage,
)
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import (
    Absent,
    AutoBotError,
    BadAnswer,
    CircuitOpen,
    ConnectFailed,
    ConnectionLost,
    HopFailed,
    InvalidInput,
    NotFound,
    RemoteError,
    RemoteThrottled,
)
from autobot.kernel.core.ids import IdSource
from autobot.kernel.links.ports import HttpRequest, HttpResponse, Link
from autobot.kernel.resilience.operation import Effect, Operation

GENERATE: Final = Operation(name="generate", effect=Effect.FREE)
EMBED: Final = Operation(name="embed", effect=Effect.FREE)
TAGS: Final = Operation(name="tags", effect=Effect.FREE)
SHOW: Final = Operation(name="show", effect=Effect.FREE)
VERSION: Final = Operation(name="version", effect=Effect.FREE)

SHOWN_AT_ONCE: Final = 4
"""`/api/show` calls that run side by side when models are listed."""

DRAIN_S: Final = 0.2
"""Seconds that the end of the body may lag behind the line that is done."""

MID_ANSWER: Final = "Ollama reported an error while it answered."

_JSON: Final = {"content-type": "application/json"}
_REASONS: Final[dict[str, FinishReason]] = {"length": "length"}

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class OllamaOptions:
    """How Ollama is reached and shown.

    Attributes:
        target: its address as people know it, `http://127.0.0.1:11434`.
        configured: an operator named the address; without that a refused connection means *absent*.
        prefix: path before `/api`, empty or `/below/a/proxy`.
        keep_alive: how long a model stays loaded (`5m`, `0`), None leaves the server's own.
    """

    target: str
    configured: bool = False
    prefix: str = ""
    keep_alive: str | None = None


class OllamaModels:
    """The models of one Ollama. Every call goes through `link`."""

    def __init__(self, link: Link, options: OllamaOptions, ids: IdSource) -> None:
        self._link, self._options, self._ids = link, options, ids
        self._shown: dict[tuple[str, str], wire.Shown] = {}

    @property
    def provider(self) -> str:
        return "ollama"

    @property
    def link_id(self) -> str:
        return self._link.id

    async def version(self, context: CallContext) -> str:
        """Return the server's version; the cheapest question that proves that it is there."""
        response = await self._call(VERSION, self._request("GET", "/api/version"), context)
        return self._decoded(response, wire.Version).version

    async def models(self, context: CallContext) -> Sequence[ModelInfo]:
        response = await self._call(TAGS, self._request("GET", "/api/tags"), context)
        tags = self._decoded(response, wire.Tags).models or []
        limit = asyncio.Semaphore(SHOWN_AT_ONCE)

        async def info(tag: wire.Tag) -> ModelInfo:
            async with limit:
                return _info(tag, await self._show(tag, context))

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(info(tag)) for tag in tags]
        self._shown = {key: shown for key, shown in self._shown.items() if key in {_key(tag) for tag in tags}}
        return [task.result() for task in tasks]

    async def _show(self, tag: wire.Tag, context: CallContext) -> wire.Shown | None:
        """Return what the server knows of a model; None when it would not say, which hides no other model."""
        found = self._shown.get(_key(tag))
        if found is not None:
            return found
        request = self._request("POST", "/api/show", {"model": tag.name})
        try:
            shown = self._decoded(await self._call(SHOW, request, context), wire.Shown)
        except AutoBotError:
            return None
        self._shown[_key(tag)] = shown
        return shown

    async def generate(self, request: GenerateRequest, context: CallContext) -> AsyncIterator[Chunk]:
        body = wire.chat_body(request, keep_alive=self._options.keep_alive)
        pieces = self._link.stream(GENERATE, self._request("POST", "/api/chat", body), context)
        try:
            with self._mapped(request.model):
                async for chunk in self._read(pieces, request.model):
                    yield chunk
        finally:
            await _close(pieces)

    async def _read(self, pieces: AsyncIterator[bytes], model: str) -> AsyncIterator[Chunk]:
        lines = LineDecoder()
        answer = _Answer(self._served_by(model), self._ids)
        async for piece in pieces:
            for raw in lines.feed(piece):
                for chunk in answer.take(raw):
                    yield chunk
                if answer.done:
                    break
            if answer.done:
                await _drain(pieces)
                break
        for raw in [] if answer.done else lines.rest():
            for chunk in answer.take(raw):
                yield chunk
        yield answer.end()

    async def embed(self, model: str, texts: Sequence[str], context: CallContext) -> Embeddings:
        body = {"model": model, "input": list(texts), "truncate": False}
        response = await self._call(EMBED, self._request("POST", "/api/embed", body), context, model)
        found = self._decoded(response, wire.Embedded)
        if len(found.embeddings) != len(texts) or len({len(one) for one in found.embeddings}) > 1:
            raise self._bad(f"it answered {len(texts)} texts with other vectors")
        usage = Usage(prompt_tokens=found.prompt_eval_count)
        return Embeddings(
            model=model, vectors=found.embeddings, usage=usage, served_by=self._served_by(model)
        )

    # ------------------------------------------------------------------------------------------ the wire

    def _served_by(self, model: str) -> ServedBy:
        return ServedBy(link=self._link.id, target=self._options.target, provider="ollama", model=model)

    def _request(self, method: str, path: str, body: object = None) -> HttpRequest:
        if body is None:
            return HttpRequest(method=method, path=self._options.prefix + path)
        encoded = msgspec.json.encode(body)
        return HttpRequest(method=method, path=self._options.prefix + path, headers=_JSON, body=encoded)

    async def _call(
        self, operation: Operation, request: HttpRequest, context: CallContext, model: str = ""
    ) -> HttpResponse:
        with self._mapped(model):
            response: HttpResponse = await self._link.call(operation, request, context)
            return response

    def _decoded(self, response: HttpResponse, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(response.body, type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise self._bad("it is not the JSON that its documentation names") from error

    def _bad(self, what: str) -> BadAnswer:
        return BadAnswer(
            f"Ollama's answer breaks its dialect: {what}.", link=self._link.id, target=self._options.target
        )

    @contextmanager
    def _mapped(self, model: str) -> Iterator[None]:
        """Turn error answers into what they mean; name this hop where the error does not."""
        try:
            yield
        except RemoteError as error:
            if error.detail == MID_ANSWER:
                raise
            raise _error_of(error, model) from error
        except (ConnectFailed, CircuitOpen) as error:
            if self._options.configured:
                raise
            raise Absent(
                "ollama",
                f"No Ollama answers at {self._options.target}.",
                hint="Start Ollama (ollama serve), or set AUTOBOT_OLLAMA_URL to its address",
            ) from error
        except HopFailed as error:
            error.link = error.link or self._link.id
            error.target = error.target or self._options.target
            raise


class _Answer:
    """Reads the lines of one chat answer."""

    def __init__(self, served_by: ServedBy, ids: IdSource) -> None:
        self._served_by, self._ids = served_by, ids
        self._end: wire.Line | None = None
        self._wrote = self._called = False

    @property
    def done(self) -> bool:
        return self._end is not None

    def take(self, raw: bytes) -> Iterator[Chunk]:
        """Yield what a line adds. Raises BadAnswer for garbage, RemoteError for an error line."""
        try:
            line = wire.LINE.decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise BadAnswer("Ollama sent a line that its dialect does not allow.") from error
        if line.error is not None:
            raise RemoteError(
                MID_ANSWER,
                status=500,
                link=self._served_by.link,
                target=self._served_by.target,
                body=raw[:65_536],
            )
        if line.message is None and not line.done:
            raise BadAnswer("Ollama sent a line with neither a message nor an end.")
        message = line.message or wire.Message()
        if message.thinking:
            yield ThinkingDelta(text=message.thinking)
        if message.content:
            self._wrote = True
            yield TextDelta(text=message.content)
        if message.tool_calls:
            self._called = True
            yield ToolCallsDelta(calls=tuple(self._call(one) for one in message.tool_calls))
        if line.done:
            self._end = line

    def _call(self, call: wire.Call) -> ToolCall:
        if not call.function.name:
            raise BadAnswer("Ollama sent a tool call without a name.")
        name, arguments = call.function.name, call.function.arguments
        return ToolCall(id=call.id or f"call_{self._ids.new()}", name=name, arguments=arguments)

    def end(self) -> Finished:
        """Return the end. Raises ConnectionLost when no line was done."""
        line = self._end
        if line is None:
            raise ConnectionLost("Ollama closed the connection before its answer was done.")
        reason: FinishReason = "tool_calls" if self._called else "stop"
        return Finished(
            reason=_REASONS.get(line.done_reason or "", reason),
            usage=Usage(prompt_tokens=line.prompt_eval_count, completion_tokens=line.eval_count),
            served_by=self._served_by,
            empty=not (self._wrote or self._called),
        )


def _key(tag: wire.Tag) -> tuple[str, str]:
    return tag.name, tag.digest


def _info(tag: wire.Tag, shown: wire.Shown | None) -> ModelInfo:
    able = set(shown.capabilities or ()) if shown else set()
    embeds = "embedding" in able if able else "embed" in tag.name.lower()
    details = tag.details or {}
    words = [str(details[name]) for name in ("parameter_size", "quantization_level") if details.get(name)]
    return ModelInfo(
        id=tag.name,
        window=wire.window_of(shown) if shown else None,
        embeds=embeds,
        generates="completion" in able if able else not embeds,
        tools="tools" in able if able else None,
        detail=" ".join(words),
    )


def _error_of(error: RemoteError, model: str) -> Exception:
    """Return what an error answer means (docs.ollama.com/api/errors). Its own words are never shown."""
    told = error.body[:4096]
    if error.status == 404 and model:
        return NotFound(f"Ollama has no model called {model}.", hint=f"ollama pull {model}")
    if error.status == 400 and b"does not support tools" in told:
        return InvalidInput(f"{model} cannot call tools.", hint="Choose a model that can.")
    if error.status == 400 and b"does not support thinking" in told:
        return InvalidInput(f"{model} cannot be told how much to think.", hint="Leave the effort out.")
    if error.status == 503:
        detail = "Ollama is busy: it holds as many requests as it may."
    elif error.status == 429:
        detail = "Ollama asks to slow down."
    elif error.status in {401, 403}:
        detail = "Ollama refused access."
    elif error.status < 500:
        detail = f"Ollama refused the request ({error.status})."
    else:
        detail = f"Ollama failed with status {error.status}."
    kind = RemoteThrottled if error.status == 429 else RemoteError
    return kind(
        detail,
        status=error.status,
        link=error.link,
        target=error.target,
        retry_after=error.retry_after,
        body=error.body,
    )


async def _close(pieces: AsyncIterator[bytes]) -> None:
    close = getattr(pieces, "aclose", None)
    if close is not None:
        await close()


async def _drain(pieces: AsyncIterator[bytes]) -> None:
    """Read on to the end of the body, so that its connection can be used again."""
    try:
        async with asyncio.timeout(DRAIN_S):
            async for _ in pieces:
                pass
    except TimeoutError:
        return
