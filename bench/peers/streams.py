"""One round of FastStream, taskiq and bare redis-py over Redis Streams, as JSON: messages a second, CPU, waits.

    python streams.py URL MESSAGES PACED_SECONDS

Runs in the peers' own environment, on uvloop, against the server at URL. Each publishes and consumes in one process:
publish → group → handler → acknowledgement, 200 at once where it lets one say so. Then 200 messages a second, one by
one, timed from the call to the handler.
"""

import asyncio
import json
import logging
import os
import statistics
import sys
import time

import redis.asyncio as bare
import uvloop

URL, COUNT, PACED = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
BATCH, RATE = 200, 200
DATA = {"message_id": "0190a0b0-0000-7000-8000-000000000000", "content": "word " * 30}
GROUP = {"name": "s", "groupname": "g"}


class Seen:
    """Counts what was handled, and how long it took to come."""

    def __init__(self):
        self.count, self.until, self.reached, self.waits = 0, 0, asyncio.Event(), []

    def one(self, at=None):
        self.count += 1
        if at:
            self.waits.append(time.perf_counter() - float(at))
        if self.count >= self.until:
            self.reached.set()

    async def wait(self, until):
        self.until = until
        if self.count < until:
            self.reached.clear()
            await self.reached.wait()


async def emptied():
    async with bare.Redis.from_url(URL) as client:
        await client.flushall()


async def acknowledged():
    """Wait until nothing is pending: the acknowledgement is part of what is measured."""
    async with bare.Redis.from_url(URL) as client:
        while (await client.xpending(**GROUP))["pending"]:
            await asyncio.sleep(0.001)


async def measured(name, seen, publish, one):
    """Publish all at once, then at the rate; `publish(count)` and `one(at)` are the peer's."""
    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(publish(COUNT), seen.wait(COUNT))
    await acknowledged()
    took, spent = time.perf_counter() - began, time.process_time() - cpu
    number, due, loop = int(PACED * RATE), asyncio.get_running_loop().time(), asyncio.get_running_loop()
    for _ in range(number):
        due += 1 / RATE
        await asyncio.sleep(max(0.0, due - loop.time()))
        await one(repr(time.perf_counter()))
    await seen.wait(COUNT + number)
    return {
        f"{name} rate": COUNT / took,
        f"{name} cpu_us": spent / COUNT * 1e6,
        f"{name} p50_us": statistics.median(seen.waits) * 1e6,
        f"{name} p99_us": statistics.quantiles(seen.waits, n=100)[98] * 1e6,
    }


async def ended(task):
    """End a task; redis-py may lose a cancellation, so it is said again."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=0.1)


async def by_hundreds(count, call):
    """Make so many calls, as many of them at once as a pipeline of the others holds."""
    for _ in range(count // BATCH):
        await asyncio.gather(*(call() for _ in range(BATCH)))


async def faststream():
    from faststream.redis import RedisBroker, StreamSub

    await emptied()
    async with bare.Redis.from_url(URL) as client:
        # Its own subscriber would begin the group at the newest entry.
        await client.xgroup_create(**GROUP, id="0", mkstream=True)
    seen, broker = Seen(), RedisBroker(URL, logger=None)

    @broker.subscriber(stream=StreamSub("s", group="g", consumer="c", max_records=BATCH))
    async def handle(message: dict):
        seen.one(message.get("at"))

    async def publish(count):
        async with bare.Redis.from_url(URL) as client:
            for _ in range(count // BATCH):
                pipe = client.pipeline(transaction=False)
                for _ in range(BATCH):
                    await broker.publish(DATA, stream="s", pipeline=pipe)
                await pipe.execute()

    async def one(at):
        await broker.publish(DATA | {"at": at}, stream="s")

    async with broker:
        await broker.start()
        return await measured("FastStream", seen, publish, one)


async def taskiq():
    from taskiq.receiver import Receiver
    from taskiq_redis import RedisStreamBroker

    await emptied()
    broker = RedisStreamBroker(
        URL, queue_name="s", consumer_group_name="g", consumer_id="0", xread_count=BATCH
    )
    seen = Seen()

    @broker.task
    async def handle(message: dict):
        seen.one(message.get("at"))

    async def publish(count):
        await by_hundreds(count, lambda: handle.kiq(DATA))

    async def one(at):
        await handle.kiq(DATA | {"at": at})

    broker.is_worker_process = True
    await broker.startup()
    receiving = asyncio.create_task(Receiver(broker, max_async_tasks=BATCH).listen(asyncio.Event()))
    found = await measured("taskiq", seen, publish, one)
    assert not receiving.done()
    return found


async def redis_py():
    await emptied()
    seen, payload = Seen(), json.dumps(DATA).encode()
    async with bare.Redis.from_url(URL, protocol=2) as client:
        await client.xgroup_create(**GROUP, id="0", mkstream=True)

        async def consume():
            while True:
                found = await client.xreadgroup("g", "c", {"s": ">"}, count=BATCH, block=1_000)
                entries = found[0][1] if found else []
                for _, fields in entries:
                    seen.one(fields.get(b"at"))
                if entries:
                    await client.xack("s", "g", *(one for one, _ in entries))

        async def publish(count):
            for _ in range(count // BATCH):
                pipe = client.pipeline(transaction=False)
                for _ in range(BATCH):
                    pipe.xadd("s", {"data": payload})
                await pipe.execute()

        async def one(at):
            await client.xadd("s", {"data": payload, "at": at})

        consuming = asyncio.create_task(consume())
        try:
            return await measured("redis-py, pipelined, bare", seen, publish, one)
        finally:
            await ended(consuming)


async def main():
    logging.disable(logging.WARNING)
    print(json.dumps(await redis_py() | await faststream() | await taskiq()), flush=True)
    # taskiq's receiver outlives a cancellation.
    os._exit(0)


uvloop.run(main())
