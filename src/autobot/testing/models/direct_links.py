"""Links whose every row is direct, through the real pipeline."""

from __future__ import annotations

import random
from typing import Final

from autobot.kernel.core.clock import Clock
from autobot.kernel.links.direct import DirectTransport
from autobot.kernel.links.registry import RowLink
from autobot.kernel.resilience.pipeline import PipelineOptions, build_pipeline
from autobot.kernel.resilience.registry import Registry

PLAIN: Final = PipelineOptions()


class DirectLinks:
    """Implements `Links`. A row is there once it is served; all have the same `options`."""

    def __init__(self, clock: Clock, options: PipelineOptions = PLAIN) -> None:
        self._clock, self._options = clock, options
        self._rows: dict[str, RowLink] = {}

    def serve(self, row: str, transport: DirectTransport) -> None:
        """Put handlers behind a row."""
        chance = random.Random(7)
        pipeline = build_pipeline(
            row, ("local",), self._options, transport, self._clock, chance, None, Registry()
        )
        self.link(row).use(pipeline)

    def link(self, row: str) -> RowLink:
        return self._rows.setdefault(row, RowLink(row))

    def calls(self, row: str) -> int:
        """Return how many calls went over a row."""
        pipeline = self.link(row).pipeline
        return pipeline.snapshot().calls if pipeline else 0
