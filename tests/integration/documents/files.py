"""Files of every kind, good and bad, made by hand or by the libraries that read them."""

from __future__ import annotations

import io
import zipfile
import zlib
from hashlib import sha256
from typing import Final

import docx
import pypdf

from autobot.contexts.knowledge.domain import archive as tar
from autobot.contexts.knowledge.domain.archive import Described, End, Head

WRITTEN: Final = "2026-01-01T00:00:00Z"


def pdf(*pages: str) -> bytes:
    """Return a PDF with one line of text a page (PDF 1.4, written out by hand)."""
    font = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", "", font]
    kids = []
    for text in pages:
        escaped = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
        stream = f"BT /F1 12 Tf 72 720 Td ({escaped}) Tj ET"
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
        content = len(objects)
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {content} 0 R"
            " /Resources << /Font << /F1 3 0 R >> >> >>"
        )
        kids.append(f"{len(objects)} 0 R")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode("latin-1")
    table = "".join(f"{at:010d} 00000 n \n" for at in places)
    end = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}"
    end += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n"
    return out + end.encode()


def encrypted_pdf() -> bytes:
    """Return a PDF that needs a password."""
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(pdf("secret")))
    writer.encrypt("a password", algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def bomb_pdf(megabytes: int) -> bytes:
    """Return a PDF whose one page unpacks to many megabytes."""
    packed = zlib.compress(b" " * (megabytes << 20), 9)
    head = b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n"
    head += b"2 0 obj\n<< /Type /Pages /Kids [3 0 R] /Count 1 >>\nendobj\n"
    head += b"3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R >>\nendobj\n"
    head += b"4 0 obj\n<< /Length %d /Filter /FlateDecode >>\nstream\n" % len(packed)
    return head + packed + b"\nendstream\nendobj\ntrailer\n<< /Size 5 /Root 1 0 R >>\n%%EOF\n"


def word() -> bytes:
    """Return a Word document with headings and a table."""
    made = docx.Document()
    made.add_heading("Birds", 1)
    made.add_paragraph("A heron stands in the reeds.")
    made.add_heading("Numbers", 2)
    table = made.add_table(rows=2, cols=2)
    for row, cells in zip(table.rows, (("kind", "count"), ("heron", "3")), strict=True):
        for cell, text in zip(row.cells, cells, strict=True):
            cell.text = text
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def archive(**entries: bytes) -> bytes:
    """Return a ZIP archive; `__` in a name stands for a slash, `_` for a point."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in entries.items():
            made.writestr(name.replace("__", "/").replace("_", "."), data)
    return out.getvalue()


def collection_file(name: str, count: int) -> bytes:
    """Return a collection as a file, with so many small documents."""
    head = Head(
        format=tar.FORMAT, version=tar.VERSION, id="origin", name=name, documents=count, written_at=WRITTEN
    )
    found, digest = [tar.said(tar.HEAD, head)[1]], sha256()
    for number in range(1, count + 1):
        text = f"Fern number {number} grows in the shade.".encode()
        described = Described(
            title=f"Fern {number}",
            tags=(),
            source="upload",
            url="",
            filename=f"fern-{number}.txt",
            media_type="text/plain",
            size=len(text),
            sha256=sha256(text).hexdigest(),
            version=1,
            created_at=WRITTEN,
            updated_at=WRITTEN,
        )
        raw, entry = tar.said(tar.document_name(number), described)
        digest.update(raw)
        found += [entry, tar.header(tar.original_name(number), len(text)), text, tar.padding(len(text))]
    found.append(tar.said(tar.END, End(documents=count, sha256=digest.hexdigest()))[1])
    return b"".join((*found, tar.FINISH))
