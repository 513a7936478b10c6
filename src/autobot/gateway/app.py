"""The edge as one ASGI application: middleware in one order, routes, documentation, the web client.

Outermost first: arrival → forwarded → correlation → trace → measure → problems → disconnect → deadline → authentication →
admission → client row → cross-site → rate limit → idempotency → security fields → body → compression → conditional → routes.
Each is one file in `middleware/`; what it needs from outside comes in `GatewayParts`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from starlette.types import ASGIApp, Receive, Scope, Send

from autobot.gateway import problem_pages
from autobot.gateway.access import Access
from autobot.gateway.channels import realtime_routes
from autobot.gateway.middleware.arrival import Arrival
from autobot.gateway.middleware.authentication import Authentication
from autobot.gateway.middleware.body import Body
from autobot.gateway.middleware.compression import Compression
from autobot.gateway.middleware.conditional import Conditional
from autobot.gateway.middleware.correlation import Correlation
from autobot.gateway.middleware.csrf import CrossSite
from autobot.gateway.middleware.deadline import Deadline
from autobot.gateway.middleware.disconnect import Disconnect, Watchers
from autobot.gateway.middleware.forwarded import Forwarded
from autobot.gateway.middleware.idempotency import Idempotency
from autobot.gateway.middleware.lifecycle import Admission
from autobot.gateway.middleware.measure import Measure
from autobot.gateway.middleware.problems import Problems
from autobot.gateway.middleware.rate_limit import RateLimit
from autobot.gateway.middleware.row import ClientRow
from autobot.gateway.middleware.security import Security
from autobot.gateway.middleware.trace import Trace
from autobot.gateway.openapi import OpenApi
from autobot.gateway.parts import GatewayParts, RawRoute
from autobot.gateway.realtime.protocol import Close
from autobot.gateway.routing import Entry, RouteTable
from autobot.gateway.static import StaticClient
from autobot.kernel.event_store.patience import patiently

OTHER_TYPES: Final = (
    ("/api/v1/events", (b"",)),
    ("/api/v1/knowledge_base/documents", (b"multipart/form-data",)),
    ("/api/v1/knowledge_base/imports", (b"multipart/form-data",)),
    ("/api/v1/knowledge_base/collections/*/question_set_files", (b"multipart/form-data",)),
)
"""Below these (`*` is any part of an address) a body may be of another type than JSON: a CloudEvent in binary mode carries what its sender has, and
files come in forms."""
COUNT_EVERY_S: Final = 5.0
"""Seconds between two looks at what went over sockets: counting each frame by itself would cost as much as it."""


class Gateway:
    """The application. `entries` is its route table, for tests that walk it; `openapi` its document."""

    def __init__(self, parts: GatewayParts) -> None:
        self._parts = parts
        self._watchers = Watchers(parts.limits.disconnect_after_s)
        self._openapi = OpenApi(parts.version)
        raw = (
            *parts.raw,
            *realtime_routes(parts),
            *problem_pages.ROUTES,
            *self._openapi.routes(),
        )
        static = StaticClient(parts.site.static_folder)
        self._table = RouteTable(parts, raw, static)
        self._openapi.describe(self._table.entries)
        self._app = self._stack(self._table)
        parts.lifecycle.on_draining(lambda: parts.fanout.close_all(Close.RESTART, "stopping"))
        self._client = RawRoute(path="/{path:path}", methods=("GET",), app=static, access=Access(public=True))

    @property
    def entries(self) -> Sequence[Entry]:
        """Every route with what it demands; the web client stands as `GET /{path:path}`."""
        client = self._client
        return (*self._table.entries, Entry("GET", client.path, client.app, client.access, False, client))

    @property
    def openapi(self) -> dict[str, Any]:
        """The OpenAPI 3.1 document."""
        return self._openapi.document

    def _stack(self, table: RouteTable) -> ASGIApp:
        parts, limits = self._parts, self._parts.limits
        app: ASGIApp = Conditional(table)
        app = Compression(app)
        app = Body(app, limits, OTHER_TYPES)
        app = Security(app)
        app = Idempotency(app, limits.wait_max_s)
        app = RateLimit(app, parts.limiter, parts.classes)
        app = CrossSite(app, parts.site)
        if parts.arrived is not None:
            app = ClientRow(app, parts.arrived)
        app = Admission(app, parts.lifecycle)
        measure = Measure(parts.clock, parts.listener)
        if parts.listener is not None:
            parts.fanout.failed = measure.stream_failed
        app = Authentication(app, parts.authenticator, measure.admitted)
        app = Deadline(app, parts.clock, limits.deadline_max_s)
        app = Disconnect(app, self._watchers)
        app = Problems(app, measure.error)
        app = measure.around(app)
        app = Trace(app, parts.chance)
        app = Correlation(app, parts.ids)
        app = Forwarded(app, parts.site)
        return Arrival(app, parts.clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's scope."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        await self._app(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        """Own the background work of the edge from start-up to shutdown."""
        await receive()
        async with self._parts.fanout, asyncio.TaskGroup() as tasks:
            work = (self._prove(), self._count(), self._watchers.run())
            background = [tasks.create_task(one) for one in work]
            await send({"type": "lifespan.startup.complete"})
            await receive()
            self._parts.lifecycle.drain()
            for task in background:
                task.cancel()
        await send({"type": "lifespan.shutdown.complete"})

    async def _count(self) -> None:
        listener, counts = self._parts.listener, self._parts.fanout.counts
        while listener is not None:
            await asyncio.sleep(COUNT_EVERY_S)
            for name, value in counts.taken().items():
                if value:
                    listener.counted(name, value, ())

    async def _prove(self) -> None:
        while True:
            await asyncio.sleep(self._parts.limits.reproof_s)
            await patiently(self._parts.fanout.prove_all)


def create_app(parts: GatewayParts) -> Gateway:
    """Build the edge. Raises ConfigurationError, naming the route, when a route does not declare its access."""
    return Gateway(parts)
