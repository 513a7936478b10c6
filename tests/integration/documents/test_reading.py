"""Files of every kind in the process that reads them: what comes out of good ones, and the cause for bad ones."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from pathlib import Path

import pytest

from autobot.adapters.documents.parser import ChildParser, ParserOptions
from autobot.contexts.knowledge.ports.parsing import Parsed
from autobot.contexts.knowledge.process.cutting import passages_of
from autobot.kernel.core.errors import AutoBotError, InvalidInput, TooLarge
from autobot.testing.conformance.parsing import CONTEXT, unread
from tests.integration.documents import files

PLAIN = ParserOptions(bubblewrap=None)


def read(
    data: bytes,
    filename: str = "file",
    media_type: str = "",
    *,
    web: bool = False,
    options: ParserOptions = PLAIN,
) -> Parsed:
    """Return what a file says."""
    return asyncio.run(
        ChildParser(options=options).parse(unread(data, filename, media_type, web=web), CONTEXT)
    )


def test_a_pdf_keeps_its_pages() -> None:
    """Each page's text stands where the page is said to begin."""
    found = read(files.pdf("Herons wade.", "Ferns (and mosses) grow."), "a.pdf")
    assert found.media_type == "application/pdf"
    first, second = found.pages
    assert found.text[first:second].strip() == "Herons wade."
    assert found.text[second:].strip() == "Ferns (and mosses) grow."


def test_a_word_document_keeps_headings_and_tables() -> None:
    """Paragraphs, headings with their levels, and rows of tables come in their order."""
    found = read(files.word(), "birds.docx")
    assert [(one.level, one.text) for one in found.headings] == [(1, "Birds"), (2, "Numbers")]
    assert found.text.split() == [
        "Birds",
        "A",
        "heron",
        "stands",
        "in",
        "the",
        "reeds.",
        "Numbers",
        "kind",
        "|",
        "count",
        "heron",
        "|",
        "3",
    ]


def test_html_is_text_without_its_scripts() -> None:
    """Scripts, styles, comments and what is hidden are no text, and nesting that is broken does no harm."""
    page = b"""<!doctype html><html><head><title>Reeds &amp; rushes</title><style>p{color:red}</style>
    <script>document.write("evil()")</script></head><body><h1>Reeds</h1><!-- hidden note -->
    <p>They grow <b>tall</b>.<script>alert(1)</script><p hidden>unseen<p onclick="steal()">Near water.</div></p>
    <noscript>turn it on</noscript><h2>Uses</h2><ul><li>Roofs<li>Mats</ul><pre>a  b
c</pre><template><p>later</p></template></body></html>"""
    found = read(page, "reeds.html")
    assert found.title == "Reeds & rushes"
    assert [(one.level, one.text) for one in found.headings] == [(1, "Reeds"), (2, "Uses")]
    said = " ".join(found.text.split())
    assert said == "Reeds They grow tall. Near water. Uses Roofs Mats a b c"


def test_a_page_of_the_web_is_its_content() -> None:
    """Of an article with menus around it the article is left."""
    story = "".join(
        f"<p>The heron number {one} waits in the shallow water for a fish to pass by.</p>"
        for one in range(20)
    )
    menu = "".join(f'<li><a href="/{one}">Menu entry {one}</a></li>' for one in range(5))
    page = f"<html><head><title>Herons</title></head><body><nav><ul>{menu}</ul></nav><article><h1>Herons</h1>{story}</article></body></html>"
    found = read(page.encode(), "herons", "text/html", web=True)
    assert "heron number 19" in found.text
    assert "Menu entry" not in found.text
    assert found.title == "Herons"


def test_a_table_says_each_cell_by_its_column() -> None:
    """Rows of CSV are told by the names of their columns, whatever separates the cells."""
    for mark in (",", ";", "\t"):
        rows = [["kind", "count"], ["heron", "3"], ["a, b" if mark != "," else "a b", "4"]]
        found = read("\n".join(mark.join(row) for row in rows).encode(), "birds.csv")
        assert "kind: heron; count: 3" in found.text


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [("utf-8-sig", ""), ("utf-16", ""), ("utf-16-le", ""), ("utf-16-be", ""), ("utf-32", ""), ("koi8-r", "text/plain; charset=koi8-r"),
     ("shift_jis", "text/plain; charset=shift_jis")],
)  # fmt: skip
def test_text_of_any_encoding_is_read(encoding: str, declared: str) -> None:
    """A byte order mark, zero bytes in every other place, or what was declared says how to read text."""
    said = "漢字とかな" if encoding == "shift_jis" else "Жизнь and text " * 5
    assert read(said.encode(encoding), "a.txt", declared).text == said


