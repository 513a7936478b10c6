"""A LanguageModel that says what a test wrote."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

from autobot.contexts.agents.ports import (
    Chunk,
    Embeddings,
    Finished,
    GenerateRequest,
    ModelInfo,
    ServedBy,
    TextDelta,
    Usage,
)
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import NotFound

Answer = Sequence[Chunk | Exception]
"""What one generation does: chunks in order; an exception is raised where it stands."""


def says(*words: str, prompt_tokens: int | None = None, **end: object) -> Answer:
    """Return an answer of these pieces and a proper end."""
    usage = Usage(prompt_tokens=prompt_tokens, completion_tokens=len(words))
    return (*(TextDelta(text=word) for word in words), Finished(reason="stop", usage=usage, empty=not words))


class ScriptedModel:
    """Answers by model name. A script of several answers gives one after the other, the last for ever.

    `asked` holds the requests; `closed` counts answers that were closed before their end.
    """

    def __init__(
        self,
        provider: str = "ollama",
        answers: Mapping[str, Sequence[Answer]] | None = None,
        infos: Sequence[ModelInfo] | Exception | None = None,
    ) -> None:
        self._provider = provider
        self._answers = dict(answers or {"tiny": [says("Hello", " there")]})
        self.infos = [ModelInfo(id=name) for name in self._answers] if infos is None else infos
        self.asked: list[GenerateRequest] = []
        self.listed = 0
        self.closed = 0

    @property
    def provider(self) -> str:
        return self._provider

    @property
    def link_id(self) -> str:
        return f"ai-{self._provider}"

    async def models(self, context: CallContext) -> Sequence[ModelInfo]:
        self.listed += 1
        if isinstance(self.infos, Exception):
            raise self.infos
        return self.infos

    async def generate(self, request: GenerateRequest, context: CallContext) -> AsyncIterator[Chunk]:
        self.asked.append(request)
        answers = self._answers.get(request.model)
        if answers is None:
            raise NotFound(f"There is no model called {request.model}.")
        done = sum(one.model == request.model for one in self.asked) - 1
        served = ServedBy(link=self.link_id, target="scripted", provider=self._provider, model=request.model)
        try:
            for chunk in answers[min(done, len(answers) - 1)]:
                if isinstance(chunk, Exception):
                    raise chunk
                if isinstance(chunk, Finished) and chunk.served_by is None:
                    chunk = Finished(
                        reason=chunk.reason, usage=chunk.usage, served_by=served, empty=chunk.empty
                    )
                yield chunk
        except GeneratorExit:
            self.closed += 1
            raise

    async def embed(self, model: str, texts: Sequence[str], context: CallContext) -> Embeddings:
        if model not in self._answers:
            raise NotFound(f"There is no model called {model}.")
        return Embeddings(model=model, vectors=[[float(len(text)), 1.0] for text in texts], usage=Usage())
