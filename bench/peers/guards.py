"""One round of the usual resilience libraries around a call that only returns: µs of CPU a call, as JSON.

Runs in the peers' own environment. Each library guards with what it has; the mixes are what people combine.
"""

import asyncio
import gc
import json
import sys
import time

import stamina
import tenacity
from aiobreaker import CircuitBreaker
from hyx.bulkhead import bulkhead
from hyx.circuitbreaker import consecutive_breaker
from hyx.retry import retry
from hyx.timeout import timeout


async def handler(payload):
    return payload


tenacity_retry = tenacity.retry(
    stop=tenacity.stop_after_attempt(3), retry=tenacity.retry_if_exception_type(OSError)
)
tenacity_alone = tenacity_retry(handler)
stamina_retry = stamina.retry(on=OSError, attempts=3)
stamina_alone = stamina_retry(handler)
breaker = CircuitBreaker(fail_max=5)
many = asyncio.Semaphore(100)


async def broken_circuit(payload):
    return await breaker.call_async(handler, payload)


@stamina_retry
async def mix(payload):
    async with many, asyncio.timeout(30.0):
        return await breaker.call_async(handler, payload)


def cases():
    """Made on the running loop, which hyx asks for."""
    hyx_all = retry(on=OSError, attempts=3, backoff=0.1)(
        consecutive_breaker(exceptions=OSError, failure_threshold=5, recovery_time_secs=30)(
            bulkhead(max_concurrency=100, max_capacity=100)(timeout(max_delay_secs=30.0)(handler))
        )
    )
    return {
        "bare await (peers' process)": handler,
        "hyx: retry, breaker, bulkhead, timeout": hyx_all,
        "tenacity: retry alone": tenacity_alone,
        "stamina: retry alone": stamina_alone,
        "aiobreaker: breaker alone": broken_circuit,
        "stamina, aiobreaker, semaphore, asyncio.timeout": mix,
    }


async def main():
    calls, found = int(sys.argv[1]), {}
    for name, call in cases().items():
        for _ in range(200):
            await call("x")
        gc.collect()
        gc.disable()
        began = time.process_time()
        for _ in range(calls):
            await call("x")
        found[name] = (time.process_time() - began) / calls * 1e6
        gc.enable()
    print(json.dumps(found))


asyncio.run(main())
