"""Reads one file from standard input and writes what it says to standard output, as JSON.

    python -m autobot.adapters.documents.reading  '{"memory": bytes, "cpu": s, "name": …, "media_type": …, "web": …}' < file

Standard input is a file that can be rewound. The answer is `{"found": …}`, or `{"unreadable": …}` with the cause.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from typing import Any, BinaryIO

from autobot.adapters.documents.reading.limits import confine, refuse_the_rest


def main() -> None:
    """Do it."""
    asked = json.loads(sys.argv[1])
    confine(asked["memory"], asked["cpu"])
    # Letters as they are: escaped, most of the world's would take three times the room that an answer has.
    sys.stdout.buffer.write(
        json.dumps(_answer(sys.stdin.buffer, asked), ensure_ascii=False).encode("utf-8", "replace")
    )
    sys.stdout.buffer.flush()


def _answer(file: BinaryIO, asked: dict[str, Any]) -> dict[str, Any]:
    from autobot.adapters.documents.reading.said import Unreadable

    try:
        return {"found": _found(file, asked)}
    except Unreadable as error:
        return {"unreadable": {"detail": error.detail, "hint": error.hint, "kind": error.kind}}
    except ModuleNotFoundError as error:
        return {"unreadable": {"detail": f"{error.name} is not installed.", "hint": "", "kind": "absent"}}
    except MemoryError:
        detail = "Reading it takes more memory than is given."
        return {"unreadable": {"detail": detail, "hint": "", "kind": "large"}}
    except RecursionError:
        return {"unreadable": {"detail": "It is nested too deeply.", "hint": "", "kind": "invalid"}}


def _found(file: BinaryIO, asked: dict[str, Any]) -> dict[str, Any]:
    from autobot.adapters.documents.reading import kinds
    from autobot.adapters.documents.reading.html import read_html, read_page
    from autobot.adapters.documents.reading.office import read_docx, read_pdf
    from autobot.adapters.documents.reading.plain import read_csv, read_markdown, read_text

    name, declared = asked["name"], asked["media_type"]
    kind = kinds.kind_of(file, name, declared)
    if kind in (kinds.PDF, kinds.DOCX):
        # Loaded before the rest is refused: they look for their own parts.
        import_module("pypdf" if kind == kinds.PDF else "docx")
        refuse_the_rest()
        file.seek(0)
        read = read_pdf if kind == kinds.PDF else read_docx
        return read(file, kind).document()
    if kind == kinds.HTML and asked["web"]:
        import trafilatura  # noqa: F401
    refuse_the_rest()
    file.seek(0)
    data, charset = file.read(), _charset(declared)
    if kind == kinds.HTML:
        return (read_page if asked["web"] else read_html)(data, charset, kind).document()
    readers = {kinds.MARKDOWN: read_markdown, kinds.CSV: read_csv}
    return readers.get(kind, read_text)(data, charset, kind).document()


def _charset(declared: str) -> str:
    for part in declared.split(";")[1:]:
        name, _, value = part.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"')
    return ""


if __name__ == "__main__":
    main()
