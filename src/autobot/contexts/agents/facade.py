"""The model facade: one door to all models. It names them, fits windows, fails over, and says who served.

Callers reach it over the Agents → LLM Interface row: `generate`, `embed` and `list_models` send to that
link, whose direct transport calls `streams` and `calls` here. Each provider stands behind its own row with
its own breaker, so a failover costs what the refusal costs.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any, Final

from autobot.contexts.agents.agent import Prompt
from autobot.contexts.agents.budget import as_they_are, fit_passages
from autobot.contexts.agents.catalogue import Catalogue, Known, full_name
from autobot.contexts.agents.limits import FREE, ModelLimits
from autobot.contexts.agents.metering import Measure, Meter
from autobot.contexts.agents.ports import (
    ASSISTANT,
    Chunk,
    Embeddings,
    Finished,
    GenerateRequest,
    ModelMessage,
    ToolSpec,
    close_chunks,
)
from autobot.contexts.agents.ranking import RERANK, Ranking
from autobot.contexts.agents.similar import SimilarAnswers
from autobot.contexts.agents.spoken import in_words
from autobot.contexts.agents.window import NEUTRAL, Scale, prompt_tokens, refuse_too_long, text_tokens
from autobot.contracts.inference import RankTexts, Reranked
from autobot.contracts.models import MODELS_TAG, TEXTS_MAX, Cached, saying
from autobot.contracts.runs import ModelChoice
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import (
    Absent,
    AutoBotError,
    BadAnswer,
    HopFailed,
    Interrupted,
    InvalidInput,
    NotFound,
    Rejected,
    RemoteError,
)
from autobot.kernel.links.ports import Links
from autobot.kernel.links.wire import TypedWire, Wire
from autobot.kernel.resilience.operation import Effect, Operation
from autobot.kernel.resilience.served import noting

ROW: Final = "agents-llm"
GENERATE: Final = Operation(name="generate", effect=Effect.FREE)
SAME: Final = Operation(name="generate", effect=Effect.FREE, cacheable=True, tags=(MODELS_TAG,))
"""Generating what an equal request would get again: the row may share it and keep it."""
EMBED: Final = Operation(name="embed", effect=Effect.FREE, cacheable=True, tags=(MODELS_TAG,))
MODELS: Final = Operation(name="models", effect=Effect.FREE, cacheable=True, tags=(MODELS_TAG,))

_CALLERS_FAULT: Final = frozenset({400, 413, 422})
"""Statuses that blame the request: another provider would be asked the same."""

Chain = Callable[[str], Sequence[str]]
"""What an operator set: the models to try, in order, when this one (by its full name) cannot answer."""


class ModelFacade:
    """All models behind one door. Used from one event loop."""

    def __init__(
        self,
        catalogue: Catalogue,
        links: Links,
        chain: Chain = lambda _: (),
        *,
        limits: ModelLimits | None = None,
        meter: Meter | None = None,
    ) -> None:
        self._catalogue, self._links, self._chain, self._limits = catalogue, links, chain, limits
        self._meter = meter
        self.similar: SimilarAnswers | None = None
        """Answers to questions that mean the same, where an operator wants them."""
        self._scales: dict[str, Scale] = {}
        self.ranking = Ranking(catalogue, links.link(ROW), limits, meter)
        self.calls: Mapping[str, Callable[[Any, CallContext], Coroutine[Any, Any, Any]]] = {
            "embed": self._embed,
            "models": self._models,
            **self.ranking.calls,
        }
        self.streams: Mapping[str, Callable[[Any, CallContext], AsyncIterator[Chunk]]] = {
            "generate": self._generate
        }

    # ----------------------------------------------------------------------------------- for who calls

    def generate(self, request: GenerateRequest, context: CallContext) -> AsyncIterator[Chunk]:
        """Generate by the model or, before its first chunk, by the next of its failover chain.

        Raises NotFound for a name that no provider has, Interrupted when the answer breaks off after its
        first chunk, and else what the asked model raised.
        """
        if self.similar is not None and self.similar.takes(request):
            return self.similar.through(request, context, lambda: self._asked(request, context))
        return self._asked(request, context)

    def _asked(self, request: GenerateRequest, context: CallContext) -> AsyncIterator[Chunk]:
        link = self._links.link(ROW)
        if not repeatable(request):
            return link.stream(GENERATE, request, context)
        return self._shared(link.stream(SAME, replace(request, whole=False), context), context)

    async def _shared(self, chunks: AsyncIterator[Chunk], context: CallContext) -> AsyncIterator[Chunk]:
        """Pass on an answer that the row may share or have kept, and say so in its end."""
        try:
            with noting() as served:
                chunk = await anext(chunks, None)
            how: Cached = "" if not served.cached else "hit" if served.cached == "hit" else "joined"
            first = True
            while chunk is not None:
                if how and (first or type(chunk) is Finished):
                    chunk = saying(chunk, how)
                    self._count_cached(chunk, context)
                first = False
                yield chunk
                chunk = await anext(chunks, None)
        finally:
            await close_chunks(chunks)

    def _count_cached(self, chunk: Chunk, context: CallContext) -> None:
        """Count an answer at its end."""
        by = chunk.served_by if type(chunk) is Finished else None
        if by is not None and self._meter is not None:
            self._meter.cached(context.principal, full_name(by.provider, by.model))

    async def embed(self, model: str, texts: Sequence[str], context: CallContext) -> Embeddings:
        """Embed 1–2048 texts, by the catalogue's embedder when no model is named.

        Never fails over: vectors of two models cannot be compared.
        """
        found: Embeddings = await self._links.link(ROW).call(EMBED, (model, tuple(texts)), context)
        return found

    async def list_models(self, context: CallContext) -> Sequence[ModelChoice]:
        """Return every model with its state; what a provider last said is shown with its age."""
        found: Sequence[ModelChoice] = await self._links.link(ROW).call(MODELS, None, context)
        return found

    async def prepare(
        self,
        model: str,
        messages: tuple[tuple[str, ModelMessage], ...],
        tools: tuple[ToolSpec, ...],
        context: CallContext,
    ) -> Prompt:
        """Fit messages (each with its id), and what searches of documents found, to the model's window.

        Tools are not offered to a model that cannot call them. Raises NotFound for a name that no
        provider has, InvalidInput when the last message alone is too long.
        """
        known = await self._catalogue.find(model, context)
        offered, form = tools, as_they_are
        if known.info is not None and known.info.tools is False:
            offered, form = (), as_they_are if known.provider.provider == ASSISTANT else in_words
        fitted = fit_passages(
            messages, window=known.window, tools=offered, scale=self._scale(known), form=form
        )
        request = GenerateRequest(
            model=known.name, messages=fitted.fit.kept, tools=offered, window=known.window
        )
        return Prompt(
            request=request,
            window=known.window,
            left_out=fitted.fit.left_out,
            given=fitted.given,
            first_target=known.name,
            first_link=known.provider.link_id,
        )

    # ------------------------------------------------------------------------ behind the direct link

    async def _models(self, _: None, context: CallContext) -> Sequence[ModelChoice]:
        return await self._catalogue.choices(context)

    async def _embed(self, payload: tuple[str, Sequence[str]], context: CallContext) -> Embeddings:
        name, texts = payload
        if not 1 <= len(texts) <= TEXTS_MAX:
            raise InvalidInput(f"{len(texts)} texts were given; one call embeds 1 to {TEXTS_MAX}.")
        known = await (self._catalogue.find(name, context) if name else self._catalogue.embedder(context))
        if self._meter is not None:
            await self._meter.check(context.principal)
        async with self._place(known, context):
            found = await known.provider.embed(known.model, texts, context)
        Measure(self._meter, context.principal, known.name, known.model).ended(
            replace(found.usage, completion_tokens=found.usage.completion_tokens or 0),
            lambda: sum(map(text_tokens, texts)),
        )
        return found

    def _place(self, known: Known, context: CallContext) -> AbstractAsyncContextManager[None]:
        return self._limits.place(known.name, known.model, context) if self._limits else FREE

    async def _generate(self, request: GenerateRequest, context: CallContext) -> AsyncIterator[Chunk]:
        if self._meter is not None:
            await self._meter.check(context.principal)
        refused: list[tuple[str, AutoBotError]] = []
        known = await self._first(request, context, refused)
        others = iter(self._chain(known.name if known else request.model))
        while known is not None or (known := await self._next(others, request, context, refused)):
            started = ended = False
            measure = Measure(self._meter, context.principal, known.name, known.model)
            chunks = known.provider.generate(_for(known, request), context)
            try:
                async with self._place(known, context):
                    async for chunk in chunks:
                        if ended:
                            raise BadAnswer(
                                f"{known.name} went on after its end.", link=known.provider.link_id
                            )
                        if type(chunk) is Finished:
                            ended = True
                            chunk = self._end(known, request, chunk, measure, fallback=bool(refused))
                        elif not started:
                            measure.first()
                        started = True
                        measure.pieces += 1
                        yield chunk
                if not ended:
                    raise BadAnswer(f"The answer of {known.name} has no end.", link=known.provider.link_id)
            except (HopFailed, Rejected, Absent, NotFound) as error:
                if started:
                    raise _interrupted(known, error) from error
                if not _may_fail_over(error):
                    raise
                refused.append((known.name, error))
            else:
                return
            finally:
                measure.left(lambda: self._tokens(request))
                await close_chunks(chunks)
            known = None
        raise _first_refusal(refused)

    async def _first(
        self, request: GenerateRequest, context: CallContext, refused: list[tuple[str, AutoBotError]]
    ) -> Known | None:
        """Return the model that was asked for; one that is not there is noted in `refused`."""
        try:
            known = await self._catalogue.find(request.model, context)
        except NotFound as error:
            refused.append((request.model, error))
            return None
        if known.window is not None:
            refuse_too_long(self._tokens(request), known.window, self._scale(known))
        return known

    async def _next(
        self,
        names: Iterator[str],
        request: GenerateRequest,
        context: CallContext,
        refused: list[tuple[str, AutoBotError]],
    ) -> Known | None:
        """Return the next alternative that is there and whose window holds the prompt, None after the last."""
        for name in names:
            try:
                known = await self._catalogue.find(name, context)
            except NotFound as error:
                refused.append((name, error))
                continue
            tokens = self._tokens(request) * self._scale(known).value
            if known.window is None or tokens <= known.window:
                return known
            refused.append((name, NotFound(f"The prompt does not fit into its {known.window} tokens.")))
        return None

    def _scale(self, known: Known) -> Scale:
        return self._scales.get(known.name, NEUTRAL)

    def _tokens(self, request: GenerateRequest) -> int:
        return prompt_tokens(request.messages, request.tools)

    def _end(
        self, known: Known, request: GenerateRequest, end: Finished, measure: Measure, *, fallback: bool
    ) -> Finished:
        """Learn from the provider's count, and say in the end whether another model stepped in."""
        measure.ended(end.usage, lambda: self._tokens(request))
        counted = end.usage.prompt_tokens
        if counted is not None:
            self._scales[known.name] = self._scale(known).corrected(self._tokens(request), counted)
        if not fallback or end.served_by is None:
            return end
        return replace(end, served_by=replace(end.served_by, fallback=True))


