"""The forms in which programs ask a reranker: Cohere's (v1 and v2, which Jina, vLLM, Infinity and most clients share) and
that of text-embeddings-inference, whose documents are `texts` and whose answer is a bare list.

    asked = read_rerank(body)
    found = await inference.rerank(asked.wish(), context)
    answer = asked.answer(found, window, request_id)

A member that no form has is refused, and so is one that asks for what is not done here, with the reason: an answer that
passed over it would be another one than was asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec
import orjson

from autobot.contracts.inference import Reranked, RerankTexts
from autobot.gateway.dialects.openai_request import decoded, refuse

FIELDS: Final = ("text",)
"""What is read of a document that is an object, where nothing else is said."""
Document = str | dict[str, Any]


class RerankBody(msgspec.Struct, forbid_unknown_fields=True):
    """The body in any of the forms. Where nothing is said here, a member is Cohere's, and as its API says.

    Attributes:
        texts, return_text, raw_scores, truncation_direction: of text-embeddings-inference.
        truncate: whether a long document is cut (text-embeddings-inference), or where (NVIDIA).
        truncate_prompt_tokens, instruction, user: vLLM's; return_embeddings: Jina's.
        priority, user: taken, and without effect; how urgent a call is follows from who asks.
    """

    query: str
    documents: list[Document] | None = None
    texts: list[str] | None = None
    model: str = ""
    top_n: int | None = None
    return_documents: bool | None = None
    return_text: bool | None = None
    rank_fields: list[str] | None = None
    max_chunks_per_doc: int | None = None
    max_tokens_per_doc: int | None = None
    truncate_prompt_tokens: int | None = None
    truncate: bool | Literal["NONE", "START", "END"] | None = None
    truncation_direction: Literal["left", "Left", "right", "Right"] | None = None
    raw_scores: bool | None = None
    return_embeddings: bool | None = None
    relevant_spans: Any = None
    instruction: str | None = None
    priority: int | None = None
    user: str | None = None


_RERANK: Final = msgspec.json.Decoder(RerankBody)


@dataclass(frozen=True, slots=True)
class AskedRerank:
    """What a body asks for: `texts` are what is judged, `documents` what was sent."""

    body: RerankBody
    documents: Sequence[Document]
    texts: tuple[str, ...]

    @property
    def bounded(self) -> bool:
        """Whether it says how much of a document may be read."""
        return self.body.max_tokens_per_doc is not None or self.body.truncate_prompt_tokens is not None

    def wish(self) -> RerankTexts:
        """Return it as the worker takes it."""
        body = self.body
        return RerankTexts(query=body.query, documents=self.texts, top=body.top_n, model=body.model)

    def answer(self, found: Reranked, window: int, request_id: str) -> bytes:
        """Return the answer in the form of the question. `window`: tokens that the model reads at once, 0 unknown.

        Raises InvalidInput where more or less was read of a document than was allowed.
        """
        self._require_bounds(found, window)
        ranking = found.ranking[: self.body.top_n]
        if self.body.documents is None:
            return orjson.dumps([self._rank(one.index, one.score) for one in ranking])
        results: list[dict[str, Any]] = [
            {"index": one.index, "relevance_score": one.score} for one in ranking
        ]
        if self.body.return_documents or self.body.return_text:
            for one in results:
                sent = self.documents[one["index"]]
                one["document"] = {"text": sent} if isinstance(sent, str) else sent
        return orjson.dumps(
            {
                "id": request_id,
                "model": found.model,
                "results": results,
                "usage": {"prompt_tokens": found.tokens, "total_tokens": found.tokens},
                "autobot": {"by": found.by, "truncated": found.truncated},
            }
        )

    def _rank(self, index: int, score: float) -> dict[str, Any]:
        text = {"text": self.texts[index]} if self.body.return_text or self.body.return_documents else {}
        return {"index": index, "score": score, **text}

    def _require_bounds(self, found: Reranked, window: int) -> None:
        body = self.body
        if body.truncate in (False, "NONE") and found.truncated:
            which = ", ".join(str(one) for one in found.truncated[:10])
            refuse(
                "truncate",
                f"truncate must allow to cut what the model cannot read at once: documents {which}.",
            )
        for name in ("max_tokens_per_doc", "truncate_prompt_tokens"):
            most = getattr(body, name)
            if most is not None and most != -1 and most < window:
                refuse(
                    name, f"{name} must be at least {window}: so much the model {found.model} reads at once."
                )


def read_rerank(body: bytes) -> AskedRerank:
    """Return what a body asks for. Raises Malformed, and InvalidInput with a pointer."""
    asked = decoded(_RERANK, body)
    _require_done(asked)
    name = "texts" if asked.documents is None else "documents"
    given: Sequence[Document] | None = asked.texts if asked.documents is None else asked.documents
    if given is None or (asked.documents is not None and asked.texts is not None):
        refuse("documents", "documents or texts must be given, and not both.")
    fields = asked.rank_fields or FIELDS
    texts = tuple(_text(one, fields, f"{name}/{place}") for place, one in enumerate(given))
    return AskedRerank(asked, given, texts)


def _text(document: Document, fields: Sequence[str], place: str) -> str:
    """Return what is judged of a document: of an object the named members, in their order."""
    if isinstance(document, str):
        return document
    found = [document[one] for one in fields if one in document]
    if not found:
        refuse(place, f"{place} must have a member {' or '.join(fields)}.")
    if not all(isinstance(one, str) for one in found):
        refuse(place, f"{place} must have texts in {', '.join(fields)}.")
    return "\n".join(found)


_NOT_DONE: Final[Mapping[str, str]] = {
    "raw_scores": "raw_scores must be false: scores here are from 0 to 1, or cosines.",
    "return_embeddings": "return_embeddings must be false: POST /v1/embeddings gives vectors.",
    "relevant_spans": "relevant_spans must be left out: no model here marks places in a document.",
    "instruction": "instruction must be left out: no model here takes one beside the query.",
}


def _require_done(body: RerankBody) -> None:
    """Refuse what no answer here could keep."""
    for name, why in _NOT_DONE.items():
        if getattr(body, name) not in (None, False, ""):
            refuse(name, why)
    if body.truncate == "START" or (body.truncation_direction or "right").lower() == "left":
        name = "truncate" if body.truncate == "START" else "truncation_direction"
        refuse(name, f"{name} must leave the beginning: of what is too long the beginning is read.")
    for name in ("top_n", "max_chunks_per_doc", "max_tokens_per_doc"):
        value = getattr(body, name)
        if value is not None and value < 1:
            refuse(name, f"{name} must be at least 1.")
    if body.truncate_prompt_tokens is not None and body.truncate_prompt_tokens < -1:
        refuse("truncate_prompt_tokens", "truncate_prompt_tokens must be at least -1.")
