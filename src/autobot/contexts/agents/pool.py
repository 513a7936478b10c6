"""Several servers of one dialect as one provider: a model is only asked where it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from autobot.contexts.agents.ports import (
    Chunk,
    Embeddings,
    Finished,
    GenerateRequest,
    LanguageModel,
    ModelInfo,
    ServedBy,
)
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import AutoBotError, NotFound
from autobot.kernel.resilience.served import Served, noting

T = TypeVar("T")

Over = Callable[[frozenset[str]], LanguageModel]
"""Returns the provider that asks any of these targets, as the row's policy chooses."""


class PooledModels:
    """The models of several servers behind one row. Implements `LanguageModel`; used from one event loop.

    `members` are the servers by target, each over the row narrowed to it. The row chooses among the servers that
    have a model (its endpoint policy), tries another before the first chunk, and sets failing ones aside. A server
    that does not answer keeps its last list. A model that a server no longer has makes all of them list again, once.
    """

    def __init__(self, members: Mapping[str, LanguageModel], over: Over) -> None:
        self._members, self._over = dict(members), over
        self._lists: dict[str, Sequence[ModelInfo]] = {}
        self._narrow: dict[frozenset[str], LanguageModel] = {}
        first = next(iter(self._members.values()))
        self._provider, self._link_id = first.provider, first.link_id

    @property
    def provider(self) -> str:
        """The provider's word."""
        return self._provider

    @property
    def link_id(self) -> str:
        """The row that they are reached by."""
        return self._link_id

    def where(self, model: str) -> frozenset[str]:
        """Return the targets that listed `model`, by its name or as its `latest`."""
        names = {model, f"{model}:latest"}
        return frozenset(
            target for target, infos in self._lists.items() if any(one.id in names for one in infos)
        )

    async def models(self, context: CallContext) -> Sequence[ModelInfo]:
        """Return the models of all servers, each once. Raises the first server's error when none answers."""
        results = await asyncio.gather(
            *(one.models(context) for one in self._members.values()), return_exceptions=True
        )
        failed: list[AutoBotError] = []
        for target, found in zip(self._members, results, strict=True):
            if isinstance(found, AutoBotError):
                failed.append(found)
            elif isinstance(found, BaseException):
                raise found
            else:
                self._lists[target] = found
        if len(failed) == len(self._members):
            raise failed[0]
        return self._merged()

    def _merged(self) -> Sequence[ModelInfo]:
        found: dict[str, list[ModelInfo]] = {}
        for target in self._members:
            for info in self._lists.get(target, ()):
                found.setdefault(info.id, []).append(info)
        return [self._one_of(same) for same in found.values()]

    def _one_of(self, same: Sequence[ModelInfo]) -> ModelInfo:
        """Return one description: the smallest window, since any of the servers may be asked."""
        windows = [one.window for one in same if one.window is not None]
        words = [same[0].detail] if same[0].detail else []
        if len(same) < len(self._members):
            words.append(f"on {len(same)} of {len(self._members)} servers")
        return replace(same[0], window=min(windows, default=None), detail=", ".join(words))

    # ------------------------------------------------------------------------------------------- asking

    async def generate(self, request: GenerateRequest, context: CallContext) -> AsyncIterator[Chunk]:
        """Generate by one of the servers that have the model; its end says which."""

        async def begin(provider: LanguageModel) -> tuple[AsyncIterator[Chunk], Chunk | None]:
            chunks = provider.generate(request, context)
            try:
                return chunks, await anext(chunks, None)
            except BaseException:
                await _close(chunks)
                raise

        (chunks, chunk), served = await self._where_it_is(request.model, context, begin)
        try:
            while chunk is not None:
                if type(chunk) is Finished:
                    chunk = replace(chunk, served_by=_at(chunk.served_by, served))
                yield chunk
                chunk = await anext(chunks, None)
        finally:
            await _close(chunks)

    async def embed(self, model: str, texts: Sequence[str], context: CallContext) -> Embeddings:
        """Embed by one of the servers that have the model; the answer says which."""
        found, served = await self._where_it_is(
            model, context, lambda provider: provider.embed(model, texts, context)
        )
        return replace(found, served_by=_at(found.served_by, served))

    async def _where_it_is(
        self, model: str, context: CallContext, ask: Callable[[LanguageModel], Awaitable[T]]
    ) -> tuple[T, Served]:
        """Ask the servers that have a model; return the answer and who gave it.

        A model that no list has, and one that a server denies, is looked for once in new lists. Raises NotFound.
        """
        targets, listed = self.where(model), False
        if not targets:
            targets, listed = await self._listed(model, context), True
        try:
            return await self._asked(targets, ask)
        except NotFound:
            if listed or (again := await self._listed(model, context)) == targets or not again:
                raise
        return await self._asked(again, ask)

    async def _listed(self, model: str, context: CallContext) -> frozenset[str]:
        try:
            await self.models(context)
        except AutoBotError:
            # Nobody lists anything now; the row says what its servers answer to the question itself.
            return frozenset()
        return self.where(model)

    async def _asked(
        self, targets: frozenset[str], ask: Callable[[LanguageModel], Awaitable[T]]
    ) -> tuple[T, Served]:
        targets = targets or frozenset(self._members)
        provider = self._narrow.get(targets)
        if provider is None:
            provider = self._narrow[targets] = self._over(targets)
        with noting() as served:
            return await ask(provider), served


def _at(by: ServedBy | None, served: Served) -> ServedBy | None:
    return replace(by, target=served.target) if by is not None and served.target else by


async def _close(chunks: AsyncIterator[Chunk]) -> None:
    close = getattr(chunks, "aclose", None)
    if close is not None:
        await close()
