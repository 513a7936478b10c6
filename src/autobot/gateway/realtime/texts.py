"""The texts that runs are writing now, as a process knows them that does not carry the runs itself.

They come as passing frames, which may be lost: a text that has a hole is not shown until whoever writes it has told
the whole again. Pieces have the shape {run_id, session_id, offset, text}, offsets in characters; one with `whole` is
all of it so far.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

PATIENCE_S: Final = 1.0
"""Seconds to wait for the whole of a text; who waits in vain sees the next piece's hole and asks again."""
RUNS_MAX: Final = 4_096
"""Runs whose text is kept; the one that was silent longest goes first, and is asked for when it is needed."""


class Texts(Protocol):
    """Says what is being written now: text by run id. What is not known to be whole is left out."""

    async def of_run(self, run_id: str) -> Mapping[str, str]:
        """Return a run's text; nothing when it does not write now."""
        ...

    async def of_session(self, session_id: str) -> Mapping[str, str]:
        """Return the texts of a chat's runs."""
        ...


@dataclass(slots=True)
class _Writing:
    session_id: str = ""
    text: str = ""
    whole: bool = False
    told: asyncio.Event = field(default_factory=asyncio.Event)


class FrameTexts:
    """Implements `Texts` from frames. `want` asks whoever carries a run (`*`: every run) to tell its whole text."""

    def __init__(self, want: Callable[[str], None], patience_s: float = PATIENCE_S) -> None:
        self._want, self._patience_s = want, patience_s
        self._runs: OrderedDict[str, _Writing] = OrderedDict()

    def joined(self) -> None:
        """Frames arrive from now on, and some may have been missed: everything is asked for again."""
        for one in self._runs.values():
            one.whole = False
        self._want("*")

    def take(self, piece: Mapping[str, Any]) -> None:
        """Take in a piece or a whole."""
        run = self._runs.get(piece["run_id"])
        if run is None:
            run = self._runs[piece["run_id"]] = _Writing(whole=piece["offset"] == 0)
            if len(self._runs) > RUNS_MAX:
                self._runs.popitem(last=False)
        self._runs.move_to_end(piece["run_id"])
        run.session_id = piece.get("session_id", "") or run.session_id
        offset, text = piece["offset"], piece["text"]
        if piece.get("whole"):
            if not run.whole or len(text) > len(run.text):
                run.text = text
            run.whole = True
            run.told.set()
        elif run.whole:
            self._grow(run, offset, text)

    @staticmethod
    def _grow(run: _Writing, offset: int, text: str) -> None:
        if offset > len(run.text):
            run.whole = False
            run.told.clear()
        elif offset + len(text) > len(run.text):
            run.text = run.text[:offset] + text

    def ended(self, run_id: str) -> None:
        """Forget a run: its end is a fact."""
        gone = self._runs.pop(run_id, None)
        if gone is not None:
            gone.told.set()

    async def of_run(self, run_id: str) -> Mapping[str, str]:
        """Return a run's text."""
        run = self._runs.get(run_id)
        if run is None:
            return {}
        await self._made_whole(run_id, run)
        return {run_id: run.text} if run.whole else {}

    async def of_session(self, session_id: str) -> Mapping[str, str]:
        """Return the texts of a chat's runs."""
        found: dict[str, str] = {}
        for run_id in [one for one, run in self._runs.items() if run.session_id == session_id]:
            found |= await self.of_run(run_id)
        return found

    async def _made_whole(self, run_id: str, run: _Writing) -> None:
        if run.whole:
            return
        run.told.clear()
        self._want(run_id)
        try:
            async with asyncio.timeout(self._patience_s):
                await run.told.wait()
        except TimeoutError:
            # Left out: whoever follows sees a hole at the next piece, and this is asked again.
            return
