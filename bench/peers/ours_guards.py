"""One round of our pipeline around a call that only returns: µs of CPU a call, as JSON."""

import asyncio
import gc
import json
import sys

from bench.pipeline import cases, one_round

SHOWN = ("bare await", "no listener, no cache", "as shipped (metrics, windows)")


async def main() -> None:
    calls, every, found = int(sys.argv[1]), cases(), {}
    for name in SHOWN:
        await one_round(*every[name], 200)
        gc.collect()
        gc.disable()
        found[name] = await one_round(*every[name], calls)
        gc.enable()
    print(json.dumps(found))


asyncio.run(main())
