"""Bodies of `rerank`: what is judged of a document, and what is refused with its reason."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from autobot.contracts.inference import Ranked, Reranked
from autobot.gateway.dialects.rerank import AskedRerank, read_rerank
from autobot.kernel.core.errors import InvalidInput


def read(**members: Any) -> AskedRerank:
    """Read a body with these members beside a question and two documents."""
    return read_rerank(json.dumps({"query": "q", "documents": ["a", "b"], **members}).encode())


def test_objects_are_judged_by_the_members_that_are_named() -> None:
    """Their texts come in the order of the names, what one lacks is passed over, other members are not read."""
    documents = ["plain", {"title": "T", "text": "B", "id": 7}, {"text": "only"}]
    assert read(documents=documents).texts == ("plain", "B", "only")
    assert read(documents=documents, rank_fields=["title", "text"]).texts == ("plain", "T\nB", "only")


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"documents": [{"title": "T"}]}, "#/documents/0"),
        ({"documents": [{"text": 1}]}, "#/documents/0"),
        ({"documents": None}, "#/documents"),
        ({"texts": ["a"]}, "#/documents"),
        ({"raw_scores": True}, "#/raw_scores"),
        ({"return_embeddings": True}, "#/return_embeddings"),
        ({"relevant_spans": {}}, "#/relevant_spans"),
        ({"instruction": "Judge kindly."}, "#/instruction"),
        ({"truncate": "START"}, "#/truncate"),
        ({"truncation_direction": "left"}, "#/truncation_direction"),
        ({"max_chunks_per_doc": 0}, "#/max_chunks_per_doc"),
        ({"truncate_prompt_tokens": -2}, "#/truncate_prompt_tokens"),
        ({"top_k": 3}, "#/top_k"),
    ],
)
def test_what_cannot_be_kept_is_refused(members: dict[str, Any], pointer: str) -> None:
    """Each is named, with what is wrong; nothing is passed over."""
    with pytest.raises(InvalidInput) as refused:
        read(**members)
    assert [one.pointer for one in refused.value.errors] == [pointer]


def test_bounds_on_what_is_read_hold_or_the_answer_is_refused() -> None:
    """A model that reads more than is allowed, or less than the whole where that was forbidden, gives no answer."""
    ranking = (Ranked(index=1, score=0.5), Ranked(index=0, score=0.1))
    found = Reranked(model="m", by="embedding", ranking=ranking, tokens=9, truncated=(0,))
    for members in ({"truncate": False}, {"truncate": "NONE"}, {"max_tokens_per_doc": 255}):
        with pytest.raises(InvalidInput):
            read(**members).answer(found, 256, "r")
    for members in ({"truncate": "END"}, {"max_tokens_per_doc": 256}, {"truncate_prompt_tokens": -1}):
        told = orjson.loads(read(**members).answer(found, 256, "r"))
        assert [one["index"] for one in told["results"]] == [1, 0]
