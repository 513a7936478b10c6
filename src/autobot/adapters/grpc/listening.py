"""A gRPC server of this process: where it listens, what it says of its health, how it stops."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from autobot.adapters.grpc.options import server_options
from autobot.adapters.grpc.server import GrpcHop
from autobot.kernel.core.errors import ConfigurationError
from autobot.kernel.links.hop_wire import PAYLOAD_MAX

SERVING: Final = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING: Final = health_pb2.HealthCheckResponse.NOT_SERVING
UNIX: Final = "unix:"
GRACE_S: Final = 10.0
"""Seconds that open calls get to end after a stop was asked for."""


class GrpcServer:
    """Serves a role's methods with health (grpc.health.v1) and reflection, neither of which asks for a token.

    Made in a running loop. Starts unwell: `ready` says that calls are taken. Listens where `listen` was told to.
    """

    def __init__(self, hop: GrpcHop, *, payload_max: int = PAYLOAD_MAX) -> None:
        self._server = grpc.aio.server(options=server_options(payload_max))
        self._health = health.aio.HealthServicer()
        self._names = ("", *sorted(hop.services))
        self._server.add_generic_rpc_handlers((hop,))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        shown = (*sorted(hop.services), health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(shown, self._server)

    def listen(self, address: str, tls: tuple[bytes, bytes] | None = None) -> int:
        """Listen on `host:port` (0: any free one) or `unix:/path`, with `tls` as key and certificate chain in PEM.

        Returns the port, 1 for a path, which its owner alone can reach then. Raises ConfigurationError when the address is taken.
        """
        try:
            if tls is None:
                port = int(self._server.add_insecure_port(address))
                if address.startswith(UNIX):
                    # The library makes it as open as the process's mask allows.
                    Path(address.removeprefix(UNIX)).chmod(0o600)
                return port
            return int(self._server.add_secure_port(address, grpc.ssl_server_credentials((tls,))))
        except RuntimeError as error:
            raise ConfigurationError(
                f"{address} cannot be listened on for gRPC.",
                hint="Stop what uses it, or choose another port.",
            ) from error

    async def start(self) -> None:
        """Accept connections; health answers NOT_SERVING."""
        await self._say(NOT_SERVING)
        await self._server.start()

    async def ready(self) -> None:
        """Say that calls are taken."""
        await self._say(SERVING)

    async def leave(self) -> None:
        """Say that no calls are taken any more; those that come all the same are for the door to judge."""
        await self._say(NOT_SERVING)

    async def stop(self, grace_s: float = GRACE_S) -> None:
        """Say that no calls are taken, let open ones end, and close."""
        await self._say(NOT_SERVING)
        await self._server.stop(grace_s)

    async def _say(self, state: int) -> None:
        for name in self._names:
            await self._health.set(name, state)
