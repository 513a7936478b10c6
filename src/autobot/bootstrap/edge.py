"""The edge of the product: gateway, channels, credentials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from autobot.adapters.prometheus.exposition import ConsumerFigures
from autobot.bootstrap.channels import EngineTexts, publish_passing, sources
from autobot.bootstrap.documents import archives_of
from autobot.bootstrap.metrics import proven, watch_figures
from autobot.bootstrap.product import Product
from autobot.bootstrap.registered import REGISTERED
from autobot.bootstrap.registry import asyncapi, schemas_routers
from autobot.bootstrap.selves import process_id
from autobot.bootstrap.version import VERSION
from autobot.contexts.identity.module import authenticator
from autobot.contracts import messaging as messages
from autobot.contracts.knowledge.archives import ARCHIVE_MAX
from autobot.contracts.knowledge.question_sets import FILE_MAX as SET_FILE_MAX
from autobot.contracts.knowledge.words import FILE_MAX
from autobot.gateway.access import Access
from autobot.gateway.app import Gateway, create_app
from autobot.gateway.dialects.agents import AgentChats
from autobot.gateway.dialects.openai import OpenAIDialect
from autobot.gateway.dialects.over_link import ModelsOverLink
from autobot.gateway.dialects.reranking import RerankDialect
from autobot.gateway.middleware.lifecycle import Lifecycle
from autobot.gateway.middleware.rate_limit import RouteClass
from autobot.gateway.parts import GatewayParts, RawRoute
from autobot.gateway.realtime.fanout import Fanout
from autobot.gateway.realtime.presence import PresenceBoard
from autobot.gateway.realtime.sse import EventStream, after_of
from autobot.gateway.realtime.texts import FrameTexts
from autobot.gateway.rest import (
    actions,
    auth,
    chat,
    history,
    knowledge,
    knowledge_archives,
    knowledge_measurements,
    knowledge_queries,
    knowledge_reading,
    knowledge_search,
    knowledge_sets,
    messaging,
    models,
    not_yet,
    presence,
    read_models,
    roles,
    sagas,
    settings,
    system,
)
from autobot.gateway.site import EdgeLimits, Site
from autobot.kernel.core.context import CallContext
from autobot.kernel.telemetry.listener import Listeners

WEB: Final = Path(__file__).resolve().parents[3] / "web" / "dist"
"""Where `make web` leaves the client, seen from a checkout."""

UPLOADS: Final = (
    ("/api/v1/knowledge_base/documents", FILE_MAX + 1_048_576),
    ("/api/v1/knowledge_base/imports", ARCHIVE_MAX + 1_048_576),
    ("/api/v1/knowledge_base/collections", 2 * SET_FILE_MAX + 1_048_576),
)
"""Where bodies may be larger: files with what is around them. Those of collections are question sets with their topics."""


class Edge:
    """The gateway with what it owns."""

    def __init__(
        self, product: Product, quotas: Quotas | None = None, texts: FrameTexts | None = None
    ) -> None:
        """Build it. `texts` knows what runs of other processes write; without, this process carries them."""
        config, outside = product.config, product.outside
        self.product = product
        self.lifecycle = Lifecycle()
        here = EngineTexts(product.engine)
        self.fanout = Fanout(sources(product.store, product.bus, texts or here, self._authorize))
        self.board = _board(product, self.fanout)
        self.limits = EdgeLimits(body_bytes_by_prefix=UPLOADS)
        site = Site(
            public_url=config.public_url,
            trusted_proxies=config.trusted_proxies,
            static_folder=WEB,
        )
        quotas = quotas or Quotas()
        self.credentials = authenticator(
            store=product.store, codec=product.codec, clock=outside.clock, make=proven
        )
        bus = product.bus
        agents = AgentChats(bus, self.fanout, self.credentials, self.limits)
        parts = GatewayParts(
            clock=outside.clock,
            ids=outside.ids,
            chance=outside.chance,
            authenticator=self.credentials,
            authorizer=product.authorizer,
            fanout=self.fanout,
            limiter=product.carrying.limiter,
            classes=quotas.classes,
            lifecycle=self.lifecycle,
            listener=Listeners(*filter(None, (outside.listener, product.registry.arrivals))),
            note=product.refusals.note,
            arrived=product.registry.arrived,
            routers=self._routers(auth.router(bus, product.carrying.limiter, site, quotas.login)),
            raw=(
                self._run_events(),
                asyncapi(),
                *self._dialects(agents),
                *metrics_routes(product),
                *not_yet.routes(),
            ),
            site=site,
            limits=self.limits,
            version=VERSION,
        )
        self.app: Gateway = create_app(parts)
        self._join(texts)

    def _dialects(self, agents: AgentChats) -> tuple[RawRoute, ...]:
        """The routes in the forms of other programs."""
        product = self.product
        models = ModelsOverLink(product.registry)
        dialect = OpenAIDialect(models, agents, product.outside.clock)
        return (*dialect.routes(), *RerankDialect(models).routes())

    def _join(self, texts: FrameTexts | None) -> None:
        """Show what passes in this process, and let it be counted."""
        product = self.product
        if texts is None:
            product.frames.append(lambda piece: publish_passing(self.fanout, piece))
        watch_figures(product)
        product.counts["realtime_sessions"] = lambda: self.fanout.sessions

    def _routers(self, signing_in: APIRouter) -> tuple[APIRouter, ...]:
        product, bus = self.product, self.product.bus
        blobs, ids = product.knowledge.blobs, product.outside.ids
        archived = archives_of(product.knowledge, product.store, product.codec, product.outside.clock).of
        return (
            signing_in,
            chat.router(bus),
            actions.router(bus),
            settings.router(bus),
            sagas.router(bus),
            messaging.router(bus),
            system.router(bus, self.ready),
            roles.router(bus),
            models.router(bus, self.product.outside.clock),
            presence.router(self.board, self._authorize),
            history.router(bus),
            knowledge.router(bus, blobs, ids),
            knowledge_archives.router(bus, blobs, ids, archived),
            knowledge_reading.router(bus),
            knowledge_search.router(bus),
            knowledge_sets.router(bus),
            knowledge_queries.router(bus),
            knowledge_measurements.router(bus),
            read_models.router(bus),
            *schemas_routers(bus),
            *(one.router(bus) for one in REGISTERED),
        )

    def _authorize(self, action: str, context: CallContext) -> None:
        self.product.authorizer.authorize(context.principal, action)

    def ready(self) -> tuple[bool, Mapping[str, Any]]:
        """Say whether the process takes work."""
        phase = self.lifecycle.phase
        checks = [
            {"name": one.name, "state": one.state} for one in self.product.health.checks() if one.required
        ]
        failing = any(one["state"] == "failing" for one in checks)
        takes = phase == "ready" and not failing
        status = phase if phase != "ready" else ("not-ready" if failing else "ready")
        return takes, {"status": status, "checks": checks}

    def _run_events(self) -> RawRoute:
        """`/api/v1/chat/runs/{run_id}/events`: one run's channel as server-sent events."""

        async def stream(scope: Scope, receive: Receive, send: Send) -> None:
            channel = f"run:{scope['path_params']['run_id']}"
            # A run is short: without a place to resume from, its client wants all of it.
            after = after_of(Request(scope)) or 0
            answer = EventStream(self.fanout, self.credentials, self.limits, channel, after)
            await answer(scope, receive, send)

        return RawRoute(
            path="/api/v1/chat/runs/{run_id}/events",
            methods=("GET",),
            app=stream,
            access=Access(action="runs:read"),
            openapi=RUN_EVENTS,
        )