def repeatable(request: GenerateRequest) -> bool:
    """Say whether an equal request would get the same answer: no chance in it, no tools, and nobody forbids it."""
    certain = request.temperature == 0 or request.seed is not None
    return certain and not request.tools and not request.no_store


def model_wires() -> Mapping[str, Wire]:
    """Return what both ends of a row to the ai role are built with: the facade's operations as bytes."""
    return {
        GENERATE.name: TypedWire(GENERATE.name, GenerateRequest, Chunk),
        EMBED.name: TypedWire(EMBED.name, tuple[str, tuple[str, ...]], Embeddings),
        MODELS.name: TypedWire(MODELS.name, None, tuple[ModelChoice, ...]),
        RERANK.name: TypedWire(RERANK.name, RankTexts, Reranked),
    }


def over_facade(
    facade: ModelFacade,
) -> tuple[
    Mapping[str, Callable[[Any, CallContext], Coroutine[Any, Any, Any]]],
    Mapping[str, Callable[[Any, CallContext], AsyncIterator[Chunk]]],
]:
    """Return what a row to the ai role calls: each operation goes on over the facade's own row."""

    async def embed(payload: Any, context: CallContext) -> Embeddings:
        model, texts = payload
        return await facade.embed(model, texts, context)

    async def models(_: Any, context: CallContext) -> Sequence[ModelChoice]:
        return await facade.list_models(context)

    calls = {"embed": embed, "models": models, RERANK.name: facade.ranking.rerank}
    return calls, {"generate": facade.generate}


