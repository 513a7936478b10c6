"""What a reader finds in a file, and why it could not read one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


class Unreadable(Exception):
    """A file that is not read; the text says why, `hint` what helps, `kind` which error of the tree it is."""

    def __init__(self, detail: str, *, hint: str = "", kind: str = "invalid") -> None:
        super().__init__(detail)
        self.detail, self.hint, self.kind = detail, hint, kind


@dataclass(slots=True)
class Found:
    """Text that grows, with its headings (start, level, text) and where its pages begin, in code points."""

    media_type: str
    title: str = ""
    headings: list[tuple[int, int, str]] = field(default_factory=list)
    pages: list[int] = field(default_factory=list)
    most: int = 10_000_000
    _parts: list[str] = field(default_factory=list)
    size: int = 0

    def add(self, text: str) -> None:
        """Add text. Raises Unreadable when there is more of it than is kept."""
        clean = cleaned(text)
        self.size += len(clean)
        if self.size > self.most:
            raise Unreadable(
                f"It has more than {self.most} characters of text.",
                hint="Split it into several files.",
                kind="large",
            )
        self._parts.append(clean)

    def heading(self, level: int, text: str) -> None:
        """Add a heading as a line of its own."""
        shown = " ".join(cleaned(text).split())[:300]
        if shown:
            self.add("\n\n" if self.size else "")
            self.headings.append((self.size, min(max(level, 1), 9), shown))
            self.add(shown + "\n\n")

    def page(self) -> None:
        """Begin a page."""
        self.pages.append(self.size)

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(self._parts)

    def document(self) -> dict[str, Any]:
        """Return it with JSON types."""
        return {
            "text": self.text,
            "media_type": self.media_type,
            "title": " ".join(cleaned(self.title).split())[:300],
            "headings": self.headings,
            "pages": self.pages,
        }


_DROPPED = dict.fromkeys(
    [*range(9), 11, 12, *range(14, 32), 127, *range(0x80, 0xA0), 0xFEFF, 0xFFFE, 0xFFFF], None
) | {13: "\n"}
"""Control characters are no text; a lone carriage return ends a line."""


def cleaned(text: str) -> str:
    """Return text without what no text has: control characters, NUL, halves of surrogate pairs."""
    text = text.replace("\r\n", "\n").translate(_DROPPED)
    return text.encode("utf-8", "replace").decode("utf-8")
