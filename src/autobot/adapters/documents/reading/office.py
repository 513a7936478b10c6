"""PDF and Word documents."""

from __future__ import annotations

import logging
from typing import Any, BinaryIO, Final

from autobot.adapters.documents.reading.said import Found, Unreadable

PAGES_MAX: Final = 10_000


def read_pdf(file: BinaryIO, media_type: str) -> Found:
    """Read a PDF, page by page. Raises Unreadable for an encrypted or broken one."""
    import pypdf

    logging.disable(logging.CRITICAL)
    found = Found(media_type)
    try:
        reader = pypdf.PdfReader(file)
        if reader.is_encrypted and not reader.decrypt(""):
            raise Unreadable("This PDF is encrypted.", hint="Save it without a password.")
        pages = len(reader.pages)
        if pages > PAGES_MAX:
            raise Unreadable(f"It has more than {PAGES_MAX} pages.", kind="large")
        found.title = str(reader.metadata.title or "") if reader.metadata else ""
        for number in range(pages):
            found.page()
            found.add(_page_text(reader.pages[number]) + "\n\n")
    except Exception as error:
        raise _broken(error, "This PDF is broken.", "Save it anew, or print it into a PDF.") from error
    return found


def _broken(error: Exception, detail: str, hint: str) -> Exception:
    """Return what an error of a library means: a file may break it in any way, as it was made to be read, not judged."""
    if isinstance(error, Unreadable | MemoryError | RecursionError | ModuleNotFoundError):
        return error
    return Unreadable(detail, hint=hint)


def _page_text(page: Any) -> str:
    return str(page.extract_text() or "")


def read_docx(file: BinaryIO, media_type: str) -> Found:
    """Read a Word document: paragraphs, headings and tables in their order."""
    import docx
    from docx.table import Table

    found = Found(media_type)
    try:
        document = docx.Document(file)
        for part in document.iter_inner_content():
            if isinstance(part, Table):
                _table(found, part)
            else:
                _paragraph(found, part)
        first = next((text for _, level, text in found.headings if level == 1), "")
        found.title = document.core_properties.title or first
    except Exception as error:
        raise _broken(error, "This Word document is broken.", "Open and save it anew.") from error
    return found


def _paragraph(found: Found, paragraph: Any) -> None:
    text, style = paragraph.text, (paragraph.style.name or "") if paragraph.style is not None else ""
    if style == "Title":
        found.heading(1, text)
    elif style.startswith("Heading ") and style[8:].isdigit():
        found.heading(int(style[8:]), text)
    elif text.strip():
        found.add(text + "\n\n")


def _table(found: Found, table: Any) -> None:
    for row in table.rows:
        cells = dict.fromkeys(cell.text.strip().replace("\n", " ") for cell in row.cells)
        found.add(" | ".join(one for one in cells if one) + "\n")
    found.add("\n")
