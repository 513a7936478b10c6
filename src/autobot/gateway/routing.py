"""The route table: flat, compiled once, with access declared for each route, or no start.

Routers are FastAPI's for what they do well (parsing, validation, OpenAPI); finding the route and guarding it is
done here, in one dictionary look-up for plain paths.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, APIWebSocketRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from autobot.gateway import problem_kinds as kinds
from autobot.gateway.access import PUBLIC, Access, declared_access
from autobot.gateway.deprecation import declared_deprecation
from autobot.gateway.exact import read
from autobot.gateway.exchange import WEBSOCKET, Exchange, exchange_of
from autobot.gateway.pages import tell_methods
from autobot.gateway.parts import GatewayParts, Note, RawRoute
from autobot.gateway.problem import Refused
from autobot.kernel.commands.authorize import Authorizer
from autobot.kernel.core.errors import (
    AutoBotError,
    ConfigurationError,
    InvalidInput,
    NotFound,
    Unauthenticated,
)

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class _StrictRequest(Request):
    """Reads JSON as RFC 8259 has it: UTF-8, no NaN, no Infinity, bounded depth; members, booleans and numbers as the body's
    type has them."""

    def __init__(self, scope: Scope, receive: Receive, body_type: Any) -> None:
        super().__init__(scope, receive)
        self._body_type = body_type

    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            self._json = read(await self.body(), self._body_type)
        return self._json


class EdgeRoute(APIRoute):
    """A route of the edge: FastAPI's, with strict JSON and strict queries."""

    def get_route_handler(self) -> Handler:
        """Return the handler on a strict request."""
        inner = super().get_route_handler()
        known = frozenset(query_names(self.dependant))
        body_type = self.body_field.field_info.annotation if self.body_field else Any

        async def handler(request: Request) -> Response:
            if request.scope["query_string"]:
                check_query(request.query_params.multi_items(), known)
            return await inner(_StrictRequest(request.scope, request.receive, body_type))

        return handler


def query_names(dependant: Dependant) -> Iterable[str]:
    """Yield the query parameters of a route and of what it depends on."""
    yield from (one.alias for one in dependant.query_params)
    for one in dependant.dependencies:
        yield from query_names(one)


def check_query(given: Sequence[tuple[str, str]], known: frozenset[str]) -> None:
    """Raise InvalidInput for a parameter that this address does not know, or that is given twice.

    A filter that is misspelt would else show everything, and one of two values would be passed over unseen.
    """
    seen: set[str] = set()
    for name, _ in given:
        if name not in known:
            words = f"These are known: {', '.join(sorted(known))}." if known else "It takes none."
            raise InvalidInput(f"There is no query parameter {name[:80]!r} at this address.", hint=words)
        if name in seen:
            raise InvalidInput(f"The query parameter {name} is given more than once.")
        seen.add(name)


