"""Real links for tests: the pipeline over the HTTP transport, to one or several targets."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from autobot.adapters.http.transport import HttpOptions, HttpTransport
from autobot.adapters.system.clock import SystemClock
from autobot.kernel.links.registry import RowLink
from autobot.kernel.resilience.pipeline import PipelineOptions, build_pipeline
from autobot.kernel.resilience.registry import Registry

PLAIN = PipelineOptions()


@asynccontextmanager
async def http_link(row: str, *targets: str, options: PipelineOptions = PLAIN) -> AsyncIterator[RowLink]:
    """Open a link to `targets` (`http://host:port` or `unix:/path`) for the block."""
    clock, chance = SystemClock(), random.Random(7)
    transport = HttpTransport(row, HttpOptions(), clock, chance)
    link = RowLink(row)
    pipeline = build_pipeline(row, targets, options, transport, clock, chance, None, Registry())
    link.use(pipeline)
    try:
        yield link
    finally:
        await pipeline.close()
        await transport.close()
