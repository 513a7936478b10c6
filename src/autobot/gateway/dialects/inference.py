"""What programs that are no roles ask a worker for inference: `/v1/embeddings`, `/v1/rerank`, `/v1/models`, health, metrics.

The first is OpenAI's form; the second is the one that servers of rerankers have in common (`rerank` says which). Health needs no token; everything else needs the worker's own,
unless only its owner can reach it.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from autobot.contracts.inference import EmbedTexts
from autobot.contracts.models import Embeddings, Usage
from autobot.gateway.dialects.openai import error_document, read_body
from autobot.gateway.dialects.openai_answer import embeddings_document
from autobot.gateway.dialects.openai_request import EMBEDDINGS, decoded, embedding_texts
from autobot.gateway.dialects.rerank import read_rerank
from autobot.gateway.exchange import Exchange, exchange_of
from autobot.gateway.pages import JSON, respond
from autobot.gateway.problem import MEDIA_TYPE, problem_of
from autobot.kernel.core.chance import Chance
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext, Principal
from autobot.kernel.core.errors import NotFound, Unauthenticated
from autobot.kernel.core.ids import IdSource
from autobot.kernel.links.propagation import extract
from autobot.workers.npu.ports import Inference

DEADLINE_S: Final = 60.0
"""Seconds that a call may take whose caller names no deadline."""
CLIENT: Final = Principal(
    id="worker-client", kind="service", role="service", user_id="", username="worker client"
)
BEARER: Final = b"Bearer "
NO_STORE: Final = (b"cache-control", b"no-store")

WHERE_FROM: Final = "Send the token that AUTOBOT_NPU_TOKEN has where the worker runs."
RERANKS: Final = ("/v1/rerank", "/v2/rerank", "/rerank")
"""Where clients ask for it: Cohere's two versions; vLLM and text-embeddings-inference have none in theirs."""

Rendered = Callable[[str], tuple[str, bytes]]
"""Metrics for what a scraper accepts: content type and text."""
Answer = Callable[[Exchange, CallContext, bytes], Awaitable[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Who may ask: who has `token`, everybody who gets here when `open`, nobody when there is neither."""

    token: str = ""
    open: bool = False

    def admit(self, exchange: Exchange) -> None:
        """Raise Unauthenticated unless the caller may ask."""
        if self.open:
            return
        field = exchange.fields.get(b"authorization", b"")
        given = field[len(BEARER) :] if field.startswith(BEARER) else b""
        if not self.token or not hmac.compare_digest(given, self.token.encode()):
            raise Unauthenticated(
                "This worker needs its token: Authorization: Bearer TOKEN.", hint=WHERE_FROM
            )


class InferenceDialect:
    """The answers beside a worker's hop."""

    def __init__(
        self,
        inference: Inference,
        door: Door,
        ready: Callable[[], bool],
        render: Rendered,
        clock: Clock,
        chance: Chance,
        ids: IdSource,
    ) -> None:
        self._inference, self._door, self._ready, self._render = inference, door, ready, render
        self._clock, self._chance, self._ids = clock, chance, ids

    def routes(self) -> dict[tuple[str, str], ASGIApp]:
        """Return each answer by method and path."""
        return {
            ("POST", "/v1/embeddings"): self._answering(self._embed),
            **{("POST", path): self._answering(self._rerank) for path in RERANKS},
            ("GET", "/v1/models"): self._answering(self._models),
            ("GET", "/metrics"): self._metrics,
            ("GET", "/health/live"): self._live,
            ("GET", "/health/ready"): self._readiness,
        }

    # ------------------------------------------------------------------------------------------ health

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        await respond(send, b'{"status":"alive"}', JSON, fields=[NO_STORE])

    async def _readiness(self, scope: Scope, receive: Receive, send: Send) -> None:
        ready = self._ready()
        body = b'{"status":"ready"}' if ready else b'{"status":"unready"}'
        await respond(send, body, JSON, status=200 if ready else 503, fields=[NO_STORE])

    async def _metrics(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = exchange_of(scope)
        try:
            self._door.admit(exchange)
        except Unauthenticated as error:
            await self._refuse(exchange, error, send)
            return
        kind, body = self._render(exchange.fields.get(b"accept", b"").decode("latin-1"))
        await respond(send, body, kind, fields=[NO_STORE])

    # --------------------------------------------------------------------------------------- inference

    def _answering(self, work: Answer) -> ASGIApp:
        """Return the route of one answer: who may ask, until when, and what an error becomes."""

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            exchange = exchange_of(scope)
            try:
                self._door.admit(exchange)
                context = self._context(exchange)
                body = await read_body(receive)
                exchange.body_whole = True
                found = await work(exchange, context, body)
            except Exception as error:  # noqa: BLE001 - this is the edge: whatever it is, it is answered
                await self._refuse(exchange, error, send)
                return
            await respond(send, found, JSON)

        return app

    def _context(self, exchange: Exchange) -> CallContext:
        arrived = extract(
            exchange.fields, now=exchange.arrived, chance=self._chance, new_correlation_id=self._ids.new
        )
        exchange.correlation_id = arrived.correlation_id
        own = exchange.arrived + DEADLINE_S
        deadline = own if arrived.deadline is None else min(own, arrived.deadline)
        return CallContext(
            correlation_id=arrived.correlation_id, principal=CLIENT, trace=arrived.trace, deadline=deadline
        )

    async def _refuse(self, exchange: Exchange, error: BaseException, send: Send) -> None:
        code, param = ("model_not_found", "model") if isinstance(error, NotFound) else (None, None)
        found = error_document(exchange, error, code=code, param=param)
        problem = problem_of(error)
        fields = [NO_STORE, *problem.fields]
        await respond(send, orjson.dumps(found), MEDIA_TYPE, status=problem.status, fields=fields)

    async def _embed(self, exchange: Exchange, context: CallContext, body: bytes) -> bytes:
        asked = decoded(EMBEDDINGS, body)
        found = await self._inference.embed(
            EmbedTexts(texts=embedding_texts(asked), model=asked.model), context
        )
        rows = Embeddings(
            model=found.model, vectors=tuple(found.vectors), usage=Usage(prompt_tokens=found.tokens)
        )
        more = {"autobot": {"truncated": found.truncated}} if found.truncated else None
        return embeddings_document(rows, found.model, packed=asked.encoding_format == "base64", more=more)

    async def _rerank(self, exchange: Exchange, context: CallContext, body: bytes) -> bytes:
        asked = read_rerank(body)
        found = await self._inference.rerank(asked.wish(), context)
        slots = (await self._inference.report(context)).slots if asked.bounded else ()
        window = next((one.window for one in slots if one.model == found.model), 0)
        return asked.answer(found, window, exchange.request_id)

    async def _models(self, exchange: Exchange, context: CallContext, body: bytes) -> bytes:
        report = await self._inference.report(context)
        data = [
            {
                "id": one.model,
                "object": "model",
                "created": 0,
                "owned_by": "npu",
                "context_window": one.window or None,
                "autobot": {"task": one.task, "state": one.state, "dimensions": one.dimensions},
            }
            for one in report.slots
            if one.state != "absent"
        ]
        return orjson.dumps({"object": "list", "data": data})
