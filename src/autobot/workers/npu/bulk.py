"""Embedding in bulk: many texts answered in steps, and requests for as long as they come.

Both ask the worker's own `embed`, one step after the other, so that a bulk never has more texts in the queue than one
call may, and others get their turn between.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Mapping
from typing import Any, Final

from autobot.contracts.inference import Embedded, EmbedMany, EmbedTexts
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.validate import validate
from autobot.kernel.links.wire import TypedWire, Wires
from autobot.kernel.resilience.operation import Effect, Operation
from autobot.workers.npu.ports import Inference

EMBED_STREAM: Final = Operation(name="embed_stream", effect=Effect.FREE)
"""EmbedMany, answered by one Embedded a step."""
EMBED_EXCHANGE: Final = Operation(name="embed_exchange", effect=Effect.FREE)
"""An iterable of EmbedTexts, answered by one Embedded for each, in their order."""

Streams = Mapping[str, Callable[[Any, CallContext], AsyncIterator[Embedded]]]


def bulk_wires() -> Wires:
    """Return what both ends of a row are built with; of an exchange, the payload is one request."""
    return {
        EMBED_STREAM.name: TypedWire(EMBED_STREAM.name, EmbedMany, Embedded),
        EMBED_EXCHANGE.name: TypedWire(EMBED_EXCHANGE.name, EmbedTexts, Embedded),
    }


def streams_of(inference: Inference) -> Streams:
    """Return the operations in bulk by name, as a direct row or a hop calls them."""

    async def stream(request: EmbedMany, context: CallContext) -> AsyncIterator[Embedded]:
        validate(request)
        for at in range(0, len(request.texts), request.step):
            texts = request.texts[at : at + request.step]
            yield await inference.embed(EmbedTexts(texts=texts, model=request.model), context)

    async def exchange(
        requests: Iterable[EmbedTexts] | AsyncIterable[EmbedTexts], context: CallContext
    ) -> AsyncIterator[Embedded]:
        async for request in _each(requests):
            yield await inference.embed(request, context)

    return {EMBED_STREAM.name: stream, EMBED_EXCHANGE.name: exchange}


async def _each(requests: Iterable[EmbedTexts] | AsyncIterable[EmbedTexts]) -> AsyncIterator[EmbedTexts]:
    """Yield requests: over a hop they come one by one, in a process they are there."""
    if isinstance(requests, AsyncIterable):
        async for one in requests:
            yield one
        return
    for one in requests:
        yield one
