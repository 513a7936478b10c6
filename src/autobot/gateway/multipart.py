"""Forms with files (`multipart/form-data`, RFC 7578), read while they arrive: a file is never whole in memory.

async for part in parts_of(content_type, stream):     # each part's data must be read before the next
    if part.filename is None: text = await part.text(most)
    else: async for piece in part: …
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Final

from autobot.gateway import problem_kinds as kinds
from autobot.gateway.problem import Refused
from autobot.kernel.core.errors import Malformed, TooLarge

FORM: Final = "multipart/form-data"
HEAD_MAX: Final = 8_192
"""Bytes of one part's header fields."""
PARTS_MAX: Final = 50
_BOUNDARY: Final = re.compile(
    r"""multipart/form-data\s*;.*?\bboundary\s*=\s*(?:"([^"]{1,70})"|([^\s;"]{1,70}))""", re.IGNORECASE
)
_PARAMETER: Final = re.compile(
    r""";\s*([a-z*]+)\s*=\s*(?:"((?:[^"\\]|\\["\\])*)"|([^\s;"]*))""", re.IGNORECASE
)


def boundary_of(content_type: str) -> bytes:
    """Return the boundary of a form. Raises Refused (415) for what is none, Malformed when the field names no boundary."""
    if not content_type.strip().lower().startswith(FORM):
        raise Refused(
            kinds.UNSUPPORTED_MEDIA_TYPE,
            f"The body must be declared as Content-Type: {FORM}.",
            fields={"Accept": FORM},
        )
    found = _BOUNDARY.match(content_type.strip())
    if found is None:
        raise Malformed("Content-Type: multipart/form-data must name a boundary.")
    return (found[1] or found[2]).encode("latin-1", "replace")


class Part:
    """One part of a form. `filename` is None for a plain field."""

    def __init__(self, name: str, filename: str | None, media_type: str, source: _Source) -> None:
        self.name, self.filename, self.media_type = name, filename, media_type
        self._source = source

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the data as it arrives."""
        async for piece in self._source.data():
            yield piece

    async def text(self, most: int) -> str:
        """Return a plain field. Raises TooLarge beyond `most` bytes, Malformed for what is not UTF-8."""
        data = b""
        async for piece in self:
            data += piece
            if len(data) > most:
                raise TooLarge(f"The field {self.name} has more than {most} bytes.")
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            raise Malformed(f"The field {self.name} is not UTF-8.") from None


async def parts_of(content_type: str, stream: AsyncIterator[bytes]) -> AsyncIterator[Part]:
    """Yield the parts in order. Raises Malformed for a form that breaks its grammar or ends too early."""
    source = _Source(stream, boundary_of(content_type))
    await source.begin()
    for _ in range(PARTS_MAX):
        head = await source.head()
        if head is None:
            return
        part = _part(head, source)
        yield part
        async for _unread in part:
            pass
    raise Malformed(f"The form has more than {PARTS_MAX} parts.")


def _part(head: bytes, source: _Source) -> Part:
    fields: dict[str, str] = {}
    for line in head.split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if line and not colon:
            raise Malformed("A part of the form has a header field without a colon.")
        fields[name.strip().lower().decode("latin-1")] = value.strip().decode("utf-8", "replace")
    disposition = fields.get("content-disposition", "")
    if disposition.partition(";")[0].strip().lower() != "form-data":
        raise Malformed("A part of the form has no Content-Disposition: form-data.")
    said = {
        match[1].lower(): (match[2] or match[3] or "").replace('\\"', '"').replace("\\\\", "\\")
        for match in _PARAMETER.finditer(disposition)
    }
    if "name" not in said:
        raise Malformed("A part of the form has no name.")
    return Part(said["name"], said.get("filename"), fields.get("content-type", ""), source)


class _Source:
    """Bytes that arrive, cut at the boundary."""

    def __init__(self, stream: AsyncIterator[bytes], boundary: bytes) -> None:
        self._stream = stream
        self._mark = b"\r\n--" + boundary
        # The first boundary may stand at the very beginning, without a line before it.
        self._held = b"\r\n"
        self._ended = self._in_data = False

    async def begin(self) -> None:
        """Pass over what stands before the first boundary."""
        self._in_data = True
        async for _ in self.data():
            pass

    async def data(self) -> AsyncIterator[bytes]:
        """Yield what stands before the next boundary."""
        keep = len(self._mark) - 1
        while self._in_data:
            at = self._held.find(self._mark)
            if at >= 0:
                piece, self._held = self._held[:at], self._held[at + len(self._mark) :]
                self._in_data = False
                if piece:
                    yield piece
                return
            if len(self._held) > keep:
                piece, self._held = self._held[:-keep], self._held[-keep:]
                yield piece
            await self._more()

    async def head(self) -> bytes | None:
        """Return the header fields of the part that begins here; None after the last one."""
        while len(self._held) < 2:
            await self._more()
        if self._held.startswith(b"--"):
            return None
        while (at := self._held.find(b"\r\n\r\n")) < 0:
            if len(self._held) > HEAD_MAX:
                raise Malformed("The header fields of a part are too long.")
            await self._more()
        line, _, head = self._held[:at].partition(b"\r\n")
        if line.strip(b" \t") or at > HEAD_MAX:
            raise Malformed("What follows a boundary of the form is neither a part nor the end.")
        self._held = self._held[at + 4 :]
        self._in_data = True
        return head

    async def _more(self) -> None:
        if self._ended:
            raise Malformed("The form ends before its last boundary.")
        piece = await anext(self._stream, None)
        if piece is None:
            self._ended = True
        else:
            self._held += piece
