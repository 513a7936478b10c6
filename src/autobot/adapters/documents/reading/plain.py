"""Text, Markdown, CSV and code: bytes of whatever encoding become text."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator
from typing import Final

from autobot.adapters.documents.reading.kinds import BINARY_SHARE, control_share
from autobot.adapters.documents.reading.said import Found, Unreadable

MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
NULS_16: Final = 0.2
"""Share of zero bytes at even or at odd places above which text has two bytes a character."""
CELL_MAX: Final = 1_000_000
TABLE_MOST: Final = 30_000_000
"""Characters of a table whose rows stand under the names of their columns: whatever their length up to that of a passage,
these are no more passages than a document may have."""
SEPARATOR: Final = " | "
WESTERN: Final = "autobot-western"
FOREIGN_SHARE: Final = 0.34
"""Letters from bytes that are no UTF-8, as a share of all, above which a text is not of Western Europe: French has
one in twenty, Cyrillic and Japanese encodings more than half."""


def text_of(data: bytes, charset: str = "") -> str:
    """Return the text that bytes are. Raises Unreadable for what is no text in any encoding.

    A byte order mark decides, then what was declared, then UTF-8. Bytes that are neither are read as Windows-1252
    where they stand, so that a file of mixed encodings loses nothing, unless they are most of its letters: then it is
    of another encoding, and would become letters that nobody wrote.
    """
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    sample = data[:65536]
    wide = _wide(sample)
    if wide:
        return data.decode(wide, "replace")
    if control_share(sample) > BINARY_SHARE:
        raise Unreadable("It is no text: most likely a program, an image or something that is packed.")
    for encoding in filter(None, (charset, "utf-8")):
        try:
            return data.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    return _mixed(data)


def _wide(sample: bytes) -> str:
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    half = max(len(sample) // 2, 1)
    if odd > NULS_16 * half and even * 4 < odd:
        return "utf-16-le"
    if even > NULS_16 * half and odd * 4 < even:
        return "utf-16-be"
    return ""


def _mixed(data: bytes) -> str:
    foreign = 0

    def western(error: UnicodeError) -> tuple[str, int]:
        nonlocal foreign
        assert isinstance(error, UnicodeDecodeError)
        bad = error.object[error.start : error.end]
        foreign += len(bad)
        return bad.decode("cp1252", "replace"), error.end

    codecs.register_error(WESTERN, western)
    text = data.decode("utf-8", WESTERN)
    if foreign > FOREIGN_SHARE * max(sum(map(str.isalpha, text)), 1):
        raise Unreadable(
            "It is in an encoding that it does not name, and that is not UTF-8.", hint="Save it as UTF-8."
        )
    return text


def read_text(data: bytes, charset: str, media_type: str) -> Found:
    """Read text or code as it stands."""
    found = Found(media_type)
    found.add(text_of(data, charset))
    return found


_ATX: Final = re.compile(r"[ ]{0,3}(#{1,6})[ \t]+(.+?)(?:[ \t]+#+)?[ \t]*$")
_FENCE: Final = re.compile(r"[ ]{0,3}(`{3,}|~{3,})")
_UNDER: Final = re.compile(r"[ ]{0,3}(=+|-+)[ \t]*$")


def read_markdown(data: bytes, charset: str, media_type: str) -> Found:
    """Read Markdown as it is written; its headings are found, none inside fenced code."""
    whole = read_text(data, charset, media_type)
    fence, before, at = "", "", 0
    for line in whole.text.splitlines(keepends=True):
        bare = line.rstrip("\n")
        mark = _FENCE.match(bare)
        if mark and (not fence or (mark[1][0] == fence[0] and len(mark[1]) >= len(fence))):
            fence = "" if fence else mark[1]
            before = ""
        elif not fence:
            heading, under = _ATX.match(bare), _UNDER.match(bare)
            if heading:
                whole.headings.append((at, len(heading[1]), heading[2].strip()[:300]))
            elif under and before.strip() and not before.startswith(("    ", "\t", "|", ">", "-", "*")):
                whole.headings.append(
                    (at - len(before), 1 if under[1][0] == "=" else 2, before.strip()[:300])
                )
            before = "" if heading or under else line
        at += len(line)
    whole.title = next((text for _, level, text in whole.headings if level == 1), "")
    return whole


def read_csv(data: bytes, charset: str, media_type: str) -> Found:
    """Read a table: each row says its cells by their columns' names, so that a row alone can be understood.

    A table that is too long for that has the names once, as the heading that every passage stands under, and a row a
    line (decision 0083).
    """
    text = text_of(data, charset)
    csv.field_size_limit(CELL_MAX)
    try:
        dialect: type[csv.Dialect] | csv.Dialect = csv.Sniffer().sniff(text[:8192], delimiters=",;\t|")
    except csv.Error:
        dialect = csv.excel
    text = text.replace("\x00", "")
    try:
        try:
            return _named(_rows(text, dialect), Found(media_type))
        except Unreadable as error:
            if error.kind != "large":
                raise
        return _packed(_rows(text, dialect), Found(media_type, most=TABLE_MOST))
    except csv.Error as error:
        raise Unreadable(f"It is no table of cells: {error}.") from error


def _rows(text: str, dialect: type[csv.Dialect] | csv.Dialect) -> Iterator[list[str]]:
    """Yield the rows that have something in them, the first with the names of the columns."""
    for row in csv.reader(io.StringIO(text), dialect):
        cells = [cell.strip() for cell in row]
        if any(cells):
            yield cells


def _named(rows: Iterator[list[str]], found: Found) -> Found:
    columns = next(rows, [])
    if columns:
        found.add(", ".join(columns) + "\n\n")
    for row in rows:
        names = [*columns, *[""] * (len(row) - len(columns))]
        cells = (f"{name}: {cell}" if name else cell for name, cell in zip(names, row, strict=False) if cell)
        found.add("; ".join(cells) + "\n\n")
    return found


def _packed(rows: Iterator[list[str]], found: Found) -> Found:
    found.heading(1, SEPARATOR.join(next(rows, [])))
    for row in rows:
        # An empty cell keeps its place, by which the others are known.
        found.add(SEPARATOR.join(" ".join(cell.split()) for cell in row).rstrip(" |") + "\n")
    return found
