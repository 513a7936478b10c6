"""A streamed answer of the OpenAI dialect, from bytes to chunks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from autobot.contracts.models import Chunk, TextDelta
from autobot.contracts.openai_wire.answer import AnswerReader
from autobot.contracts.openai_wire.sse import SseDecoder
from autobot.kernel.core.errors import AutoBotError, BadAnswer
from autobot.kernel.core.stepping import at_most

WHOLE_MAX: Final = 8 << 20
"""Bytes of an answer that was asked for as a stream and comes as one JSON document."""

DRAIN_S: Final = 0.2
"""Seconds that the end of the body may lag behind the end of the answer."""

DONE: Final = b"[DONE]"


class _Documents:
    """Cuts an answer into JSON documents: the events of a stream, or one document that is the whole answer."""

    def __init__(self) -> None:
        self._decoder = SseDecoder()
        self._whole: bytearray | None = None
        self._begun = False

    def feed(self, piece: bytes) -> list[bytes]:
        if not self._begun and (begin := piece.lstrip()):
            self._begun = True
            self._whole = bytearray() if begin[:1] == b"{" else None
        if self._whole is None:
            return self._decoder.feed(piece)
        self._whole += piece
        if len(self._whole) > WHOLE_MAX:
            raise BadAnswer(f"The model server's answer is longer than {WHOLE_MAX} bytes.")
        return []

    def rest(self) -> list[bytes]:
        return [] if self._whole is None else [bytes(self._whole)]


async def chunks_of(
    pieces: AsyncIterator[bytes], reader: AnswerReader, loads: Callable[[bytes], Any]
) -> AsyncIterator[Chunk]:
    """Yield the chunks of an answer, the end last.

    Text that arrives in one piece is given as one delta: it is there at the same moment, and each delta
    costs its way through every link above. `loads` parses JSON and raises ValueError for what is none. A
    server that ignores `stream` and answers one JSON document is understood. Raises what the reader raises,
    BadAnswer for garbage.
    """
    documents = _Documents()
    async for piece in pieces:
        chunks, error = _chunks_in(documents.feed(piece), reader, loads)
        for chunk in chunks:
            yield chunk
        if error is not None:
            raise error
        if reader.done:
            await drained(pieces)
            break
    chunks, error = _chunks_in(documents.rest(), reader, loads)
    for chunk in chunks:
        yield chunk
    if error is not None:
        raise error
    for chunk in reader.end():
        yield chunk


def _chunks_in(
    documents: list[bytes], reader: AnswerReader, loads: Callable[[bytes], Any]
) -> tuple[list[Chunk], AutoBotError | None]:
    """Return what these documents add, neighbouring text joined, and what broke after that."""
    chunks: list[Chunk] = []
    text: list[str] = []
    broken: AutoBotError | None = None
    try:
        for data in documents:
            if data == DONE:
                reader.done = True
                break
            document = parsed(data, loads)
            more = reader.text(document)
            if more is not None:
                text.append(more)
                continue
            for chunk in reader.take(document):
                if type(chunk) is TextDelta:
                    text.append(chunk.text)
                    continue
                if text:
                    chunks.append(TextDelta(text="".join(text)))
                    text.clear()
                chunks.append(chunk)
    except AutoBotError as error:
        broken = error
    if text:
        chunks.append(TextDelta(text="".join(text)))
    return chunks, broken


async def drained(pieces: AsyncIterator[bytes]) -> None:
    """Read on to the end of the body, so that its connection can be used again.

    A server that says that it is done and does not end its body is left after `DRAIN_S`.
    """
    try:
        # Nearly always the end is there already.
        await at_most(pieces.__anext__(), DRAIN_S)
        async with asyncio.timeout(DRAIN_S):
            async for _ in pieces:
                pass
    except (StopAsyncIteration, TimeoutError):
        return


def parsed(data: bytes, loads: Callable[[bytes], Any]) -> Any:
    """Return the JSON value of `data`. Raises BadAnswer when it is none."""
    try:
        return loads(data)
    except ValueError as error:
        raise BadAnswer("The model server sent something that is not JSON.") from error
