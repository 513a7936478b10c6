"""The edge: CPU per request over a bare FastAPI route, and what each middleware adds.

In process, without a socket: both applications get the same ASGI scope (a browser's header fields with a session
cookie), a receive that has the body and a send that drops. Rounds are interleaved; the figure is the median round.

    python -m bench.edge
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI

from autobot.adapters.prometheus.listener import PrometheusListener
from autobot.gateway.access import needs
from autobot.gateway.app import create_app
from autobot.gateway.exchange import Context
from autobot.gateway.middleware.lifecycle import Lifecycle
from autobot.gateway.middleware.rate_limit import RouteClass
from autobot.gateway.parts import GatewayParts
from autobot.gateway.realtime.fanout import Fanout
from autobot.gateway.routing import router
from autobot.kernel.commands.authorize import Authorizer, Rule, Verdict
from autobot.kernel.core.ids import Uuid7Source
from autobot.kernel.resilience.rate_limit.limiter import MemoryLimiter
from tests.unit.gateway.edge import SESSION, credentials

REQUESTS, ROUNDS = 2_000, 15
BAR_US, BAR_EACH_US = 60.0, 2.0
FIELDS = [
    (b"host", b"127.0.0.1:8001"),
    (
        b"user-agent",
        b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36",
    ),
    (b"accept", b"application/json, application/problem+json"),
    (b"accept-language", b"en-GB,en;q=0.9"),
    (b"referer", b"http://127.0.0.1:8001/chat"),
    (b"cookie", b"autobot_session=" + SESSION.encode()),
    (b"x-correlation-id", b"0199a3c4-1111-7222-8333-444455556666"),
    (b"traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
]


class Wall:
    """The machine's clock."""

    def now(self) -> Any:
        import datetime

        return datetime.datetime.now(datetime.UTC)

    def monotonic(self) -> float:
        return time.monotonic()


def bare() -> Any:
    app = FastAPI()

    @app.get("/api/v1/chat/sessions")
    async def sessions() -> dict[str, Any]:
        return {"items": [], "next_cursor": None}

    return app


def parts(fanout: Fanout | None = None, **changes: Any) -> GatewayParts:
    routes = router("/api/v1/chat", "chat")

    @routes.get("/sessions")
    @needs("chat:read")
    async def sessions(context: Context) -> dict[str, Any]:
        return {"items": [], "next_cursor": None}

    clock, chance = Wall(), random.Random()
    return GatewayParts(
        clock=clock,
        ids=Uuid7Source(clock, chance),
        chance=chance,
        authenticator=credentials(),
        authorizer=Authorizer([Rule(action="chat:read", user=Verdict.ALLOW)]),
        fanout=fanout or Fanout({}),
        limiter=MemoryLimiter(clock),
        classes=(RouteClass(name="default", quota=1_000_000),),
        lifecycle=Lifecycle("ready"),
        routers=(routes,),
        **changes,
    )


def scope() -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/api/v1/chat/sessions",
        "raw_path": b"/api/v1/chat/sessions",
        "query_string": b"",
        "root_path": "",
        "headers": list(FIELDS),
        "client": ("127.0.0.1", 40000),
        "server": ("127.0.0.1", 8001),
        "state": {},
    }


async def receive() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


async def send(message: dict[str, Any]) -> None:
    if message["type"] == "http.response.start" and message["status"] != 200:
        raise SystemExit(f"the edge answered {message['status']}")


async def round_us(app: Callable[..., Awaitable[None]], requests: int = REQUESTS) -> float:
    """CPU microseconds per request of one round."""
    began = time.process_time()
    for _ in range(requests):
        await app(scope(), receive, send)
    return (time.process_time() - began) / requests * 1e6


async def interleaved(apps: dict[str, Any]) -> dict[str, float]:
    for app in apps.values():
        await round_us(app, 500)
    found: dict[str, list[float]] = {name: [] for name in apps}
    gc.collect()
    gc.disable()
    try:
        for _ in range(ROUNDS):
            for name, app in apps.items():
                found[name].append(await round_us(app))
    finally:
        gc.enable()
    return {name: statistics.median(times) for name, times in found.items()}


def layers(app: Any) -> list[tuple[str, Any]]:
    """The middleware objects, outermost first, as the composed application holds them."""
    found = []
    while hasattr(app, "_app") and type(app).__module__.startswith("autobot.gateway.middleware"):
        found.append((type(app).__name__, app))
        app = app._app
    return found


async def answer(scope: Any, receive: Any, send: Any) -> None:
    """The end of a shortened chain: a small JSON answer."""
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]}
    )
    await send({"type": "http.response.body", "body": b'{"items":[],"next_cursor":null}'})


async def each_layer(rounds: int = 9) -> dict[str, float]:
    """What each middleware adds: the chain down to it, less the chain down to the one before it (best rounds)."""
    chain = layers(create_app(parts())._app)
    first = chain[0][1]
    times: list[list[float]] = [[] for _ in range(len(chain) + 1)]
    for _ in range(rounds):
        times[0].append(await round_us(answer))
        for index, (_, layer) in enumerate(chain):
            kept, layer._app = layer._app, answer
            times[index + 1].append(await round_us(first))
            layer._app = kept
    best = [min(one) for one in times]
    return {name: best[index + 1] - best[index] for index, (name, _) in enumerate(chain)}


async def main() -> int:
    metrics = PrometheusListener()
    apps = {
        "bare FastAPI route": bare(),
        "AutoBot's edge": create_app(parts()),
        "the same, metrics on": create_app(parts(listener=metrics)),
    }
    took = await interleaved(apps)
    extra = took["AutoBot's edge"] - took["bare FastAPI route"]
    each = await each_layer()
    for name, us in took.items():
        print(f"{name:24} {us:7.1f} µs CPU a request")
    print(
        f"{'edge over bare':24} {extra:7.1f} µs   bar {BAR_US:.0f}  {'met' if extra <= BAR_US else 'MISSED'}"
    )
    for name, us in each.items():
        print(f"  {name:22} {us:7.2f} µs   bar {BAR_EACH_US:.0f}  {'met' if us <= BAR_EACH_US else 'MISSED'}")
    if "--json" in sys.argv:
        print(
            json.dumps(
                {"bare_us": took["bare FastAPI route"], "edge_us": took["AutoBot's edge"], "each_us": each}
            )
        )
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
