"""The edge of a pipeline: what a link calls, where outcomes become answers and errors, and what an operator does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import Conflict, InvalidInput, NotFound
from autobot.kernel.resilience.cache.coalescing import Flights
from autobot.kernel.resilience.observe import look
from autobot.kernel.resilience.operation import Operation
from autobot.kernel.resilience.outcome import Step
from autobot.kernel.resilience.prober import Prober
from autobot.kernel.resilience.records import Records
from autobot.kernel.resilience.registry import LinkState, Target
from autobot.kernel.resilience.shared_streams import StreamCache
from autobot.kernel.resilience.snapshot import LinkSnapshot
from autobot.kernel.resilience.streams import Chunks

BreakerAction = Literal["open", "close", "isolate", "release"]

SECONDS_MIN: Final = 0.1
SECONDS_MAX: Final = 604_800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """A built pipeline's inside. `edge` is the call itself where no layer stands before the inner half."""

    call: Step
    open: Step
    edge: Callable[[Operation, Any, CallContext], Awaitable[Any]] | None


class Pipeline:
    """One link's pipeline. Used from one event loop; its state lives in the registry.

    `call(operation, payload, context)` sends and returns the answer. It raises errors of the tree
    (Rejected, HopFailed, DeadlineExceeded), and on a direct row what the callee raised, as the same
    object. It is an attribute, not a method: the innermost layer itself where the row has no other,
    so that nothing is paid for what is not there.
    """

    __slots__ = (
        "_clock",
        "_layers",
        "_link",
        "_prober",
        "_records",
        "_shared",
        "_state",
        "_targets",
        "call",
    )

    def __init__(
        self,
        link: str,
        targets: Sequence[Target],
        state: LinkState,
        layers: Layers,
        shared: Sequence[Flights | StreamCache],
        prober: Prober,
        records: Records,
        clock: Clock,
    ) -> None:
        self._link = link
        self._targets = targets
        self._state = state
        self._layers = layers
        self._shared = shared
        self._prober = prober
        self._records = records
        self._clock = clock
        self.call: Final[Callable[[Operation, Any, CallContext], Awaitable[Any]]] = (
            layers.edge or self._layered
        )

    async def _layered(self, operation: Operation, payload: Any, context: CallContext) -> Any:
        """Call through the outer layers and leave the pipeline."""
        self._state.calls += 1
        return self._records.leave(await self._layers.call(operation, payload, context))

    def stream(self, operation: Operation, payload: Any, context: CallContext) -> Chunks:
        """Return the answer's chunks. Nothing is sent before the first is asked for, nor again after it came.

        Iterating raises as `call` does; after the first chunk what broke the stream. `aclose` before the end closes
        the transport's iterator.
        """
        return Chunks(self._layers.open, (operation, payload, context), self._state, self._records)

    def snapshot(self) -> LinkSnapshot:
        """Return what the link looks like now. Changes nothing."""
        return look(self._link, self._state, self._targets, self._clock)

    def breaker(
        self,
        action: BreakerAction,
        target: str | None = None,
        *,
        by: str,
        reason: str,
        seconds: float | None = None,
    ) -> None:
        """Open, close, isolate or release the breaker of `target` (None: of every target).

        *open* refuses for `seconds` (None: the option's open time), then probes; *isolate* refuses
        until *release* or for `seconds`; *release* ends either and lets probes through; *close* lets
        everything through at once. Also rows without a breaker can be isolated.
        Raises as `check_breaker`.
        """
        now = self._clock.monotonic()
        for one in self.check_breaker(action, target, seconds):
            match action:
                case "open":
                    one.breaker.open(now, by=by, reason=reason, seconds=seconds)
                case "isolate":
                    one.breaker.isolate(now, by=by, reason=reason, seconds=seconds)
                case "close":
                    one.breaker.close(now, by=by, reason=reason)
                case "release":
                    one.breaker.release(now, by=by, reason=reason)
            self._records.moved(one)

    def check_breaker(
        self, action: BreakerAction, target: str | None = None, seconds: float | None = None
    ) -> list[Target]:
        """Return the targets that `breaker` would act on; changes nothing.

        Raises NotFound for an unknown target, InvalidInput for an unknown action or `seconds` outside
        0.1–604,800, Conflict for a *release* where nothing is held.
        """
        if action not in get_args(BreakerAction):
            raise InvalidInput(f"{action!r} is no breaker action; use {', '.join(get_args(BreakerAction))}.")
        if seconds is not None and not SECONDS_MIN <= seconds <= SECONDS_MAX:
            raise InvalidInput(f"seconds must be from {SECONDS_MIN:g} to {SECONDS_MAX:g}.")
        chosen = [one for one in self._targets if target is None or one.address == target]
        if not chosen:
            raise NotFound(f"{self._link} has no target {target!r}.")
        if action == "release" and all(one.breaker.flowing for one in chosen):
            raise Conflict(f"No breaker of {self._link} is open or isolated.")
        return chosen

    def invalidate(self, *tags: str) -> int:
        """Drop cached answers whose operation carries one of `tags`; return how many."""
        return 0 if self._state.store is None else self._state.store.invalidate(tags)

    def forget(self) -> None:
        """Drop every cached answer: what was invalidated is not known."""
        if self._state.store is not None:
            self._state.store.clear()

    async def probe_idle(self) -> None:
        """Ask open and idle targets how they are, where the transport has a cheap health call.

        A supervisor calls it every few seconds; it returns when all asked targets have answered or
        timed out.
        """
        await self._prober.probe_idle()

    async def close(self) -> None:
        """End what runs in the background (shared calls, refreshes). The transport is its owner's to close."""
        for one in self._shared:
            await one.close()
