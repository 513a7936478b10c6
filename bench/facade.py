"""What the model facade costs an answer of eight pieces: counting, quotas, and sharing equal questions.

A scripted model answers at once, in this process; the row is direct. CPU of this process, medians of rounds in turn.

    python -m bench.facade [--rounds 3] [--answers 1500]
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time

from autobot.adapters.memory.event_store import MemoryEventStore
from autobot.adapters.system.clock import SystemClock
from autobot.contexts.agents.catalogue import Catalogue
from autobot.contexts.agents.facade import ROW, ModelFacade
from autobot.contexts.agents.limits import ModelLimits
from autobot.contexts.agents.metering import Meter, Rules
from autobot.contexts.agents.quotas import prices_of, quotas_of
from autobot.kernel.links.direct import DirectTransport
from autobot.kernel.resilience.cache.options import CacheOptions
from autobot.kernel.resilience.pipeline import PipelineOptions
from autobot.testing.models.contexts import CONTEXT, CountingIds, ask
from autobot.testing.models.direct_links import DirectLinks
from autobot.testing.models.scripted_model import ScriptedModel, says

PRICES = prices_of(("gpt=1/2",))
QUOTAS = quotas_of(("user:*=999999999999 tokens",))
KINDS: dict[str, tuple[Rules | None, float | None, float | None]] = {
    "nothing counted, no cache": (None, None, None),
    "counted, as shipped": (Rules(prices=PRICES), 0.0, None),
    "and with a quota": (Rules(prices=PRICES, quotas=QUOTAS), 0.0, None),
    "at temperature 0, alone": (Rules(prices=PRICES), 0.0, 0.0),
    "at temperature 0, kept": (Rules(prices=PRICES), 3600.0, 0.0),
}
"""Rules of the meter (None: no meter), seconds of the row's cache (None: no cache), temperature."""


async def cost(rules: Rules | None, ttl: float | None, temperature: float | None, answers: int) -> float:
    """Return microseconds of CPU an answer."""
    clock = SystemClock()
    model = ScriptedModel("openai", {"gpt": [says(*"abcdefgh", prompt_tokens=12)]})
    options = PipelineOptions() if ttl is None else PipelineOptions(cache=CacheOptions(ttl=ttl))
    links, meter, limits = DirectLinks(clock, options), None, None
    if rules is not None:
        meter = Meter(MemoryEventStore(clock), clock, CountingIds(), lambda: rules)
        limits = ModelLimits(dict, clock)
    facade = ModelFacade(Catalogue((model,), clock), links, limits=limits, meter=meter)
    links.serve(ROW, DirectTransport(facade.calls, facade.streams))
    request = ask("Hi", "openai:gpt", temperature=temperature)
    began = 0.0
    for number in range(answers + 200):
        if number == 200:
            began = time.process_time()
        model.asked.clear()
        async for _ in facade.generate(request, CONTEXT):
            pass
    return (time.process_time() - began) / answers * 1e6


async def measure(rounds: int, answers: int) -> dict[str, float]:
    """Return the median of each kind."""
    found: dict[str, list[float]] = {name: [] for name in KINDS}
    for _ in range(rounds):
        for name, kind in KINDS.items():
            found[name].append(await cost(*kind, answers))
    return {name: statistics.median(times) for name, times in found.items()}


def main() -> int:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--answers", type=int, default=1500)
    options = parser.parse_args()
    for name, us in asyncio.run(measure(options.rounds, options.answers)).items():
        print(f"{name:26} {us:6.1f} µs CPU an answer of 8 pieces")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
