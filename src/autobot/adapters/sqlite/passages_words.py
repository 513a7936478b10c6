"""The words of passages and of questions, as FTS5 reads them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

import apsw

from autobot.adapters.sqlite.passages_reading import looked_up
from autobot.adapters.sqlite.passages_schema import TOKENIZER
from autobot.contexts.knowledge.ports.index import StoredWords
from autobot.kernel.core.scripts import spaced

Reads = Callable[[str, int], Sequence[str]]
_TEXT: Final = "SELECT number, title, heading, text FROM texts WHERE number > ? ORDER BY number LIMIT ?"


def _reader(connection: apsw.Connection) -> Reads:
    """Return what reads a text into words; the same that FTS5 reads by."""
    name, *arguments = TOKENIZER
    tokenizer = connection.fts5_tokenizer(name, arguments)

    def read(text: str, reason: int) -> Sequence[str]:
        found: Any = tokenizer(
            text.encode("utf-8", "replace"), reason, None, include_offsets=False, include_colocated=False
        )
        return cast("list[str]", found)

    return read


class Questions:
    """Reads questions by a connection of its own to no file: a question needs no other thread."""

    def __init__(self) -> None:
        self._read = _reader(apsw.Connection(":memory:"))

    def asked(self, text: str) -> tuple[str, ...] | None:
        """Return the words of a question. None when FTS5 reads one of them as several, which must then stand together."""
        found = list[str]()
        for word in looked_up(text):
            pieces = self._read(word, apsw.FTS5_TOKENIZE_QUERY)
            if len(pieces) > 1:
                return None
            found += pieces
        return tuple(found)


def counted(connection: apsw.Connection, after: int, limit: int) -> list[StoredWords]:
    """Return a page of passages with their words."""
    read, found = _reader(connection), []
    for number, *texts in connection.execute(_TEXT, (after, limit)):
        words = [word for one in texts for word in read(spaced(one), apsw.FTS5_TOKENIZE_DOCUMENT)]
        found.append(StoredWords(number=number, length=len(words), counts=Counter(words)))
    return found
