"""Shared graphs in memory: for tests of what shares them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from autobot.contexts.knowledge.ports.graphs import Claim, SharedGraph
from autobot.kernel.core.clock import Clock

TTL_S: Final = 30.0
"""How long a claim holds whose holder says nothing, in seconds."""


@dataclass(slots=True)
class _Making:
    token: str
    until: float
    told: tuple[int, int] = (0, 0)
    pieces: dict[int, bytes] = field(default_factory=dict)


class MemoryGraphs:
    """Implements `Graphs`."""

    def __init__(self, clock: Clock, *, ttl_s: float = TTL_S) -> None:
        self._clock, self._ttl_s, self._given = clock, ttl_s, 0
        self._making: dict[tuple[str, str], _Making] = {}
        self._whole: dict[tuple[str, str], tuple[SharedGraph, dict[int, bytes]]] = {}

    async def newest(self, model: str, form: str) -> SharedGraph | None:
        found = self._whole.get((model, form))
        return None if found is None else found[0]

    async def read(self, graph: str, number: int) -> bytes:
        for kept, pieces in self._whole.values():
            if kept.id == graph:
                return pieces.get(number, b"")
        return b""

    async def claim(self, model: str, form: str) -> Claim | None:
        if self._live(model, form) is not None:
            return None
        self._given += 1
        token = f"{self._given}"
        self._making[model, form] = _Making(token, self._clock.monotonic() + self._ttl_s)
        return Claim(model=model, form=form, token=token)

    async def renew(self, claim: Claim, done: int, of: int) -> bool:
        found = self._held(claim)
        if found is not None:
            found.told, found.until = (done, of), self._clock.monotonic() + self._ttl_s
        return found is not None

    async def append(self, claim: Claim, number: int, data: bytes) -> bool:
        found = self._held(claim)
        if found is not None:
            found.pieces[number], found.until = data, self._clock.monotonic() + self._ttl_s
        return found is not None

    async def publish(self, claim: Claim, mark: bytes, size: int, sha256: str) -> bool:
        found = self._held(claim)
        if found is None:
            return False
        kept = SharedGraph(id=claim.token, mark=mark, size=size, sha256=sha256)
        self._whole[claim.model, claim.form] = kept, found.pieces
        del self._making[claim.model, claim.form]
        return True

    async def release(self, claim: Claim) -> None:
        if self._held(claim) is not None:
            del self._making[claim.model, claim.form]

    async def progress(self, model: str, form: str) -> tuple[int, int] | None:
        found = self._live(model, form)
        return None if found is None else found.told

    async def clear(self) -> None:
        self._making.clear()
        self._whole.clear()

    def _live(self, model: str, form: str) -> _Making | None:
        found = self._making.get((model, form))
        return found if found is not None and self._clock.monotonic() < found.until else None

    def _held(self, claim: Claim) -> _Making | None:
        found = self._live(claim.model, claim.form)
        return found if found is not None and found.token == claim.token else None
