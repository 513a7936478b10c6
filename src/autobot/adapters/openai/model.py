"""An OpenAI-compatible server as a LanguageModel."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from autobot.adapters.openai.secret import Secret
from autobot.contexts.agents.ports import Chunk, Embeddings, GenerateRequest, ModelInfo, ServedBy
from autobot.contracts.openai_wire.answer import AnswerReader
from autobot.contracts.openai_wire.body import chat_body, embeddings_body
from autobot.contracts.openai_wire.lists import embeddings_of, error_of, models_of
from autobot.contracts.openai_wire.stream import chunks_of, parsed
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import Absent, ConfigurationError, HopFailed, RemoteError
from autobot.kernel.links.ports import HttpRequest, HttpResponse, Link
from autobot.kernel.resilience.operation import Effect, Operation

GENERATE: Final = Operation(name="generate", effect=Effect.FREE)
EMBED: Final = Operation(name="embed", effect=Effect.FREE)
MODELS: Final = Operation(name="models", effect=Effect.FREE)

WHOLE_TOKENS_MAX: Final = 256
"""An answer of so few tokens is asked for in one piece when nobody waits for its pieces. A longer one is always
streamed: the link bounds the silence between two pieces, and a slow server is silent for long only when it hangs."""

NOT_SUPPORTED: Final = 501

_VERSION: Final = re.compile(r"v\d+[a-z0-9]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAIOptions:
    """How a compatible server is reached and shown.

    Attributes:
        target: its address as people know it, without the key.
        prefix: path of the dialect's root, `/v1`.
        name: what details call it.
        limit_name: member that bounds the answer: `max_tokens`, or `max_completion_tokens` for OpenAI itself.
    """

    target: str
    prefix: str = "/v1"
    name: str = "The model server"
    limit_name: str = "max_tokens"


def options_for(base_url: str) -> OpenAIOptions:
    """Return the options for a base address, with or without `/v1`. The link's target is its origin.

    A path that has a version in it (`/v1`, `/api/v1`, `/v1beta/openai`) is taken as it is; any other gets
    `/v1`. Raises ConfigurationError for what is no http address or carries a password.
    """
    parts = urlsplit(base_url.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError(
            f"{base_url!r} is no address of a model server.", hint="Write http://127.0.0.1:8080/v1."
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigurationError(
            "The address of the model server holds more than host and path.",
            hint="Give the key as AUTOBOT_OPENAI_API_KEY.",
        )
    path = parts.path.rstrip("/")
    path = path.removesuffix("/chat/completions")
    if not any(_VERSION.fullmatch(segment) for segment in path.split("/")):
        path += "/v1"
    own = parts.hostname == "api.openai.com"
    return OpenAIOptions(
        target=f"{parts.scheme}://{parts.netloc}",
        prefix=path,
        name="OpenAI" if own else f"The model server at {parts.netloc}",
        limit_name="max_completion_tokens" if own else "max_tokens",
    )


class OpenAIModels:
    """The models of one compatible server. Every call goes through `link`; `key` is asked at each call."""

    def __init__(
        self, link: Link, options: OpenAIOptions, key: Callable[[], str | None] = lambda: None
    ) -> None:
        self._link, self._options, self._key = link, options, key

    @property
    def provider(self) -> str:
        return "openai"

    @property
    def link_id(self) -> str:
        return self._link.id

    async def models(self, context: CallContext) -> Sequence[ModelInfo]:
        response = await self._call(MODELS, self._request("GET", "/models"), context)
        with self._mapped(""):
            return models_of(parsed(response.body, orjson.loads))

    async def generate(self, request: GenerateRequest, context: CallContext) -> AsyncIterator[Chunk]:
        stream = not (request.whole and 0 < (request.max_tokens or 0) <= WHOLE_TOKENS_MAX)
        body = chat_body(request, model=request.model, stream=stream, limit_name=self._options.limit_name)
        http = self._request("POST", "/chat/completions", body)
        reader = AnswerReader(self._served_by(request.model))
        pieces = self._link.stream(GENERATE, http, context)
        try:
            async for chunk in chunks_of(pieces, reader, orjson.loads):
                yield chunk
        except HopFailed as error:
            meaning = self._meaning(error, request.model)
            if meaning is error:
                raise
            raise meaning from error
        finally:
            close = getattr(pieces, "aclose", None)
            if close is not None:
                await close()

    async def embed(self, model: str, texts: Sequence[str], context: CallContext) -> Embeddings:
        http = self._request("POST", "/embeddings", embeddings_body(model, texts))
        try:
            response = await self._call(EMBED, http, context, model)
        except RemoteError as error:
            if error.status != NOT_SUPPORTED:
                raise
            raise Absent(
                "embeddings",
                f"{self._options.name} embeds nothing.",
                hint="Use a server or model that can embed",
            ) from error
        with self._mapped(model):
            found = embeddings_of(parsed(response.body, orjson.loads), model, len(texts))
        return replace(found, served_by=self._served_by(model))

    def _served_by(self, model: str) -> ServedBy:
        return ServedBy(link=self._link.id, target=self._options.target, provider="openai", model=model)

    def _request(self, method: str, path: str, body: Any = None) -> HttpRequest:
        headers = {"accept": "application/json"} if body is None else {"content-type": "application/json"}
        key = self._key()
        if key:
            headers["authorization"] = Secret(f"Bearer {key}")
        encoded = b"" if body is None else orjson.dumps(body)
        return HttpRequest(method=method, path=self._options.prefix + path, headers=headers, body=encoded)

    async def _call(
        self, operation: Operation, request: HttpRequest, context: CallContext, model: str = ""
    ) -> HttpResponse:
        with self._mapped(model):
            response: HttpResponse = await self._link.call(operation, request, context)
            return response

    @contextmanager
    def _mapped(self, model: str) -> Iterator[None]:
        """Turn error answers into what they mean."""
        try:
            yield
        except HopFailed as error:
            meaning = self._meaning(error, model)
            if meaning is error:
                raise
            raise meaning from error

    def _meaning(self, error: HopFailed, model: str) -> Exception:
        """Return what an error answer means; another error names this hop if it does not yet."""
        if isinstance(error, RemoteError):
            return error_of(error, provider=self._options.name, model=model)
        error.link = error.link or self._link.id
        error.target = error.target or self._options.target
        return error
