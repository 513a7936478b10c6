"""The OpenAI dialect at the edge: `/v1/chat/completions`, `/v1/models`, `/v1/embeddings`.

Plain ASGI routes: a request costs its parsing and its links, not a web framework. Errors leave as problem
documents that also carry the dialect's `error`; inside a stream, as its last event, and `[DONE]` is left out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final, Protocol

import orjson
from starlette.types import Message, Receive, Scope, Send

from autobot.contracts.models import (
    Chunk,
    Embeddings,
    Finished,
    GenerateRequest,
    TextDelta,
    ThinkingDelta,
    came,
)
from autobot.contracts.runs import AgentChoice, ModelChoice
from autobot.gateway.access import Access
from autobot.gateway.dialects import openai_doc
from autobot.gateway.dialects.openai_agent import AgentRequest, agent_request, names_agent, no_model
from autobot.gateway.dialects.openai_answer import ChunkWriter, WholeAnswer, embeddings_document
from autobot.gateway.dialects.openai_request import (
    CHAT,
    EMBEDDINGS,
    ChatBody,
    decoded,
    embedding_texts,
    generate_request,
)
from autobot.gateway.exchange import Exchange, exchange_of
from autobot.gateway.pages import JSON, respond
from autobot.gateway.parts import RawRoute
from autobot.gateway.problem import MEDIA_TYPE, document, problem_of
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import AutoBotError, BadAnswer, Interrupted, NotFound

_STREAM_FIELDS: Final = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
)

CACHE_STATUS: Final = {"joined": "AutoBot; fwd=miss; collapsed", "similar": "AutoBot; hit; detail=similar"}
"""How an answer came that needed no model; any other word is a plain hit."""


class ModelGateway(Protocol):
    """The models, as the dialect reaches them.

    Contract: `generate` yields deltas and exactly one Finished, last; nothing is asked before the first
    item is wanted; closing the iterator stops the work. NotFound means that no model has this name. The
    caller's right to use models is checked before.
    """

    async def list_models(self, context: CallContext) -> Sequence[ModelChoice]:
        """Return every model with its state."""
        ...

    def generate(self, request: GenerateRequest, context: CallContext) -> AsyncIterator[Chunk]:
        """Generate an answer."""
        ...

    async def embed(self, model: str, texts: Sequence[str], context: CallContext) -> Embeddings:
        """Embed texts."""
        ...


class AgentGateway(Protocol):
    """The agents, as the dialect reaches them.

    Contract: `answer` raises NotFound for a name that no agent has and Absent while there is no model for it;
    when it returns, the run that answers is durable. Its iterator yields as ModelGateway.generate does and
    never raises NotFound; closing it leaves the run to the server.
    """

    async def list_agents(self, context: CallContext) -> Sequence[AgentChoice]:
        """Return every agent with its state."""
        ...

    async def answer(self, request: AgentRequest, exchange: Exchange) -> AsyncIterator[Chunk]:
        """Ask an agent in a chat of its own."""
        ...


class OpenAIDialect:
    """The routes. `clock` dates answers."""

    def __init__(self, models: ModelGateway, agents: AgentGateway, clock: Clock) -> None:
        self._models, self._agents, self._clock = models, agents, clock
        self._since = int(clock.now().timestamp())

    def routes(self) -> tuple[RawRoute, ...]:
        """Return the raw routes, with their OpenAPI."""
        use, read = Access(action="models:use"), Access(action="models:read")
        return (
            RawRoute(
                path="/v1/chat/completions",
                methods=("POST",),
                app=self.chat,
                access=use,
                openapi=openai_doc.CHAT,
            ),
            RawRoute(
                path="/v1/models", methods=("GET",), app=self.list, access=read, openapi=openai_doc.MODELS
            ),
            RawRoute(
                path="/v1/models/{model:path}",
                methods=("GET",),
                app=self.one,
                access=read,
                openapi=openai_doc.MODEL,
            ),
            RawRoute(
                path="/v1/embeddings",
                methods=("POST",),
                app=self.embed,
                access=use,
                openapi=openai_doc.EMBEDDINGS,
            ),
        )

    # ---------------------------------------------------------------------------------------------- chat

    async def chat(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer `POST /v1/chat/completions`."""
        exchange = exchange_of(scope)
        body = decoded(CHAT, await read_body(receive))
        try:
            if names_agent(body.model):
                chunks = await self._agents.answer(agent_request(body), exchange)
            else:
                request = generate_request(body, no_store=_no_store(exchange))
                chunks = self._models.generate(request, exchange.called)
            first = await anext(chunks, None)
        except NotFound as error:
            await send_error(exchange, error, send, code="model_not_found", param="model")
            return
        try:
            if body.stream:
                _tell_cached(exchange, came(first))
                await self._stream(body, first, chunks, exchange, send)
            else:
                await self._whole(body, first, chunks, exchange, send)
        finally:
            close = getattr(chunks, "aclose", None)
            if close is not None:
                await close()

    async def _whole(
        self,
        body: ChatBody,
        first: Chunk | None,
        chunks: AsyncIterator[Chunk],
        exchange: Exchange,
        send: Send,
    ) -> None:
        answer = WholeAnswer(*self._name(exchange), body.model)
        chunk = first
        while chunk is not None:
            if type(chunk) is Finished:
                await anext(chunks, None)
                _tell_cached(exchange, came(chunk))
                await respond(send, answer.document(chunk), JSON)
                return
            answer.add(chunk)  # type: ignore[arg-type]
            chunk = await anext(chunks, None)
        raise _endless()

    async def _stream(
        self,
        body: ChatBody,
        first: Chunk | None,
        chunks: AsyncIterator[Chunk],
        exchange: Exchange,
        send: Send,
    ) -> None:
        usage = body.stream_options is not None and body.stream_options.include_usage
        writer = ChunkWriter(*self._name(exchange), body.model, include_usage=usage)
        await send({"type": "http.response.start", "status": 200, "headers": list(_STREAM_FIELDS)})
        chunk, before = first, writer.begin()
        try:
            while chunk is not None:
                event = before + _event(writer, chunk)
                if type(chunk) is Finished:
                    await anext(chunks, None)
                    await send(_piece(event, more=False))
                    return
                await send(_piece(event, more=True))
                chunk, before = await anext(chunks, None), b""
            raise _endless()
        except Exception as error:
            await send(_piece(_error_event(exchange, error), more=False))
            if not isinstance(error, AutoBotError):
                raise

    def _name(self, exchange: Exchange) -> tuple[str, int]:
        """Return the answer's id, made of the request's own, and its time."""
        return f"chatcmpl-{exchange.request_id}", int(self._clock.now().timestamp())

    # -------------------------------------------------------------------------------------- other routes

    async def list(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer `GET /v1/models` with the models and agents that answer now."""
        context = exchange_of(scope).called
        found = await self._models.list_models(context)
        data = [self._described(one) for one in found if one.state == "ready"]
        agents = await self._agents.list_agents(context)
        data += [self._agent_described(one) for one in agents if one.state == "ready"]
        await respond(send, orjson.dumps({"object": "list", "data": data}), JSON)

    async def one(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer `GET /v1/models/{model}`."""
        exchange = exchange_of(scope)
        name = scope["path_params"]["model"]
        if names_agent(name) and await self._one_agent(name, exchange, send):
            return
        for choice in await self._models.list_models(exchange.called):
            if choice.state == "ready" and name in {choice.id, choice.label}:
                await respond(send, orjson.dumps(self._described(choice)), JSON)
                return
        error = NotFound(
            f"There is no model called {name[:200]}.", hint="GET /v1/models lists those that there are."
        )
        await send_error(exchange, error, send, code="model_not_found", param="model")

    async def _one_agent(self, name: str, exchange: Exchange, send: Send) -> bool:
        """Answer with an agent; false when there is none of this name. Raises Absent while it has no model."""
        for agent in await self._agents.list_agents(exchange.called):
            if agent.id == name:
                if agent.state == "absent" and agent.model is None:
                    raise no_model(name)
                await respond(send, orjson.dumps(self._agent_described(agent)), JSON)
                return True
        return False

    def _agent_described(self, agent: AgentChoice) -> dict[str, Any]:
        return {
            "id": agent.id,
            "object": "model",
            "created": self._since,
            "owned_by": "autobot",
            "context_window": agent.window,
            "autobot": {"model": agent.model, "state": agent.state},
        }

    def _described(self, choice: ModelChoice) -> dict[str, Any]:
        return {
            "id": choice.id,
            "object": "model",
            "created": self._since,
            "owned_by": choice.provider,
            "context_window": choice.window,
            "autobot": {"generates": choice.generates, "embeds": choice.embeds, "ranks": choice.ranks},
        }

    async def embed(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer `POST /v1/embeddings`."""
        exchange = exchange_of(scope)
        body = decoded(EMBEDDINGS, await read_body(receive))
        try:
            found = await self._models.embed(body.model, embedding_texts(body), exchange.called)
        except NotFound as error:
            await send_error(exchange, error, send, code="model_not_found", param="model")
            return
        packed = body.encoding_format == "base64"
        await respond(send, embeddings_document(found, body.model, packed=packed), JSON)


def _event(writer: ChunkWriter, chunk: Chunk) -> bytes:
    if type(chunk) is TextDelta:
        return writer.text(chunk)
    if type(chunk) is Finished:
        return writer.end(chunk)
    if type(chunk) is ThinkingDelta:
        return writer.thinking(chunk)
    return writer.tool_calls(chunk)  # type: ignore[arg-type]


def _no_store(exchange: Exchange) -> bool:
    """Say whether the caller wants an answer that no cache gave and none keeps (RFC 9111 §5.2.1)."""
    words = exchange.fields.get(b"cache-control", b"").lower().split(b",")
    return any(one.strip() in (b"no-store", b"no-cache") for one in words)


def _tell_cached(exchange: Exchange, how: str) -> None:
    """Say in the header that no model was asked for this very answer (RFC 9211)."""
    if how:
        exchange.answer_field("cache-status", CACHE_STATUS.get(how, "AutoBot; hit"))


def _piece(body: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


def _endless() -> BadAnswer:
    return BadAnswer("The model's answer has no end.")


async def read_body(receive: Receive) -> bytes:
    """Return the whole body; the edge has bounded its size and time. Raises Interrupted when the client left."""
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        body: bytes = message.get("body", b"")
        return body
    parts: list[bytes] = []
    while message["type"] == "http.request":
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)
        message = await receive()
    raise Interrupted("The client left before its request was whole.")


def error_document(
    exchange: Exchange, error: BaseException, *, code: str | None = None, param: str | None = None
) -> dict[str, Any]:
    """Return the problem document of an error with the dialect's `error`, its code and parameter set."""
    found = document(
        problem_of(error),
        request_id=exchange.request_id,
        correlation_id=exchange.correlation_id,
        path=exchange.path,
    )
    if code is not None:
        found["error"] = {**found["error"], "code": code, "param": param}
    return found


def _error_event(exchange: Exchange, error: BaseException) -> bytes:
    return b"data: " + orjson.dumps(error_document(exchange, error)) + b"\n\n"


async def send_error(exchange: Exchange, error: AutoBotError, send: Send, *, code: str, param: str) -> None:
    """Answer with a problem whose dialect code is more exact than its kind's."""
    found = error_document(exchange, error, code=code, param=param)
    await respond(
        send,
        orjson.dumps(found),
        MEDIA_TYPE,
        status=found["status"],
        fields=[(b"cache-control", b"no-store")],
    )
