"""Incremental decoder of newline-delimited JSON (docs.ollama.com/api/streaming)."""

from __future__ import annotations

from typing import Final

from autobot.kernel.core.errors import BadAnswer

LINE_MAX: Final = 1 << 20
TOTAL_MAX: Final = 64 << 20


class LineDecoder:
    """Turns bytes, cut anywhere (inside a line, inside a UTF-8 character), into whole lines.

    Empty lines are passed over. A last line without newline is given by `rest`.
    """

    def __init__(self, *, line_max: int = LINE_MAX, total_max: int = TOTAL_MAX) -> None:
        self._line_max, self._total_max = line_max, total_max
        self._partial = bytearray()
        self._total = 0

    def feed(self, piece: bytes) -> list[bytes]:
        """Return the lines that end in `piece`. Raises BadAnswer when a limit is passed."""
        self._total += len(piece)
        if self._total > self._total_max:
            raise BadAnswer(f"Ollama's answer is longer than {self._total_max} bytes.")
        lines = piece.split(b"\n")
        last = lines.pop()
        if lines and self._partial:
            lines[0] = bytes(self._partial) + lines[0]
            self._partial.clear()
        self._partial += last
        if len(self._partial) > self._line_max or any(len(line) > self._line_max for line in lines):
            raise BadAnswer(f"A line of Ollama's answer is longer than {self._line_max} bytes.")
        return [line for line in lines if line.strip()]

    def rest(self) -> list[bytes]:
        """Return the last line when the stream ended without a newline."""
        line = bytes(self._partial)
        self._partial.clear()
        return [line] if line.strip() else []
