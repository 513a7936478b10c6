"""Incremental decoder of event streams (WHATWG HTML §9.2.6 "Interpreting an event stream")."""

from __future__ import annotations

from typing import Final

from autobot.kernel.core.errors import BadAnswer

LINE_MAX: Final = 1 << 20
EVENT_MAX: Final = 4 << 20
TOTAL_MAX: Final = 64 << 20

_BOM: Final = b"\xef\xbb\xbf"


class SseDecoder:
    """Turns bytes, cut anywhere, into the data of whole events.

    Lines end by CR, LF or CRLF; a byte order mark at the start, comments and all fields but `data` are
    passed over; several `data` lines are joined by LF. What the stream ends in without an empty line is
    no event.
    """

    def __init__(
        self, *, line_max: int = LINE_MAX, event_max: int = EVENT_MAX, total_max: int = TOTAL_MAX
    ) -> None:
        self._line_max, self._event_max, self._total_max = line_max, event_max, total_max
        self._line = bytearray()
        self._data: list[bytes] = []
        self._data_bytes = 0
        self._total = 0
        self._head: bytes | None = b""
        self._after_cr = False

    def feed(self, piece: bytes) -> list[bytes]:
        """Return the data of the events that end in `piece`. Raises BadAnswer when a limit is passed."""
        self._total += len(piece)
        if self._total > self._total_max:
            raise BadAnswer(f"The event stream is longer than {self._total_max} bytes.")
        if self._head is not None:
            piece = self._without_mark(piece)
        if piece[-2:] == b"\n\n" and piece[:6] == b"data: " and not self._line and not self._data:
            plain = self._plain(piece)
            if plain is not None:
                return plain
        if self._after_cr and piece:
            self._after_cr = False
            if piece[0] == 0x0A:
                piece = piece[1:]
        if b"\r" in piece:
            self._after_cr = piece.endswith(b"\r")
            piece = piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines = piece.split(b"\n")
        last = lines.pop()
        events: list[bytes] = []
        if lines:
            if self._line:
                lines[0] = bytes(self._line) + lines[0]
                self._line.clear()
            for line in lines:
                self._take(line, events)
        self._line += last
        if len(self._line) > self._line_max:
            raise BadAnswer(f"A line of the event stream is longer than {self._line_max} bytes.")
        return events

    def _plain(self, piece: bytes) -> list[bytes] | None:
        """Return the events of a piece that is whole events of one data line each, as nearly all pieces are.

        None for any other piece; nothing was taken then.
        """
        if self._after_cr or len(piece) > self._line_max or b"\r" in piece:
            return None
        events = piece[6:-2].split(b"\n\ndata: ")
        return events if piece.count(b"\n") == 2 * len(events) else None

    def _without_mark(self, piece: bytes) -> bytes:
        head = (self._head or b"") + piece
        if len(head) < len(_BOM) and _BOM.startswith(head):
            self._head = head
            return b""
        self._head = None
        return head.removeprefix(_BOM)

    def _take(self, line: bytes, events: list[bytes]) -> None:
        if not line:
            if self._data:
                events.append(self._data[0] if len(self._data) == 1 else b"\n".join(self._data))
                self._data.clear()
                self._data_bytes = 0
            return
        if len(line) > self._line_max:
            raise BadAnswer(f"A line of the event stream is longer than {self._line_max} bytes.")
        if line.startswith(b"data:"):
            value = line[6:] if line[5:6] == b" " else line[5:]
        elif line == b"data":
            value = b""
        else:
            return
        self._data.append(value)
        self._data_bytes += len(value) + 1
        if self._data_bytes > self._event_max:
            raise BadAnswer(f"An event of the stream is longer than {self._event_max} bytes.")