def _board(product: Product, fanout: Fanout) -> PresenceBoard:
    """Return what says and shows which windows are open."""
    outside, process = product.outside, process_id(product.config, product.placement)
    presence = product.carrying.presence
    return PresenceBoard(fanout, presence, process, outside.clock, outside.ids, outside.listener)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """Requests a minute, as the settings say at start."""

    default: int = 6_000
    actions: int = 100
    login_attempts: int = 10

    @property
    def classes(self) -> tuple[RouteClass, ...]:
        """The route classes of the edge."""
        return (
            RouteClass(name="actions", quota=self.actions, prefixes=("/api/v1/actions",)),
            RouteClass(name="default", quota=self.default),
        )

    @property
    def login(self) -> RouteClass:
        """The class of sign-in attempts."""
        return RouteClass(name="login", quota=self.login_attempts)


async def quotas_of(product: Product) -> Quotas:
    """Read the limits that the settings hold."""
    current = product.settings.current
    return Quotas(
        default=await current("limits.default_per_minute"),
        actions=await current("limits.actions_per_minute"),
        login_attempts=await current("limits.login_per_minute"),
    )


def metrics_routes(product: Product) -> tuple[RawRoute, ...]:
    """Return `/metrics` when a listener counts."""
    exposition = product.outside.extras.get("exposition")
    if exposition is None:
        return ()
    figures = ConsumerFigures(product.outside.extras["prometheus"])

    async def metrics(scope: Scope, receive: Receive, send: Send) -> None:
        figures.take((await product.bus.ask(messages.ListConsumers(), product.context())).items)
        kind, body = exposition.render(Request(scope).headers.get("accept", ""))
        await Response(body, media_type=kind)(scope, receive, send)

    described = {
        "get": {
            "operationId": "metrics",
            "tags": ["system"],
            "summary": "Metrics for Prometheus",
            "responses": {
                "200": {
                    "description": "The text exposition.",
                    "content": {"text/plain": {"schema": {"type": "string"}}},
                }
            },
        }
    }
    return (
        RawRoute(
            path="/metrics",
            methods=("GET",),
            app=metrics,
            access=Access(action="metrics:read"),
            openapi=described,
        ),
    )


RUN_EVENTS: Final[dict[str, Any]] = {
    "get": {
        "operationId": "run_events",
        "tags": ["chat"],
        "summary": "Follow a run as server-sent events",
        "description": "Facts carry `id` (their seq); `delta` frames carry new text and its offset; a `snapshot` "
        "carries the text so far. The stream ends after the run's end. `after` and `Last-Event-ID` resume.",
        "parameters": [
            {"name": "run_id", "in": "path", "required": True, "schema": {"type": "string", "maxLength": 64}},
            {
                "name": "after",
                "in": "query",
                "description": "Begin after this fact; 0 or left out for all.",
                "schema": {"type": "integer", "minimum": 0},
            },
        ],
        "responses": {
            "200": {
                "description": "The frames of the run's channel.",
                "content": {"text/event-stream": {"schema": {"type": "string"}}},
            }
        },
    }
}