def router(prefix: str, tag: str) -> APIRouter:
    """Return a router for one family of paths. `prefix` is canonical, such as `/api/v1/chat`."""
    return APIRouter(prefix=prefix, tags=[tag], route_class=EdgeRoute)


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the table: what answers a method at a path, and what it demands."""

    method: str
    path: str
    app: ASGIApp
    access: Access
    web: bool
    route: BaseRoute | RawRoute
    endpoint: Any = None
    fields: tuple[tuple[bytes, bytes], ...] = ()

    @property
    def key(self) -> str:
        """`METHOD /path`, as PUBLIC names it."""
        return f"{'GET' if self.method == WEBSOCKET else self.method} {self.path}"


def entries(routers: Sequence[APIRouter], raw: Sequence[RawRoute]) -> list[Entry]:
    """Flatten routers and raw routes. Raises ConfigurationError, naming the route, for what is not declared."""
    found: list[Entry] = []
    for one in routers:
        for route in one.routes:
            found += _of_router(route)
    for plain in raw:
        found += [
            Entry(method, plain.path, plain.app, plain.access, False, plain) for method in plain.methods
        ]
    seen: set[tuple[str, str]] = set()
    for entry in found:
        if (entry.method, entry.path) in seen:
            raise ConfigurationError(f"Two routes answer {entry.method} {entry.path}.")
        seen.add((entry.method, entry.path))
        if entry.access.public and entry.key not in PUBLIC:
            raise ConfigurationError(f"{entry.key} says that it is public and is not on the public list.")
    return found


def _of_router(route: BaseRoute) -> Iterable[Entry]:
    if isinstance(route, APIWebSocketRoute):
        methods, web = {WEBSOCKET}, False
    elif isinstance(route, EdgeRoute):
        methods, web = set(route.methods or ()), True
    else:
        raise ConfigurationError(
            f"{type(route).__name__} {getattr(route, 'path', '')} is no route of the edge: "
            "make flat routers with routing.router()."
        )
    access = declared_access(route.endpoint)
    if access is None:
        raise ConfigurationError(
            f"{'/'.join(sorted(methods))} {route.path} does not say who may call it: "
            "add @needs(action), @signed_in or @public."
        )
    methods.discard("HEAD")
    leaving = declared_deprecation(route.endpoint)
    fields = () if leaving is None else leaving.fields
    for method in sorted(methods):
        yield Entry(method, route.path, route.app, access, web, route, route.endpoint, fields)


class _Place:
    """All methods of one path."""

    __slots__ = ("allow", "convertors", "methods", "pattern", "template")

    def __init__(self, template: str) -> None:
        self.template = template
        pattern, _, self.convertors = compile_path(template)
        self.pattern: re.Pattern[str] = pattern
        self.methods: dict[str, Entry] = {}
        self.allow = ""

    def params(self, path: str) -> dict[str, Any] | None:
        """Return the path parameters, None when `path` is another or a parameter is no such value."""
        match = self.pattern.match(path)
        if match is None:
            return None
        return {name: self.convertors[name].convert(value) for name, value in match.groupdict().items()}

    def close(self) -> None:
        """Complete the methods: HEAD by GET, and what `Allow` says."""
        if "GET" in self.methods:
            self.methods.setdefault("HEAD", self.methods["GET"])
        # A WebSocket is opened by a GET (RFC 6455 §4.1).
        named = {"GET" if method == WEBSOCKET else method for method in self.methods}
        self.allow = ", ".join(sorted(named | {"OPTIONS"}))


class RouteTable:
    """Finds the route of a request, guards it, calls it. Innermost of the edge.

    Raises NotFound, Refused (405, 426), Unauthenticated, Forbidden, and what the route raises.
    """

    def __init__(self, parts: GatewayParts, raw: Sequence[RawRoute], fallback: ASGIApp) -> None:
        self.entries = entries(parts.routers, raw)
        self._authorizer: Authorizer = parts.authorizer
        self._note: Note | None = parts.note
        self._fallback = fallback
        unknown = {one.access.action for one in self.entries if one.access.action} - parts.authorizer.actions
        if unknown:
            raise ConfigurationError(f"No rule says who may: {', '.join(sorted(filter(None, unknown)))}.")
        places: dict[str, _Place] = {}
        for entry in self.entries:
            place = places.setdefault(entry.path, _Place(entry.path))
            place.methods[entry.method] = entry
        for place in places.values():
            place.close()
        self._plain = {path: place for path, place in places.items() if not place.convertors}
        self._patterns = [place for place in places.values() if place.convertors]

    def _find(self, path: str) -> tuple[_Place | None, dict[str, Any]]:
        place = self._plain.get(path)
        if place is not None:
            return place, {}
        for place in self._patterns:
            params = place.params(path)
            if params is not None:
                return place, params
        return None, {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        exchange = exchange_of(scope)
        place, params = self._find(exchange.path)
        method = exchange.method
        if place is None:
            if method == WEBSOCKET:
                raise NotFound("There is no WebSocket at this address.")
            await self._fallback(scope, receive, send)
            return
        exchange.route = place.template
        entry = place.methods.get(method)
        if entry is None:
            await self._other_method(place, method, exchange, send)
            return
        if not entry.access.public:
            self.guard(entry.access, exchange)
        if entry.fields:
            exchange.answer_fields += entry.fields
        scope["path_params"] = params
        scope["endpoint"], scope["route"] = entry.endpoint, entry.route
        if not entry.web:
            await entry.app(scope, receive, send)
            return
        async with AsyncExitStack() as files:
            scope["fastapi_middleware_astack"] = files
            await entry.app(scope, receive, send)

    def guard(self, access: Access, exchange: Exchange) -> None:
        """Let pass, or raise Unauthenticated or Forbidden and note it for the audit chain."""
        context, action = exchange.called, access.action or "account:read"
        try:
            if exchange.proven is None:
                raise exchange.refusal or Unauthenticated("Sign in, or send an API key as a bearer token.")
            if access.action is not None:
                self._authorizer.authorize(context.principal, access.action)
        except AutoBotError as error:
            if self._note is not None:
                self._note(context, action, error.code)
            raise

    async def _other_method(self, place: _Place, method: str, exchange: Exchange, send: Send) -> None:
        if method == "OPTIONS":
            await tell_methods(send, place.allow)
            return
        if method == WEBSOCKET:
            raise NotFound("There is no WebSocket at this address.")
        if method == "GET" and WEBSOCKET in place.methods:
            raise Refused(
                kinds.UPGRADE_REQUIRED,
                "Open this address as a WebSocket: version 13, with one key of 16 octets in base64.",
                fields={"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"},
            )
        raise Refused(
            kinds.METHOD_NOT_ALLOWED,
            f"{method} is not allowed here.",
            fields={"Allow": place.allow},
        )
