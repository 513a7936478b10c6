"""A streamed answer of the OpenAI dialect, from bytes to chunks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

from autobot.contracts.models import Chunk
from autobot.contracts.openai_wire.answer import AnswerReader
from autobot.contracts.openai_wire.sse import SseDecoder
from autobot.kernel.core.errors import BadAnswer

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

    `loads` parses JSON and raises ValueError for what is none. A server that ignores `stream` and
    answers one JSON document is understood. Raises what the reader raises, BadAnswer for garbage.
    """
    documents = _Documents()
    async for piece in pieces:
        for data in documents.feed(piece):
            if data == DONE:
                reader.done = True
                break
            for chunk in reader.take(parsed(data, loads)):
                yield chunk
        if reader.done:
            await drained(pieces)
            break
    for data in documents.rest():
        for chunk in reader.take(parsed(data, loads)):
            yield chunk
    for chunk in reader.end():
        yield chunk


async def drained(pieces: AsyncIterator[bytes]) -> None:
    """Read on to the end of the body, so that its connection can be used again.

    A server that says that it is done and does not end its body is left after `DRAIN_S`.
    """
    try:
        async with asyncio.timeout(DRAIN_S):
            async for _ in pieces:
                pass
    except TimeoutError:
        return


def parsed(data: bytes, loads: Callable[[bytes], Any]) -> Any:
    """Return the JSON value of `data`. Raises BadAnswer when it is none."""
    try:
        return loads(data)
    except ValueError as error:
        raise BadAnswer("The model server sent something that is not JSON.") from error