def _for(known: Known, request: GenerateRequest) -> GenerateRequest:
    """Return the request as this provider gets it: its own name, and no window beyond the model's."""
    window = known.sets if request.window is None else min(request.window, known.sets or request.window)
    return GenerateRequest(
        model=known.model,
        messages=request.messages,
        tools=request.tools,
        tool_choice=request.tool_choice,
        max_tokens=request.max_tokens,
        temperature=request.temperature,
        top_p=request.top_p,
        stop=request.stop,
        seed=request.seed,
        json_schema=request.json_schema,
        window=window,
        reasoning=request.reasoning,
        whole=request.whole,
    )


def _may_fail_over(error: AutoBotError) -> bool:
    return not (isinstance(error, RemoteError) and error.status in _CALLERS_FAULT)


def _interrupted(known: Known, error: AutoBotError) -> Interrupted:
    return Interrupted(
        f"{known.name} stopped in the middle of its answer: {error.detail}",
        hint="What it wrote is kept. Ask it again to get a whole answer.",
    )


def _first_refusal(refused: list[tuple[str, AutoBotError]]) -> AutoBotError:
    """Return why the asked model did not answer; its hint names the others that were tried."""
    (_, first), *others = refused
    if others:
        tried = "; ".join(f"{name}: {error.detail}" for name, error in others)
        first.hint = f"{first.hint} " if first.hint else ""
        first.hint += f"Also tried: {tried}"
    return first


def chain_of(rules: Sequence[str], model: str) -> tuple[str, ...]:
    """Return the models to try after `model` by an operator's rules.

    Names in a row are one order for everyone: after a model that is among them come those that follow it,
    after any other all of them. A rule `first > second > third` is the order of `first` alone and comes
    before that. Raises InvalidInput for a rule that is none.
    """
    order: list[str] = []
    for rule in rules:
        first, *others = (name.strip() for name in rule.split(">"))
        if not first or not all(others):
            raise InvalidInput(
                f"{rule!r} is no failover chain.", hint="Write ollama:llama3 > openai:gpt-4o-mini"
            )
        if not others:
            order.append(first)
        elif first == model:
            return tuple(name for name in others if name != model)
    return tuple(order[order.index(model) + 1 :] if model in order else order)
