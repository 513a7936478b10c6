"""What `Parser` promises. Subclass `ParserSuite`, and override `open`. Files of other kinds are each adapter's own tests."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from contextlib import AbstractAsyncContextManager

import pytest

from autobot.contexts.knowledge.ports.blobs import once
from autobot.contexts.knowledge.ports.parsing import Parsed, Parser, Unread
from autobot.kernel.core.context import SYSTEM, CallContext, TraceContext
from autobot.kernel.core.errors import InvalidInput

CONTEXT = CallContext(
    correlation_id="c", principal=SYSTEM, trace=TraceContext(trace_id="1" * 32, span_id="2" * 16)
)


def unread(
    data: bytes,
    filename: str = "file.txt",
    media_type: str = "",
    *,
    web: bool = False,
    pasted: bool = False,
) -> Unread:
    """Return a file that is at hand."""
    return Unread(
        filename=filename,
        media_type=media_type,
        size=len(data),
        pieces=lambda: once(data),
        web=web,
        pasted=pasted,
    )


class ParserSuite(ABC):
    """Reading files."""

    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[Parser]:
        """Return the implementation under test, open for the block."""

    def read(self, *files: Unread) -> list[Parsed]:
        """Return what files say, read one after the other."""

        async def main() -> list[Parsed]:
            async with self.open() as parser:
                return [await parser.parse(one, CONTEXT) for one in files]

        return asyncio.run(main())

    def test_text_comes_out_as_it_is(self) -> None:
        """Every script, right-to-left ones too, comes out letter by letter; the same file gives the same text."""
        said = "Grüße, Жизнь\nשלום עולם 123\nمرحبا بالعالم\n漢字とかな 😀\n"
        first, again = self.read(unread(said.encode()), unread(said.encode()))
        assert first.text == said
        assert first == again

    def test_what_no_text_has_is_left_out(self) -> None:
        """NUL and other control characters are dropped, and lines end in one way."""
        (found,) = self.read(unread(b"a\x00b\x01c\r\nd\re\tf" + b" more text" * 10))
        assert found.text == "abc\nd\ne\tf" + " more text" * 10

    def test_what_was_pasted_says_what_a_file_of_it_says(self) -> None:
        """A text that came as one is cleaned as a file of text is; one that is a page is read as a page."""
        plain = "\ufeffGrüße\x00\x85 漢字\r\n\U0001f600\n".encode() * 9
        page = b"<!DOCTYPE html><p>Herons wade.</p><script>no()</script>"
        for data in (plain, page):
            pasted, file = self.read(unread(data, "", "text/plain", pasted=True), unread(data))
            assert pasted == file

    def test_places_are_those_of_the_text(self) -> None:
        """A heading stands in the text at the code point that is said, after characters of any width."""
        data = "😀😀 before\n\n# Über 漢字\n\ntext\n\n## Below\n".encode()
        (found,) = self.read(unread(data, "notes.md"))
        for one in found.headings:
            assert found.text[one.start :].lstrip("# ").startswith(one.text)
        assert [(one.level, one.text) for one in found.headings] == [(1, "Über 漢字"), (2, "Below")]

    def test_what_is_no_text_is_refused(self) -> None:
        """Bytes that are no text of any kind are refused with the cause, whatever they are called."""
        for data in (bytes(range(1, 9)) * 200, b"\x7fELF\x02\x01\x01" + bytes(range(256)) * 4):
            with pytest.raises(InvalidInput):
                self.read(unread(data, "letter.txt", "text/plain"))
