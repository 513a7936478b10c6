"""`/v1/rerank` and `/v2/rerank` at the edge: the forms of `rerank`, answered by the model that searches use.

Plain ASGI routes beside OpenAI's. Programs say which model they mean, and the model facade which one ranks: they must be
one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

from starlette.types import Receive, Scope, Send

from autobot.contracts.inference import RankTexts, Reranked
from autobot.contracts.runs import ModelChoice
from autobot.gateway.access import Access
from autobot.gateway.dialects.openai import read_body, send_error
from autobot.gateway.dialects.openai_doc import PROBLEMS, json_response
from autobot.gateway.dialects.rerank import read_rerank
from autobot.gateway.exchange import exchange_of
from autobot.gateway.pages import JSON, respond
from autobot.gateway.parts import RawRoute
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import NotFound
from autobot.kernel.core.validate import validate

_TEXTS: Final = {"type": "array", "minItems": 1, "items": {"description": "A text, or an object with texts."}}
_RERANK: Final[dict[str, Any]] = {
    "post": {
        "tags": ["openai"],
        "operationId": "rerank",
        "summary": "Put documents in order by what they say to a question, as Cohere, Jina, vLLM or"
        " text-embeddings-inference are asked",
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "type": "object",
                        "required": ["query"],
                        "additionalProperties": False,
                        "properties": {
                            "query": {"type": "string", "minLength": 1},
                            "documents": _TEXTS,
                            "texts": {
                                "type": "array",
                                "items": {"type": "string"},
                                "description": "In place of `documents`; the answer is then a list.",
                            },
                            "model": {"type": "string", "description": "Empty: the one that ranks."},
                            "top_n": {"type": ["integer", "null"], "minimum": 1},
                            "return_documents": {"type": ["boolean", "null"]},
                            "return_text": {"type": ["boolean", "null"]},
                            "rank_fields": {"type": ["array", "null"], "items": {"type": "string"}},
                            "max_chunks_per_doc": {"type": ["integer", "null"], "minimum": 1},
                            "max_tokens_per_doc": {"type": ["integer", "null"], "minimum": 1},
                            "truncate_prompt_tokens": {"type": ["integer", "null"], "minimum": -1},
                            "truncate": {"enum": [True, False, "NONE", "END", None]},
                            "truncation_direction": {"enum": ["right", "Right", None]},
                            "raw_scores": {"enum": [False, None]},
                            "return_embeddings": {"enum": [False, None]},
                            "priority": {"type": ["integer", "null"], "description": "Read and left."},
                            "user": {"type": ["string", "null"], "description": "Read and left."},
                        },
                        "example": {"query": "pets", "documents": ["stock markets fell", "a cat and a dog"]},
                    }
                }
            },
        },
        "responses": {
            "200": json_response(
                {"description": "An object with `results`, or the list of them where `texts` were sent."},
                {"id": "1", "model": "npu:judge", "results": [{"index": 1, "relevance_score": 0.7}]},
                "The documents, the best first.",
            ),
            **PROBLEMS,
        },
    }
}


def _openapi(operation: str) -> dict[str, Any]:
    return {"post": {**_RERANK["post"], "operationId": operation}}


class Ranks(Protocol):
    """The models, as this dialect reaches them. Raises what its row raises, Absent while no model ranks."""

    async def list_models(self, context: CallContext) -> Sequence[ModelChoice]:
        """Return every model with its window."""
        ...

    async def rerank(self, request: RankTexts, context: CallContext) -> Reranked:
        """Return all documents, the best first."""
        ...


class RerankDialect:
    """The routes, which are one: Cohere's second version differs in members alone."""

    def __init__(self, models: Ranks) -> None:
        self._models = models

    def routes(self) -> tuple[RawRoute, ...]:
        """Return them with their OpenAPI."""
        use = Access(action="models:use")
        names = {"/v1/rerank": "rerank", "/v2/rerank": "rerank_v2"}
        return tuple(
            RawRoute(path=path, methods=("POST",), app=self.rerank, access=use, openapi=_openapi(name))
            for path, name in names.items()
        )

    async def rerank(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer `POST /v1/rerank`, and `/v2/rerank`."""
        exchange = exchange_of(scope)
        asked = read_rerank(await read_body(receive))
        wish = RankTexts(query=asked.body.query, documents=asked.texts)
        validate(wish)
        found = await self._models.rerank(wish, exchange.called)
        name = asked.body.model
        if name not in ("", found.model, found.model.partition(":")[2]):
            error = NotFound(f"{name} puts no texts in order here; {found.model} does.")
            await send_error(exchange, error, send, code="model_not_found", param="model")
            return
        choices = await self._models.list_models(exchange.called) if asked.bounded else ()
        window = next((one.window or 0 for one in choices if one.id == found.model), 0)
        await respond(send, asked.answer(found, window, exchange.request_id), JSON)
