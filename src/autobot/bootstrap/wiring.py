"""Connects the rows of the matrix: which transport, which targets, what is absent and what adds it."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from autobot.adapters.http.transport import HttpOptions, HttpTransport
from autobot.bootstrap.placing import EMBEDDED, HOPS, WORKER_ROW, Placement
from autobot.config import Config
from autobot.kernel.core.chance import Chance
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import ConfigurationError
from autobot.kernel.links.direct import DirectTransport
from autobot.kernel.links.matrix import Matrix, read_layer
from autobot.kernel.links.registry import LinkRegistry, Wired
from autobot.kernel.telemetry.listener import Listener

LOCAL: Final = ("local",)
SHIPPED: Final = Path(__file__).parent.parent / "matrix.toml"
LATER: Final = "not used by this version"

ARRIVALS: Final = ("frontend-gateway", "frontend-backend")
SUBSTITUTED: Final = {
    "gateway-backend": "routers-services",
    "gateway-reports": "routers-services",
    "backend-ai": "services-event_bus",
    "backend-store": "services-repositories",
}
ABSENT: Final = {
    "backend-browser": f"autobot add browser ({LATER})",
    "backend-notify": LATER,
}
IN_PLACE: Final = {"backend-redis": "in-process frames"}
"""Rows that this mode carries in the process itself."""


def load_matrix(config: Config) -> Matrix:
    """Return the shipped matrix under the operator's file. Raises ConfigurationError naming the fault."""
    shipped = read_layer(SHIPPED.read_text(encoding="utf-8"), "matrix.toml")
    overlay = config.matrix_overlay
    if overlay is None:
        return Matrix(shipped)
    try:
        text = overlay.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{overlay} cannot be read: {error}.") from error
    return Matrix(shipped, read_layer(text, str(overlay)))


def direct(transport: DirectTransport, substituted_by: str | None = None) -> Wired:
    """Connect a row to this process."""
    state = "substituted" if substituted_by else "in-use"
    return Wired(transport=transport, targets=LOCAL, state=state, substituted_by=substituted_by)  # type: ignore[arg-type]


def wire_fixed(registry: LinkRegistry, place: str = "", placement: Placement = EMBEDDED) -> None:
    """Connect the rows that no part of this process serves; `place` says where the store is outside of it."""
    for row in ARRIVALS:
        registry.wire(row, Wired(arrivals=placement.holds("gateway")))
    for row, by in SUBSTITUTED.items():
        if row in HOPS and placement.scaled:
            continue
        to = f"to {place}" if place and row == "backend-store" else "in one process"
        registry.wire(row, Wired(state="substituted", substituted_by=by, hint=f"carried by {by} {to}"))
    for row, hint in ABSENT.items():
        registry.wire(row, Wired(state="absent", hint=hint))
    if not placement.scaled:
        registry.wire(WORKER_ROW, Wired(state="absent", hint="autobot add npu"))
    for row, (caller, callee) in HOPS.items():
        if placement.incoming(row):
            registry.wire(row, Wired(arrivals=True, elsewhere=True, agreed=True))
        elif placement.outgoing(row):
            registry.wire(row, Wired(state="absent", hint=f"autobot serve {callee}", agreed=True))
        elif placement.scaled:
            hint = f"carried by the processes of the role {caller}"
            registry.wire(row, Wired(state="absent", hint=hint, elsewhere=True, agreed=True))


class ModelWires:
    """Connects the model rows anew when an address changes. Each row has one HTTP transport."""

    def __init__(
        self, registry: LinkRegistry, clock: Clock, chance: Chance, listener: Listener | None
    ) -> None:
        self._registry = registry
        self._transports = {
            row: HttpTransport(row, HttpOptions(health_path=health), clock, chance, listener)
            for row, health in (
                ("ai-ollama", "/api/version"),
                ("ai-openai", None),
                ("ai-llamacpp", "/health"),
            )
        }

    def connect(self, row: str, targets: tuple[str, ...], hint: str) -> None:
        """Connect `row` to its servers, or say by which step one is added."""
        if targets:
            self._registry.wire(row, Wired(transport=self._transports[row], targets=targets, hint=hint))
        else:
            self._registry.wire(row, Wired(state="absent", hint=hint))

    async def answers(self, row: str, address: str) -> bool:
        """Ask the health call of an address that no link uses yet."""
        return bool(await self._transports[row].probe(address))

    async def close(self) -> None:
        """Close every connection."""
        for transport in self._transports.values():
            await transport.close()


def origin_of(address: str) -> tuple[str, str]:
    """Split an address into its origin, which is the link's target, and its path without a slash at the end."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}", parts.path.rstrip("/")
