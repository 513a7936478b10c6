"""What the pipeline's tests share: a transport that does what the test says, and a bench around a pipeline."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field
from typing import Any

from autobot.kernel.core.context import CallContext, Principal, TraceContext
from autobot.kernel.core.errors import ConnectFailed, RemoteError
from autobot.kernel.resilience.operation import Effect, Operation
from autobot.kernel.resilience.pipeline import Pipeline, PipelineOptions, build_pipeline
from autobot.kernel.resilience.registry import Registry
from autobot.kernel.telemetry.listener import Change, Hop
from autobot.testing.virtual_time import FixedChance, VirtualClock

READ = Operation(name="read", effect=Effect.FREE)
CACHED = Operation(name="read", effect=Effect.FREE, cacheable=True, tags=("documents",))
WRITE = Operation(name="write", effect=Effect.UNSAFE)
PUT = Operation(name="put", effect=Effect.IDEMPOTENT)

ADMIN = Principal(id="root", kind="user", role="admin", user_id="root")
USER = Principal(id="ann", kind="user", role="user", user_id="ann")
VIEWER = Principal(id="vic", kind="user", role="viewer", user_id="vic")


def context(deadline: float | None = None, principal: Principal = USER, attempt: int = 0) -> CallContext:
    """A call context of a test."""
    return CallContext(
        correlation_id="c-1",
        principal=principal,
        trace=TraceContext(trace_id="0" * 31 + "1", span_id="0" * 15 + "1"),
        deadline=deadline,
        attempt=attempt,
    )


def refused() -> ConnectFailed:
    """The target was never reached."""
    return ConnectFailed("refused")


def status(code: int, retry_after: float | None = None) -> RemoteError:
    """The target answered with an error."""
    return RemoteError(f"status {code}", status=code, retry_after=retry_after)


@dataclass(frozen=True)
class Slow:
    """Answers `value` after `seconds`; an exception is raised then."""

    seconds: float
    value: Any = "late"


@dataclass(frozen=True)
class Sent:
    """One attempt as the transport saw it."""

    at: float
    target: str
    context: CallContext


Behaviour = Any
"""A value to answer, an exception to raise, a Slow, or a function of the target."""


@dataclass
class Script:
    """A transport whose answers are listed; the last one is repeated.

    A list answers a stream: chunks, exceptions and Slows one after the other.
    """

    steps: list[Behaviour] = field(default_factory=lambda: ["ok"])
    sent: list[Sent] = field(default_factory=list)
    closed: int = 0
    open_streams: int = 0
    health: dict[str, bool | None] = field(default_factory=dict)

    def _next(self, target: str, call_context: CallContext) -> Behaviour:
        self.sent.append(Sent(asyncio.get_running_loop().time(), target, call_context))
        step = self.steps[0] if len(self.steps) == 1 else self.steps.pop(0)
        return step(target) if callable(step) else step

    async def call(self, target: str, operation: Operation, payload: Any, context: CallContext) -> Any:
        """Do the next step."""
        return await _perform(self._next(target, context))

    async def stream(
        self, target: str, operation: Operation, payload: Any, context: CallContext
    ) -> AsyncIterator[Any]:
        """Do the next step's chunks."""
        self.open_streams += 1
        try:
            step = self._next(target, context)
            for item in step if isinstance(step, list) else [step]:
                yield await _perform(item)
        finally:
            self.open_streams -= 1

    async def probe(self, target: str) -> bool | None:
        """Answer from `health`."""
        return self.health.get(target)

    async def close(self) -> None:
        """Count."""
        self.closed += 1


async def _perform(step: Behaviour) -> Any:
    if isinstance(step, Slow):
        await pass_time(step.seconds)
        step = step.value
    if isinstance(step, BaseException):
        raise step
    return step


@dataclass
class Heard:
    """A listener that keeps everything."""

    starts: list[Hop] = field(default_factory=list)
    completions: list[tuple[Hop, float]] = field(default_factory=list)
    failures: list[tuple[Hop, float, BaseException]] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    counts: list[tuple[str, float, dict[str, str]]] = field(default_factory=list)

    def started(self, hop: Hop) -> None:
        self.starts.append(hop)

    def completed(self, hop: Hop, duration: float) -> None:
        self.completions.append((hop, duration))

    def failed(self, hop: Hop, duration: float, error: BaseException) -> None:
        self.failures.append((hop, duration, error))

    def changed(self, change: Change) -> None:
        self.changes.append(change)

    def counted(self, name: str, value: float, labels: tuple[tuple[str, str], ...]) -> None:
        self.counts.append((name, value, dict(labels)))


NOBODY_WAITS = context()
"""A context without a deadline."""


class Bench:
    """A pipeline on a scripted transport in virtual time."""

    def __init__(
        self,
        options: PipelineOptions,
        *steps: Behaviour,
        targets: tuple[str, ...] = ("a",),
        share: float = 0.5,
        narrow: bool = False,
    ) -> None:
        self.transport = Script(list(steps) or ["ok"])
        self.registry = Registry()
        self.clock = VirtualClock()
        self.chance = FixedChance(share)
        self.heard = Heard()
        self.targets = targets
        self.narrow = narrow
        self.pipeline = self.built(options)

    def built(self, options: PipelineOptions, *targets: str) -> Pipeline:
        """Build (again) with the same registry."""
        return build_pipeline(
            "link",
            targets or self.targets,
            options,
            self.transport,
            self.clock,
            self.chance,
            self.heard,
            self.registry,
            narrow_context=self.narrow,
        )

    def rebuild(self, options: PipelineOptions, *targets: str) -> None:
        """Change the row at run time."""
        self.pipeline = self.built(options, *targets)

    async def call(
        self, operation: Operation = READ, payload: Any = None, context: CallContext = NOBODY_WAITS
    ) -> Any:
        """Call the pipeline."""
        return await self.pipeline.call(operation, payload, context)

    async def outcome(
        self, operation: Operation = READ, payload: Any = None, context: CallContext = NOBODY_WAITS
    ) -> Any:
        """Call, and return what was answered or raised."""
        try:
            return await self.pipeline.call(operation, payload, context)
        except Exception as error:  # noqa: BLE001 - the test looks at what was raised
            return error

    async def chunks(
        self, operation: Operation = READ, payload: Any = None, context: CallContext = NOBODY_WAITS
    ) -> tuple[list[Any], Exception | None]:
        """Read a stream to its end; return its chunks and what broke it."""
        got: list[Any] = []
        try:
            async for chunk in self.pipeline.stream(operation, payload, context):
                got.append(chunk)
        except Exception as error:  # noqa: BLE001 - the test looks at what was raised
            return got, error
        return got, None

    @property
    def times(self) -> list[float]:
        """When each attempt was sent, from the first."""
        return [round(sent.at - self.transport.sent[0].at, 6) for sent in self.transport.sent]

    def state(self, target: str = "a") -> str:
        """The breaker's state, read from a snapshot."""
        return next(one.breaker_state for one in self.pipeline.snapshot().targets if one.address == target)


async def pass_time(seconds: float) -> None:
    """Let virtual time pass."""
    done = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(seconds, lambda: done.done() or done.set_result(None))
    await done


async def settle(turns: int = 10) -> None:
    """Let everything that is ready run."""
    for _ in range(turns):
        await asyncio.sleep(0)


def spawn(work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """Start a task that the test awaits or cancels."""
    return asyncio.get_running_loop().create_task(work)
