"""What Prometheus reads of a process besides what it counted: its links and the roles, and where that is served."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.types import ASGIApp

from autobot.adapters.prometheus.exposition import link_gauges
from autobot.bootstrap.product import Product
from autobot.contexts.identity.module import authenticator
from autobot.contexts.roles.module import role_gauges
from autobot.gateway.access import Proven
from autobot.gateway.hop.metrics import RoleMetrics
from autobot.kernel.core.context import Principal


def proven(principal: Principal, credential: str, csrf: str | None, expires: float | None) -> Proven:
    """Return the edge's form of a proof."""
    return Proven(principal=principal, credential=credential, csrf=csrf, expires=expires)


def watch_figures(product: Product) -> None:
    """Let links and roles be counted whenever somebody reads the metrics of this process."""
    prometheus = product.outside.extras.get("prometheus")
    if prometheus is not None:
        prometheus.watch(lambda: link_gauges(product.registry.describe()))
        prometheus.watch(lambda: role_gauges(product.observer.rows, product.observer))


def with_metrics(app: ASGIApp, product: Product) -> tuple[ASGIApp, Callable[[], Awaitable[Any]]]:
    """Return a role's application with `/metrics`, and what writes when the keys were last used that read it."""
    outside = product.outside
    watch_figures(product)
    credentials = authenticator(store=product.store, codec=product.codec, clock=outside.clock, make=proven)
    served = RoleMetrics(
        app,
        credentials,
        product.authorizer.authorize,
        outside.extras["exposition"].render,
        outside.clock,
        outside.ids,
    )
    return served, credentials.flush
