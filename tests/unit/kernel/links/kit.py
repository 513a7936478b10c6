"""What the tests of links share: a registry with one row on a scripted transport, in virtual time."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from autobot.kernel.links.matrix import Matrix
from autobot.kernel.links.registry import Carrier, LinkRegistry, RowLink, Wired
from autobot.kernel.links.row import TransportName
from autobot.kernel.resilience.operation import Operation, Transport
from autobot.testing.virtual_time import FixedChance, VirtualClock
from tests.unit.kernel.resilience.kit import NOBODY_WAITS, READ, Heard, Script

ROW = "backend-crm"
PLAIN: dict[str, Any] = {
    "pattern": "request-response",
    "transport": "http",
    "error_handling": "propagate",
    "timeout": 30.0,
    "idempotency": "effect-free",
}


class Desk:
    """A registry whose one row can be changed while calls go over it."""

    def __init__(
        self,
        *steps: Any,
        targets: tuple[str, ...] = ("a",),
        chain: tuple[str, ...] = (),
        others: Mapping[TransportName, Transport] | None = None,
        aim: Callable[[tuple[str, ...]], tuple[str, ...]] | None = None,
        **policy: Any,
    ) -> None:
        self.script = Script(list(steps) or ["ok"])
        self.clock = VirtualClock()
        self.heard = Heard()
        self.registry = LinkRegistry(
            Matrix({ROW: {**PLAIN, **policy}}), self.clock, FixedChance(0.5), self.heard
        )
        carriers = {word: Carrier(transport, ("other",)) for word, transport in (others or {}).items()}
        wired = Wired(transport=self.script, targets=targets, chain=chain, others=carriers, aim=aim)
        self.registry.wire(ROW, wired)
        self.link: RowLink = self.registry.link(ROW)

    def apply(self, **fields: Any) -> None:
        """Change the row at run time."""
        self.registry.apply(ROW, fields)

    async def outcome(self, operation: Operation = READ, payload: Any = None) -> Any:
        """Call, and return what was answered or raised."""
        try:
            return await self.link.call(operation, payload, NOBODY_WAITS)
        except Exception as error:  # noqa: BLE001 - the test looks at what was raised
            return error

    async def several(self, number: int) -> list[Any]:
        """Make calls at once; return their outcomes."""
        return list(await asyncio.gather(*(self.outcome() for _ in range(number))))

    @property
    def sent(self) -> list[str]:
        """The targets of all attempts."""
        return [one.target for one in self.script.sent]

    @property
    def times(self) -> list[float]:
        """When each attempt was sent, from the first."""
        return [round(one.at - self.script.sent[0].at, 6) for one in self.script.sent]

    @property
    def now(self) -> float:
        """Virtual seconds."""
        return self.clock.monotonic()

    def described(self) -> Mapping[str, Any]:
        """The row as the links page shows it."""
        return next(row for row in self.registry.describe() if row["id"] == ROW)