def test_mixed_encodings_lose_nothing() -> None:
    """Lines of UTF-8 and of Windows-1252 in one file are each read as what they are."""
    data = "größer\n".encode() + "größer\n".encode("cp1252") + "שלום\n".encode()
    assert read(data, "mixed.txt").text == "größer\ngrößer\nשלום\n"
    one_line = "größer ".encode() + "größer ".encode("cp1252") + b"than most"
    assert read(one_line, "mixed.txt").text == "größer größer than most"


@pytest.mark.parametrize(
    ("data", "filename", "cause"),
    [
        (files.encrypted_pdf(), "a.pdf", "encrypted"),
        (files.pdf("text")[:200], "cut.pdf", "broken"),
        (b"%PDF-1.7\n" + os.urandom(5000), "noise.pdf", "broken"),
        (b"no pdf at all, only text", "letter.pdf", "is none"),
        (b"no word at all, only text", "letter.docx", "is none"),
        (files.word()[:-500], "cut.docx", "damaged|broken"),
        (files.archive(word__document_xml=b"<w:broken"), "a.docx", "broken"),
        (files.archive(readme_txt=b"hello"), "a.zip", "archive"),
        (files.archive(xl__workbook_xml=b"<x/>"), "a.xlsx", "Tables"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "cat.txt", "PNG"),
        (b"\x7fELF" + bytes(range(256)), "tool.md", "program"),
        (b"\xd0\xcf\x11\xe0" + bytes(600), "old.doc", "older Office"),
        (bytes(range(1, 9)) * 100, "noise.txt", "no text"),
        (b"MZ\x00\x00" * 100, "tool.txt", "program"),
        (b"a\x00\x00\x00\x00\x00b" * 100, "noise.bin", "no text"),
        ("Жизнь прожить, не поле перейти".encode("cp1251"), "life.txt", "encoding"),
        ("日本語のテキストです。これは試験です。".encode("shift_jis"), "japan.txt", "encoding"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_a_bad_file_has_a_cause(data: bytes, filename: str, cause: str) -> None:
    """Encrypted, broken and mistaken files are refused with what is wrong with them."""
    with pytest.raises(InvalidInput) as refused:
        read(data, filename)
    assert re.search(cause, refused.value.detail), refused.value.detail


@pytest.mark.parametrize(
    ("data", "filename"),
    [
        (files.archive(word__document_xml=bytes(300 << 20)), "bomb.docx"),
        (files.bomb_pdf(600), "bomb.pdf"),
        (b"<div>" * 2_000_000 + b"x", "deep.html"),
        (b"a,b\n" + b'"' + b"x" * 20_000_000, "endless.csv"),
    ],
    ids=["docx", "pdf", "html", "csv"],
)
def test_what_grows_without_bounds_is_stopped(data: bytes, filename: str) -> None:
    """A bomb ends its own process at the limits of memory, time and text, with the cause; this one goes on."""
    tight = ParserOptions(bubblewrap=None, memory_mib=400, cpu_s=10, wall_s=30)
    try:
        found = read(data, filename, options=tight)
    except (TooLarge, InvalidInput):
        return
    assert len(found.text) < 100_000_000


def test_a_long_table_has_the_names_of_its_columns_above_each_passage() -> None:
    """Rows that are too many to be told with their names come a line each; cells keep their places, nothing is left out."""
    rows = "".join(f'{number},,"Zürich\n8001",{"жук " * 20}\n' for number in range(120_000))
    found = read(f"number,empty,place,beetle\n{rows}".encode(), "long.csv")
    names = "number | empty | place | beetle"
    assert found.text.startswith(names)
    assert f"\n119999 |  | Zürich 8001 | {'жук ' * 19}жук\n" in found.text
    assert found.text.count("\n") == 120_002
    passages = passages_of("d", 1, "long.csv", found)
    assert {one.heading for one in passages} == {names}
    assert sum(one.text.count("Zürich") for one in passages) == 120_000
    short = read(b"number,place\n1,here\n", "short.csv")
    assert short.text == "number, place\n\nnumber: 1; place: here\n\n"


def test_a_table_that_is_too_long_is_told_with_what_helps() -> None:
    """Beyond what rows without their names may have it is refused, with the figure and the step."""
    with pytest.raises(TooLarge) as refused:
        read(b"name\n" + b"123456789\n" * 3_000_100, "table.csv")
    assert "more than 30000000 characters of text" in refused.value.detail
    assert refused.value.hint == "Split it into several files."


def test_reading_that_takes_too_long_is_ended() -> None:
    """A reader that never answers is killed when its time is up, and nobody waits for it longer."""
    with pytest.raises(TooLarge):
        read(b"a,b\n" + b"1,2\n" * 4_000_000, "large.csv", options=ParserOptions(bubblewrap=None, wall_s=1))


@pytest.mark.needs_program("bwrap")
def test_what_reads_sees_nothing_of_the_data_folder(tmp_path: Path) -> None:
    """In bubblewrap the data folder is empty for the reader; a file is read there all the same."""
    (tmp_path / "secret.key").write_text("a secret")
    parser = ChildParser(hidden=(tmp_path,))

    async def main() -> tuple[str, bytes]:
        assert await parser.sandbox() == "bubblewrap"
        look = await asyncio.create_subprocess_exec(
            *parser._wrapped(), "/bin/ls", "-A", str(tmp_path), stdout=asyncio.subprocess.PIPE
        )
        seen, _ = await look.communicate()
        return (await parser.parse(unread(b"hello there"), CONTEXT)).text, seen

    assert asyncio.run(main()) == ("hello there", b"")


def test_a_pasted_text_needs_no_process() -> None:
    """A text is taken as it stands, without a child; a page that was pasted, and a file of text, are read by one."""

    class Alone(ChildParser):
        async def _started(self, argv, file):  # type: ignore[no-untyped-def]
            raise NotImplementedError

    async def main(data: bytes, *, pasted: bool) -> str:
        parser = Alone(options=PLAIN)
        return (await parser.parse(unread(data, pasted=pasted), CONTEXT)).text

    assert asyncio.run(main(b"hello \x00there", pasted=True)) == "hello there"
    for data, pasted in ((b"<html><p>hello", True), (b"hello there", False), (b"hello \xff", True)):
        with pytest.raises(NotImplementedError):
            asyncio.run(main(data, pasted=pasted))


def test_a_reader_that_is_killed_is_started_again() -> None:
    """A kill from outside, as by a machine without memory, costs another start; each time again, and it is given up."""

    class Killed(ChildParser):
        kills = 1

        async def _started(self, argv, file):  # type: ignore[no-untyped-def]
            child = await super()._started(argv, file)
            if self.kills > 0:
                self.kills -= 1
                os.kill(child.process.pid, signal.SIGKILL)
            return child

    async def main(kills: int) -> str:
        parser = Killed(options=ParserOptions(bubblewrap=None, tries=3))
        parser.kills = kills
        return (await parser.parse(unread(b"hello there"), CONTEXT)).text

    assert asyncio.run(main(2)) == "hello there"
    with pytest.raises(AutoBotError, match="killed 3 times"):
        asyncio.run(main(3))


def test_a_process_that_cannot_be_started_is_told_as_such(tmp_path: Path) -> None:
    """What the system refuses comes as its own error, not in a group."""
    wrapper = tmp_path / "bwrap"
    wrapper.write_text("#!/bin/sh\nexit 0\n")
    wrapper.chmod(0o700)

    async def main() -> None:
        parser = ChildParser(options=ParserOptions(bubblewrap=str(wrapper)))
        assert await parser.sandbox() == "bubblewrap"
        wrapper.unlink()
        with pytest.raises(FileNotFoundError):
            await parser.parse(unread(b"<p>Herons wade.", "a.html", "text/html"), CONTEXT)

    asyncio.run(main())
