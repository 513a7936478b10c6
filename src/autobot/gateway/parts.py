"""What the composition root hands to the edge."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter
from starlette.types import Receive, Scope, Send

from autobot.gateway.access import Access, Authenticator
from autobot.gateway.middleware.lifecycle import Lifecycle
from autobot.gateway.middleware.rate_limit import RouteClass
from autobot.gateway.middleware.row import Arrived
from autobot.gateway.realtime.fanout import Fanout
from autobot.gateway.site import EdgeLimits, Site
from autobot.kernel.commands.authorize import Authorizer
from autobot.kernel.core.chance import Chance
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.ids import IdSource
from autobot.kernel.resilience.rate_limit.limiter import Limiter
from autobot.kernel.telemetry.listener import Listener

RawApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Note = Callable[[CallContext, str, str], None]
"""Hears a refusal: context, action, code (`Refusals.note` of the command bus)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRoute:
    """A plain ASGI route, for what must not pay for the web framework.

    Attributes:
        path: exact path, or a template with `{name}` and `{name:path}`.
        methods: upper case; HEAD and OPTIONS are added by the edge.
        app: answers it; errors of the tree that it raises become problem documents.
        access: what it demands.
        openapi: its OpenAPI operations, by lower-case method, written by hand; empty for none.
    """

    path: str
    methods: tuple[str, ...]
    app: RawApp
    access: Access
    openapi: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayParts:
    """Everything that the edge is made of. `create_app` reads it once.

    Attributes:
        routers: flat APIRouters made by `routing.router`; an included router inside one is refused.
        raw: plain ASGI routes (dialects, metrics).
        authorizer: the one table of who may do what; each declared action must have a rule in it.
        note: hears refusals of the edge, for the audit chain.
        arrived: counts calls on the client's rows of the matrix.
        fanout: carries frames to sockets and event streams.
        limiter: the port of the rate limiter; several processes share one through Redis.
        classes: route classes of the rate limiter, first match counts.
        version: for OpenAPI.
    """

    clock: Clock
    ids: IdSource
    chance: Chance
    authenticator: Authenticator
    authorizer: Authorizer
    fanout: Fanout
    limiter: Limiter
    classes: tuple[RouteClass, ...]
    lifecycle: Lifecycle
    listener: Listener | None = None
    note: Note | None = None
    arrived: Arrived | None = None
    routers: Sequence[APIRouter] = ()
    raw: Sequence[RawRoute] = ()
    site: Site = field(default_factory=Site)
    limits: EdgeLimits = field(default_factory=EdgeLimits)
    version: str = "0"
