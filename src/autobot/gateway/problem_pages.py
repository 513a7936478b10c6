"""`/problems` and `/problems/<slug>`: what each problem type means, as a page or as data."""

from __future__ import annotations

from html import escape
from typing import Any, Final

from starlette.types import Receive, Scope, Send

from autobot.gateway.access import Access
from autobot.gateway.exchange import exchange_of
from autobot.gateway.pages import HTML, page, respond, respond_json, wants_page
from autobot.gateway.parts import RawRoute
from autobot.gateway.problem_kinds import Kind
from autobot.gateway.problems_catalogue import KINDS
from autobot.kernel.core.errors import NotFound

_VARY: Final = ((b"vary", b"accept"),)


def described(kind: Kind) -> dict[str, Any]:
    """Return a kind as data."""
    return {
        "type": kind.type,
        "code": kind.slug,
        "status": kind.status,
        "title": kind.title,
        "meaning": kind.meaning,
        "remedy": kind.remedy,
    }


async def one_kind(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer `/problems/{slug}`. Raises NotFound."""
    exchange = exchange_of(scope)
    kind = KINDS.get(scope["path_params"]["slug"])
    if kind is None:
        raise NotFound("There is no problem type of this name.")
    if not wants_page(exchange):
        await respond_json(send, described(kind))
        return
    body = (
        f'<p><a href="{escape(exchange.address("/problems"))}">All problem types</a></p>\n'
        f"<h1>{escape(kind.title)}</h1>\n<p><code>{escape(kind.type)}</code> · HTTP {kind.status}</p>\n"
        f"<h2>What happened</h2>\n<p>{escape(kind.meaning)}</p>\n"
        f"<h2>What to do</h2>\n<p>{escape(kind.remedy)}</p>"
    )
    await respond(send, page(exchange, kind.title, body), HTML, fields=_VARY)


async def all_kinds(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer `/problems`."""
    exchange = exchange_of(scope)
    kinds = sorted(KINDS.values(), key=lambda kind: (kind.status, kind.slug))
    if not wants_page(exchange):
        await respond_json(send, {"items": [described(kind) for kind in kinds], "next_cursor": None})
        return
    base = escape(exchange.address("/problems/"))
    rows = "\n".join(
        f'<tr><td>{kind.status}</td><td><a href="{base}{kind.slug}">{kind.slug}</a></td>'
        f"<td>{escape(kind.title)}</td></tr>"
        for kind in kinds
    )
    head = "<tr><th>Status</th><th>Code</th><th>Title</th></tr>"
    body = f"<h1>Problem types</h1>\n<table>\n<thead>{head}</thead>\n<tbody>\n{rows}\n</tbody>\n</table>"
    await respond(send, page(exchange, "Problem types", body), HTML, fields=_VARY)


ROUTES: Final = (
    RawRoute(path="/problems", methods=("GET",), app=all_kinds, access=Access(public=True)),
    RawRoute(path="/problems/{slug}", methods=("GET",), app=one_kind, access=Access(public=True)),
)
