"""The client's rows of the matrix, as they arrive: counted here, their policy lives in the client."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

CALLS: Final = "frontend-gateway"
LIVE: Final = "frontend-backend"
_LIVE_PATHS: Final = ("/ws", "/api/v1/events/stream")
_API: Final = ("/api/", "/v1/", "/v2/")

Arrived = Callable[[str], None]
"""Counts a call on a row. Raises LinkMissing when an operator took the row out of the matrix."""


class ClientRow:
    """Counts each request of a client on its row, and refuses it when there is no such row."""

    def __init__(self, app: ASGIApp, arrived: Arrived) -> None:
        self._app, self._arrived = app, arrived

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count and pass on. Health stays outside: it must answer when everything else is refused."""
        if scope["type"] != "lifespan":
            path: str = scope["path"]
            if path in _LIVE_PATHS or (path.startswith("/api/v1/chat/runs/") and path.endswith("/events")):
                self._arrived(LIVE)
            elif path.startswith(_API) and not path.startswith("/api/v1/system/health"):
                self._arrived(CALLS)
        await self._app(scope, receive, send)
