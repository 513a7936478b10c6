"""The HTTP server of a process: how it listens, how it stops, and how it leaves without a refused request."""

from __future__ import annotations

import contextlib
import gc
import socket
from collections.abc import Callable
from typing import Any, Final

import uvicorn

from autobot.bootstrap.protocols import protocols
from autobot.config import Config
from autobot.kernel.core.errors import ConfigurationError
from autobot.kernel.core.ids import IdSource

BACKLOG: Final = 2048
DRAIN_S: Final = 10
"""Seconds that open requests get to end after a stop was asked for."""
LEAVE_S: Final = 2.0
"""Seconds between *I am leaving* and the end of a process in the roles table: others look at that each second, and a
connection that is used closes with its next answer."""
CLOSE: Final = (b"connection", b"close")


def listen(config: Config, port: int | None) -> socket.socket:
    """Bind the address. Raises ConfigurationError when it is taken."""
    wanted = config.port if port is None else port
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((config.host, wanted))
        # Whoever follows the printed link while the server still starts waits in line instead of being refused.
        bound.listen(BACKLOG)
    except OSError as error:
        bound.close()
        raise ConfigurationError(
            f"{config.host}:{wanted} cannot be listened on: {error.strerror}.",
            hint="Stop what uses it, set AUTOBOT_HOST or AUTOBOT_PORT, or give --port (0 for a free one).",
        ) from error
    return bound


def inherited(descriptor: int) -> socket.socket:
    """Return the listening socket that the parent handed over. Raises ConfigurationError when it is none."""
    try:
        bound = socket.socket(fileno=descriptor)
        listening = bound.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise ConfigurationError(f"The descriptor {descriptor} is no socket.") from error
    if not listening:
        raise ConfigurationError(f"The socket {descriptor} does not listen.")
    return bound


def address_of(config: Config, bound: socket.socket) -> str:
    """Return the address that a socket listens at."""
    host, port = bound.getsockname()[:2]
    scheme = "https" if config.tls_cert else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


class WebServer:
    """uvicorn over a socket that is ours, stopped by whoever holds it instead of by its own signal handlers."""

    def __init__(
        self, app: Any, bound: socket.socket, config: Config, ids: IdSource, frame_bytes: int
    ) -> None:
        self._bound = bound
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=True,
                proxy_headers=False,
                **protocols(ids),
                ws_max_size=frame_bytes,
                lifespan="on",
                ssl_certfile=str(config.tls_cert) if config.tls_cert else None,
                ssl_keyfile=str(config.tls_key) if config.tls_key else None,
                timeout_graceful_shutdown=DRAIN_S,
                timeout_keep_alive=75,
            )
        )

    async def serve(self) -> None:
        """Serve until `stop`, then let open requests end."""
        server: Any = self._server
        server.capture_signals = contextlib.nullcontext
        await server.serve(sockets=[self._bound])

    def leave(self) -> None:
        """Serve on, but close each connection with its next answer (RFC 9112 §9.6): its client then goes to whoever
        listens beside this process, and no request is lost on a connection that closes under it."""
        # The server makes its fields anew from these once a second.
        self._server.config.encoded_headers = [*self._server.config.encoded_headers, CLOSE]

    def stop(self) -> None:
        """Accept nothing more."""
        self._server.should_exit = True


def settle_memory() -> None:
    """Keep what the start made out of the collector's way.

    Hundreds of thousands of objects live as long as the process: collecting over them cost 100–150 µs a
    request at 32 in flight. Young objects are still collected, in larger steps.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)


def run_loop(main: Callable[[], Any]) -> int:
    """Run a program on the fastest loop that is there; returns its exit code."""
    import asyncio

    with contextlib.suppress(ImportError):
        import uvloop

        return int(uvloop.run(main()))
    return int(asyncio.run(main()))
