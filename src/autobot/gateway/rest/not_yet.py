"""Families of the specification that this version has no part for: they say so, to whoever may ask at all."""

from __future__ import annotations

from typing import Final

from starlette.types import Receive, Scope, Send

from autobot.gateway.access import Access
from autobot.gateway.parts import RawRoute
from autobot.kernel.core.errors import Absent

FAMILIES: Final = {
    "terminal": "Terminals are",
    "workflow": "Workflows are",
}
"""Families of paths with the beginning of what is said of them; `/api/<family>` is read as `/api/v1/<family>` at the edge."""

METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")


def routes() -> tuple[RawRoute, ...]:
    """Return the routes below each family: every one answers 503 (`absent`). OpenAPI tells of what is there only."""
    return tuple(
        RawRoute(
            path=path,
            methods=METHODS,
            app=_Absence(family, f"{title} not in this version of AutoBot yet."),
            access=Access(),
        )
        for family, title in FAMILIES.items()
        for path in (f"/api/v1/{family}", f"/api/v1/{family}/{{rest:path}}")
    )


class _Absence:
    """What a family without a part answers."""

    def __init__(self, family: str, detail: str) -> None:
        self._family, self._detail = family, detail

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse. Raises Absent."""
        raise Absent(
            self._family,
            self._detail,
            hint="No setting adds it: a later version does. The change log names what is there.",
        )
