"""The models of a worker for inference as a LanguageModel that writes nothing, and as a Ranker."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Final

from autobot.contexts.agents.ports import Chunk, Embeddings, GenerateRequest, ModelInfo, ServedBy, Usage
from autobot.contracts.inference import EmbedTexts, Reranked, RerankTexts, Task
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import InvalidInput
from autobot.workers.npu.ports import Inference

PROVIDER: Final = "npu"


class NpuModels:
    """What a worker embeds and ranks with. Listing starts no worker: while none runs, `planned` are the models that it
    will have, each with what it does."""

    def __init__(
        self,
        link_id: str,
        inference: Inference,
        planned: Mapping[str, Task] | None = None,
        running: Callable[[], bool] = lambda: True,
    ) -> None:
        self._link_id, self._inference = link_id, inference
        self._planned, self._running = dict(planned or {}), running

    @property
    def provider(self) -> str:
        return PROVIDER

    @property
    def link_id(self) -> str:
        return self._link_id

    async def models(self, context: CallContext) -> Sequence[ModelInfo]:
        if not self._running():
            return tuple(
                ModelInfo(
                    id=one,
                    embeds=task == "embed",
                    ranks=task == "rerank",
                    generates=False,
                    tools=False,
                    detail="starts when it is asked",
                )
                for one, task in self._planned.items()
            )
        report = await self._inference.report(context)
        return tuple(
            ModelInfo(
                id=one.model,
                window=one.window or None,
                embeds=one.task == "embed",
                ranks=one.task == "rerank",
                generates=False,
                tools=False,
                detail=" ".join(word for word in (one.device, one.precision, one.state) if word),
            )
            for one in report.slots
            if one.state != "absent"
        )

    def generate(self, request: GenerateRequest, context: CallContext) -> AsyncIterator[Chunk]:
        return _writes_nothing(request.model)

    async def embed(self, model: str, texts: Sequence[str], context: CallContext) -> Embeddings:
        found = await self._inference.embed(EmbedTexts(texts=tuple(texts), model=model), context)
        return Embeddings(
            model=found.model,
            vectors=tuple(found.vectors),
            usage=Usage(prompt_tokens=found.tokens),
            served_by=ServedBy(link=self._link_id, target="worker", provider=PROVIDER, model=found.model),
        )

    async def rerank(self, request: RerankTexts, context: CallContext) -> Reranked:
        return await self._inference.rerank(request, context)


async def _writes_nothing(model: str) -> AsyncIterator[Chunk]:
    chunks: tuple[Chunk, ...] = ()
    for one in chunks:
        yield one
    raise InvalidInput(f"{model} is a model of the accelerator: it writes no text.")
