"""HTML: its text with headings. Scripts, styles and what is hidden are no text, and nothing is run or fetched."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Final

from autobot.adapters.documents.reading.plain import text_of
from autobot.adapters.documents.reading.said import Found

SKIPPED: Final = frozenset(
    {"script", "style", "template", "noscript", "iframe", "object", "embed", "svg", "math", "canvas", "head"}
)
BLOCKS: Final = frozenset(
    {
        "address", "article", "aside", "blockquote", "dd", "details", "div", "dl", "dt", "fieldset", "figcaption",
        "figure", "footer", "form", "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section", "summary", "table",
        "tbody", "thead", "tr", "ul", "body", "html",
    }
)  # fmt: skip
VOID: Final = frozenset(
    {"br", "hr", "img", "input", "meta", "link", "source", "track", "wbr", "col", "area", "base", "embed"}
)
OPEN_ENDED: Final = frozenset({"p", "li", "dt", "dd", "td", "th", "tr", "option"})
"""Elements that need no end tag: the next one of their kind, a block after a paragraph, or their parent's end ends them."""
DEPTH_MAX: Final = 2_000
CHARSET: Final = re.compile(
    rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([A-Za-z0-9_:.-]{1,40})""", re.IGNORECASE
)


def read_html(data: bytes, charset: str, media_type: str) -> Found:
    """Read a page."""
    declared = CHARSET.search(data[:4096])
    text = text_of(data, charset or (declared[1].decode("ascii") if declared else ""))
    found = Found(media_type)
    reader = _Reader(found)
    reader.feed(text)
    reader.close()
    reader.finish()
    found.title = reader.title or next((one for _, _, one in found.headings), "")
    return found


def read_page(data: bytes, charset: str, media_type: str) -> Found:
    """Read a page of the web: what is its content, without what is around it. All of it where that finds little."""
    import trafilatura

    whole = read_html(data, charset, media_type)
    content = trafilatura.extract(
        text_of(data, charset), output_format="html", include_comments=False, favor_recall=True
    )
    if content:
        main = read_html(content.encode(), "utf-8", media_type)
        main.title = whole.title
        if len(main.text.strip()) * 5 > len(whole.text.strip()):
            return main
    return whole


class _Reader(HTMLParser):
    """Takes tags and text as they come; broken nesting does no harm."""

    def __init__(self, found: Found) -> None:
        super().__init__(convert_charrefs=True)
        self._found = found
        self._line: list[str] = []
        self._skipping: list[str] = []
        self._heading = 0
        self._pre = 0
        self._in_title = False
        self.title = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin an element."""
        self._in_title = tag == "title"
        self._end_open(tag)
        hidden = any(name == "hidden" for name, _ in attrs) and tag not in VOID
        if tag in SKIPPED or hidden or self._skipping:
            if tag not in VOID and len(self._skipping) < DEPTH_MAX:
                self._skipping.append(tag)
            return
        if tag in ("br", "hr"):
            self._line.append("\n")
        elif tag in ("td", "th"):
            self._line.append(" ")
        elif len(tag) == 2 and tag[0] == "h" and tag[1] in "123456":
            self._flush()
            self._heading = int(tag[1])
        elif tag in BLOCKS:
            self._flush()
            self._pre += tag == "pre"

    def _end_open(self, tag: str) -> None:
        """End what is hidden and has no end tag, where the element that begins ends it."""
        last = self._skipping[-1] if self._skipping else ""
        blocks = tag in BLOCKS or (len(tag) == 2 and tag[0] == "h" and tag[1].isdigit())
        if last in OPEN_ENDED and (last == tag or (last == "p" and blocks)):
            self._skipping.pop()

    def handle_endtag(self, tag: str) -> None:
        """End an element."""
        self._in_title = False
        if self._skipping and tag not in self._skipping and set(self._skipping) <= OPEN_ENDED:
            self._skipping.clear()
        if self._skipping:
            if tag in self._skipping:
                del self._skipping[len(self._skipping) - 1 - self._skipping[::-1].index(tag) :]
            return
        if len(tag) == 2 and tag[0] == "h" and tag[1] in "123456":
            self._flush()
            self._heading = 0
        elif tag in BLOCKS:
            self._flush()
            self._pre = max(0, self._pre - (tag == "pre"))

    def handle_data(self, data: str) -> None:
        """Take text."""
        if self._in_title:
            self.title = (self.title + data).strip()[:300]
        elif not self._skipping:
            self._line.append(data if self._pre else re.sub(r"[^\S\n]*\n[^\S\n]*|[^\S\n]+", " ", data))

    def finish(self) -> None:
        """Take what is left."""
        self._flush()

    def _flush(self) -> None:
        text = "".join(self._line)
        self._line.clear()
        text = text.strip("\n") if self._pre else "\n".join(" ".join(one.split()) for one in text.split("\n"))
        if not text.strip():
            return
        if self._heading:
            self._found.heading(self._heading, text)
        else:
            self._found.add(text.strip("\n") + "\n\n")
