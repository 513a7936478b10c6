"""What a file is: by its first bytes, never by its name alone."""

from __future__ import annotations

import zipfile
from typing import BinaryIO, Final

from autobot.adapters.documents.reading.said import Unreadable

PDF, DOCX, HTML = (
    "application/pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "text/html",
)
MARKDOWN, CSV, TEXT = "text/markdown", "text/csv", "text/plain"

OTHERS: Final[tuple[tuple[bytes, str], ...]] = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"RIFF", "sound, video or an image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"BM", "a bitmap image"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"\xca\xfe\xba\xbe", "a program"),
    (b"\xcf\xfa\xed\xfe", "a program"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"SQLite format 3", "a database"),
    (b"\xd0\xcf\x11\xe0", "a file of an older Office, or one that is encrypted"),
    (b"ID3", "sound"),
    (b"OggS", "sound"),
    (b"fLaC", "sound"),
    (b"%!PS", "PostScript"),
    (b"{\\rtf", "Rich Text"),
)
"""Beginnings of files that are not read, and what they are."""

NAMED: Final[dict[str, str]] = {
    "md": MARKDOWN,
    "markdown": MARKDOWN,
    "mdown": MARKDOWN,
    "csv": CSV,
    "tsv": CSV,
    "html": HTML,
    "htm": HTML,
    "xhtml": HTML,
    "pdf": PDF,
    "docx": DOCX,
}
CODE: Final = {
    "py", "js", "ts", "tsx", "jsx", "vue", "java", "kt", "c", "h", "cc", "cpp", "hpp", "cs", "go", "rs", "rb", "php",
    "swift", "scala", "sh", "bash", "zsh", "ps1", "sql", "r", "lua", "pl", "toml", "yaml", "yml", "json", "xml", "ini",
    "cfg", "conf", "css", "scss", "proto", "tf", "dockerfile", "makefile",
}  # fmt: skip
ENTRIES_MAX: Final = 10_000
UNPACKED_MAX: Final = 200 * 1024 * 1024
RATIO_MAX: Final = 200
RATIO_FROM: Final = 1024 * 1024
"""An archive may unpack to so many bytes, and above a megabyte to so many times its size."""
BINARY_SHARE: Final = 0.02
"""Share of control characters above which bytes are no text."""


def kind_of(file: BinaryIO, name: str, declared: str) -> str:
    """Return the media type of a file. Raises Unreadable for what is not read, and where the name says otherwise."""
    file.seek(0)
    head = file.read(4096)
    ending = name.lower().rpartition(".")[2]
    said = NAMED.get(ending) or _declared(declared)
    found = _by_bytes(file, head)
    if found is None and said in (PDF, DOCX):
        kind = "PDF" if said == PDF else "Word document"
        raise Unreadable(f"It is called a {kind}, and is none.")
    if found is not None:
        return found
    if looks_like_html(head) and said in (None, HTML, TEXT) and ending not in CODE:
        return HTML
    return said or TEXT


def _by_bytes(file: BinaryIO, head: bytes) -> str | None:
    if b"%PDF-" in head[:1024]:
        return PDF
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return _packed(file)
    for beginning, what in OTHERS:
        if head.startswith(beginning) and not _plain(head):
            raise Unreadable(f"It is {what}; that is not read.")
    if head[4:8] == b"ftyp":
        raise Unreadable("It is video or sound; that is not read.")
    return None


def _plain(head: bytes) -> bool:
    """Say whether bytes are text all the same: a text may begin with BM."""
    try:
        return head.decode("utf-8").isprintable() or not control_share(head)
    except UnicodeDecodeError:
        return False


def control_share(data: bytes) -> float:
    """Return which share of bytes are control characters that no text has."""
    return sum(data.count(one) for one in _CONTROLS) / max(len(data), 1)


_CONTROLS: Final = tuple(bytes([one]) for one in (*range(9), 11, *range(14, 27), *range(28, 32), 127))


def _packed(file: BinaryIO) -> str:
    """Look into an archive without unpacking it."""
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError) as error:
        raise Unreadable("It is a damaged archive.") from error
    names = {one.filename for one in entries}
    whole, packed = sum(one.file_size for one in entries), sum(one.compress_size for one in entries)
    if len(entries) > ENTRIES_MAX or whole > UNPACKED_MAX:
        raise Unreadable("It unpacks to far more than is read.", kind="large")
    if whole > RATIO_FROM and whole > RATIO_MAX * max(packed, 1):
        raise Unreadable("It unpacks to far more than is read.", kind="large")
    if any(one.flag_bits & 1 for one in entries):
        raise Unreadable("It is encrypted.", hint="Save it without a password.")
    if "word/document.xml" in names:
        return DOCX
    if "xl/workbook.xml" in names or "ppt/presentation.xml" in names:
        raise Unreadable("Tables and slides of Office are not read.", hint="Save it as PDF or CSV.")
    if "content.xml" in names and "mimetype" in names:
        raise Unreadable("Files of OpenDocument are not read.", hint="Save it as DOCX or PDF.")
    raise Unreadable("It is an archive; that is not read.", hint="Unpack it and add what is in it.")


def _declared(media_type: str) -> str | None:
    kind = media_type.partition(";")[0].strip().lower()
    if kind == "application/xhtml+xml":
        return HTML
    return kind if kind in (PDF, DOCX, HTML, MARKDOWN, CSV) else None


def looks_like_html(head: bytes) -> bool:
    """Say whether a file that begins so is a page."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:200].lower()
    return start.startswith((b"<!doctype html", b"<html", b"<head", b"<body"))
