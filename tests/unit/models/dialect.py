"""An edge with the OpenAI dialect over scripted models."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

from autobot.contracts.models import (
    Chunk,
    Embeddings,
    Finished,
    GenerateRequest,
    ModelMessage,
    ServedBy,
    TextDelta,
    ToolCall,
    ToolCallsDelta,
    Usage,
)
from autobot.contracts.openai_wire.sse import SseDecoder
from autobot.contracts.runs import AgentChoice, ModelChoice
from autobot.gateway.dialects.openai import OpenAIDialect
from autobot.gateway.dialects.openai_agent import AgentRequest, no_model
from autobot.gateway.exchange import Exchange
from autobot.kernel.commands.authorize import Authorizer, Rule, Verdict
from autobot.kernel.core import errors
from autobot.kernel.core.context import CallContext
from tests.unit.gateway.edge import AUTHORIZED, RULES, Client, Reply, edge, parts

SERVED = ServedBy(link="ai-ollama", target="http://x", provider="ollama", model="tiny", fallback=True)
END = Finished(reason="stop", usage=Usage(prompt_tokens=3, completion_tokens=2), served_by=SERVED)
HELLO: tuple[Chunk | Exception, ...] = (TextDelta(text="Grüße"), TextDelta(text=" 🦊"), END)
CALLS = ToolCallsDelta(calls=(ToolCall(id="a", name="clock", arguments={"zone": "utc"}),))


class Models:
    """A ModelGateway that plays a script."""

    def __init__(self, script: Sequence[Chunk | Exception] = HELLO) -> None:
        self.script = script
        self.asked: list[GenerateRequest] = []
        self.contexts: list[CallContext] = []
        self.closed = asyncio.Event()
        self.reached = asyncio.Event()

    async def list_models(self, context: CallContext) -> Sequence[ModelChoice]:
        return (
            ModelChoice(
                id="ollama:tiny",
                label="tiny",
                provider="ollama",
                link="ai-ollama",
                state="ready",
                window=2048,
            ),
            ModelChoice(
                id="openai", label="Server", provider="openai", link="ai-openai", state="unreachable"
            ),
        )

    async def generate(self, request: GenerateRequest, context: CallContext) -> AsyncIterator[Chunk]:
        self.asked.append(request)
        self.contexts.append(context)
        try:
            for chunk in self.script:
                if isinstance(chunk, Exception):
                    raise chunk
                yield chunk
                self.reached.set()
            if not isinstance(self.script[-1], Finished):
                await asyncio.Event().wait()
        finally:
            self.closed.set()

    async def embed(self, model: str, texts: Sequence[str], context: CallContext) -> Embeddings:
        if model != "tiny":
            raise errors.NotFound(f"There is no model called {model}.")
        return Embeddings(
            model=model, vectors=[[0.5, float(len(text))] for text in texts], usage=Usage(prompt_tokens=4)
        )


class Agents:
    """An AgentGateway with one agent that plays a script."""

    def __init__(
        self, script: Sequence[Chunk | Exception] = HELLO, model: str | None = "ollama:tiny"
    ) -> None:
        self.played, self.model = Models(script), model
        self.asked: list[AgentRequest] = []

    async def list_agents(self, context: CallContext) -> Sequence[AgentChoice]:
        state: Any = "ready" if self.model else "absent"
        return (AgentChoice(id="agent:chat", label="Chat", state=state, model=self.model, window=2048),)

    async def answer(self, request: AgentRequest, exchange: Exchange) -> AsyncIterator[Chunk]:
        if request.agent != "agent:chat":
            raise errors.NotFound(f"There is no agent called {request.agent}.")
        if self.model is None:
            raise no_model(request.agent)
        self.asked.append(request)
        asked = GenerateRequest(model=self.model, messages=(ModelMessage(role="user", content="x"),))
        return self.played.generate(asked, exchange.called)


def client(models: Models, agents: Agents | None = None) -> Client:
    """A client of an edge with the dialect."""
    rules = (
        *RULES,
        Rule(action="models:use", user=Verdict.ALLOW),
        Rule(action="models:read", user=Verdict.ALLOW, viewer=Verdict.ALLOW),
    )
    plain = parts()
    dialect = OpenAIDialect(models, agents or Agents(), plain.clock)
    return edge(raw=dialect.routes(), authorizer=Authorizer(rules))


def chat(**members: Any) -> dict[str, Any]:
    """A chat body."""
    return {"model": "tiny", "messages": [{"role": "user", "content": "Hi"}]} | members


async def post(models: Models, body: Any, path: str = "/v1/chat/completions") -> Reply:
    """Post a body with a key."""
    return await client(models)("POST", path, headers=AUTHORIZED, json_body=body)


def events(reply: Reply) -> list[Any]:
    """The events of a stream, JSON read."""
    found = SseDecoder().feed(reply.body)
    return [data if data == b"[DONE]" else json.loads(data) for data in found]
