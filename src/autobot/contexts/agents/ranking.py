"""Putting texts in order by what they say to a question: the model facade's operation `rerank`."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from autobot.contexts.agents.catalogue import Catalogue
from autobot.contexts.agents.limits import FREE, ModelLimits
from autobot.contexts.agents.metering import Measure, Meter
from autobot.contexts.agents.ports import Ranker, Usage
from autobot.contracts.inference import RankTexts, Reranked, RerankTexts
from autobot.contracts.models import MODELS_TAG
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import InvalidInput
from autobot.kernel.core.validate import validate
from autobot.kernel.links.ports import Link
from autobot.kernel.resilience.operation import Effect, Operation

RERANK: Final = Operation(name="rerank", effect=Effect.FREE, cacheable=True, tags=(MODELS_TAG,))


class Ranking:
    """Chooses the model that judges. `link` is the facade's row, behind which `calls` answers."""

    def __init__(
        self, catalogue: Catalogue, link: Link, limits: ModelLimits | None, meter: Meter | None
    ) -> None:
        self._catalogue, self._link, self._limits, self._meter = catalogue, link, limits, meter
        self.calls: Mapping[str, Callable[[Any, CallContext], Coroutine[Any, Any, Any]]] = {
            RERANK.name: self._rerank
        }

    async def rerank(self, request: RankTexts, context: CallContext) -> Reranked:
        """Return all documents, the best first. Never fails over: scores of two models cannot be compared.

        `model` of the answer is the full name. Raises Absent when there is no model that judges in the way asked for.
        """
        found: Reranked = await self._link.call(RERANK, request, context)
        return found

    async def _rerank(self, request: RankTexts, context: CallContext) -> Reranked:
        validate(request)
        known = await self._catalogue.ranker(request.by, context)
        if self._meter is not None:
            await self._meter.check(context.principal)
        if not isinstance(known.provider, Ranker):
            raise InvalidInput(f"{known.name} puts no texts in order.")
        wish = RerankTexts(query=request.query, documents=request.documents, model=known.model)
        async with self._limits.place(known.name, known.model, context) if self._limits else FREE:
            found = await known.provider.rerank(wish, context)
        counted = Usage(prompt_tokens=found.tokens, completion_tokens=0)
        Measure(self._meter, context.principal, known.name, known.model).ended(counted, lambda: found.tokens)
        return Reranked(
            model=known.name,
            by=found.by,
            ranking=found.ranking,
            tokens=found.tokens,
            truncated=found.truncated,
        )
