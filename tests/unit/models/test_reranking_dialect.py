"""`/v1/rerank` at the edge: whoever may use models has documents put in order by the one that ranks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from autobot.contracts.inference import Ranked as One
from autobot.contracts.inference import RankTexts, Reranked
from autobot.contracts.runs import ModelChoice
from autobot.gateway.dialects.reranking import RerankDialect
from autobot.kernel.commands.authorize import Authorizer, Rule, Verdict
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import Absent
from tests.unit.gateway.edge import AUTHORIZED, RULES, Client, Reply, edge

pytestmark = pytest.mark.anyio


class Judge:
    """Models of which one ranks, by the length of texts; none when it is `away`."""

    def __init__(self) -> None:
        self.away = False
        self.asked: list[RankTexts] = []

    async def list_models(self, context: CallContext) -> Sequence[ModelChoice]:
        return (
            ModelChoice(
                id="npu:judge",
                label="judge",
                provider="npu",
                link="ai-npu",
                state="ready",
                window=256,
                ranks=True,
            ),
        )

    async def rerank(self, request: RankTexts, context: CallContext) -> Reranked:
        if self.away:
            raise Absent("rerank", "There is no model that puts passages in order.", hint="autobot add npu")
        self.asked.append(request)
        order = sorted(range(len(request.documents)), key=lambda one: -len(request.documents[one]))
        ranking = tuple(One(index=one, score=1 / (place + 1)) for place, one in enumerate(order))
        return Reranked(model="npu:judge", by="cross-encoder", ranking=ranking, tokens=7)


def client(judge: Judge) -> Client:
    """A client of an edge with the route."""
    rules = (*RULES, Rule(action="models:use", user=Verdict.ALLOW))
    return edge(raw=RerankDialect(judge).routes(), authorizer=Authorizer(rules))


async def post(judge: Judge, body: Any) -> Reply:
    """Post a body with a key."""
    return await client(judge)("POST", "/v1/rerank", headers=AUTHORIZED, json_body=body)


BODY = {"query": "q", "documents": ["a", "long", "mid"]}


@pytest.mark.parametrize("model", ["", "judge", "npu:judge"])
async def test_documents_are_put_in_order_by_the_model_that_ranks(model: str) -> None:
    """It is named in full, bare or not at all; `top_n` leaves the best."""
    judge = Judge()
    found = await post(judge, {**BODY, "model": model, "top_n": 2})
    assert (found.status, found.json["model"]) == (200, "npu:judge")
    assert [one["index"] for one in found.json["results"]] == [1, 2]
    assert judge.asked == [RankTexts(query="q", documents=("a", "long", "mid"))]


async def test_coheres_second_version_has_an_address_of_its_own() -> None:
    """It answers as the first does; there, too, a body that is not JSON and a wrong one are the dialect's errors."""
    asked = client(Judge())
    found = await asked(
        "POST", "/v2/rerank", headers=AUTHORIZED, json_body={**BODY, "max_tokens_per_doc": 4096}
    )
    assert (found.status, found.json["results"][0]["index"]) == (200, 1)
    wrong = await asked(
        "POST", "/v2/rerank", headers=AUTHORIZED, json_body={**BODY, "instruction": "Be kind."}
    )
    assert (wrong.status, wrong.json["error"]["param"]) == (422, "instruction")
    other = await asked(
        "POST", "/v2/rerank", headers={**AUTHORIZED, "content-type": "text/plain"}, body=b"{}"
    )
    assert (other.status, "error" in other.json) == (415, True)


async def test_texts_are_answered_with_a_list() -> None:
    """As text-embeddings-inference does."""
    found = await post(Judge(), {"query": "q", "texts": ["a", "bb"]})
    assert [(one["index"], one["score"]) for one in found.json] == [(1, 1.0), (0, 0.5)]


async def test_what_cannot_be_done_is_a_problem_with_the_dialects_error() -> None:
    """Another model is 404, no model 503 with the step, a bound below the model's window and a wrong body 422."""
    judge = Judge()
    other = await post(judge, {**BODY, "model": "gpt"})
    assert (other.status, other.json["error"]["code"]) == (404, "model_not_found")
    for members, pointer in (
        ({"max_tokens_per_doc": 255}, "#/max_tokens_per_doc"),
        ({"documents": []}, "#/documents"),
    ):
        refused = await post(judge, {**BODY, **members})
        assert (refused.status, refused.json["errors"][0]["pointer"]) == (422, pointer)
    assert (await post(judge, {**BODY, "max_tokens_per_doc": 256})).status == 200
    assert (await client(judge)("POST", "/v1/rerank", json_body=BODY)).status == 401
    judge.away = True
    gone = await post(judge, BODY)
    assert (gone.status, gone.json["hint"], "error" in gone.json) == (503, "autobot add npu", True)
