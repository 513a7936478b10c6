"""OpenVINO: its devices, and a model that is loaded on one of them. Everything here blocks: call it in a thread."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Sequence
from queue import SimpleQueue
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from autobot.contracts.inference import Device
from autobot.kernel.core.errors import Absent, ConfigurationError
from autobot.workers.npu.options import WorkerOptions
from autobot.workers.npu.quantizing import GROUP, HINT, in_eight_bits
from autobot.workers.npu.tokens import Tokens, filled

INSTALL: Final = "autobot add npu"
PREFERRED: Final = ("NPU", "GPU", "CPU")
NEEDED: Final = ("openvino", "tokenizers", "safetensors", "numpy")
FIXED: Final = frozenset({"NPU"})
"""Devices that compute fixed shapes alone: one text at a time, filled up to the window."""

LANES: Final = 2
"""Batches that a processor computes at once, each with its share of the threads: those that compute one short text together
spend much of their time waiting for each other."""

Rows = NDArray[np.float32]


def need_runtime() -> None:
    """Raise Absent unless the runtime is installed."""
    missing = [one for one in NEEDED if importlib.util.find_spec(one) is None]
    if missing:
        raise Absent(
            "npu", f"Inference here needs {', '.join(missing)}, which is not installed.", hint=INSTALL
        )


def quiet_openvino() -> Any:
    """Return the library. Its import would send a usage event to its maker: without the sender it does not."""
    if "openvino" not in sys.modules:
        sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    import openvino

    return openvino


class Runtime:
    """One OpenVINO core. Its devices are asked once."""

    def __init__(self, options: WorkerOptions) -> None:
        self._options = options
        self._ov = quiet_openvino()
        self._core: Any = self._ov.Core()
        self.version = str(self._ov.__version__)
        self.devices = tuple(
            Device(id=one, name=str(self._core.get_property(one, "FULL_DEVICE_NAME")))
            for one in self._core.available_devices
        )

    def read(self, file: str) -> Any:
        """Return a model of an IR file. Raises RuntimeError for one that is none."""
        return self._core.read_model(file)

    def load(self, model: Any, window: int) -> Loaded:
        """Compile a model on the first of the wished devices that takes it. The model itself may be changed.

        Raises ConfigurationError when none does.
        """
        said = ""
        eight = self._options.precision == "int8" and in_eight_bits(model) > 0
        for device in self._wished():
            try:
                return self.load_on(
                    model, device, window if device.split(".")[0] in FIXED else None, eight=eight
                )
            except RuntimeError as error:
                said = _reason(error)
        raise ConfigurationError(
            f"No device takes this model ({', '.join(self._wished()) or 'there is none'}): {said}"
        )

    def load_on(self, model: Any, device: str, fixed: int | None, *, eight: bool = False) -> Loaded:
        """Compile a model on one device; `fixed` is the length that each text is filled up to, None for its own; `eight`
        says that its weights were rounded.

        Raises RuntimeError when the device does not take it.
        """
        if eight and HINT not in self._core.get_property(device, "SUPPORTED_PROPERTIES"):
            raise RuntimeError(f"{device} computes no int8")
        shape = [-1, -1] if fixed is None else [1, fixed]
        model.reshape(dict.fromkeys(names_of(model.inputs), shape))
        lanes = min(LANES, self._threads()) if device == "CPU" else 1
        compiled = self._core.compile_model(model, device, self._hints(device, lanes, eight))
        precision = "int8" if eight else _short(compiled.get_property("INFERENCE_PRECISION_HINT"))
        return Loaded(compiled, device, precision, fixed, lanes)

    def _wished(self) -> Sequence[str]:
        if self._options.device != "AUTO":
            return (self._options.device,)
        ids = [one.id for one in self.devices]
        return sorted(
            (one for one in ids if one.split(".")[0] in PREFERRED),
            key=lambda one: PREFERRED.index(one.split(".")[0]),
        )

    def _threads(self) -> int:
        return self._options.threads or len(os.sched_getaffinity(0))

    def _hints(self, device: str, lanes: int, eight: bool) -> dict[str, Any]:
        precision = self._options.precision
        hints: dict[str, Any] = {
            # Besides the products of rounded matrices everything is computed in f32.
            "INFERENCE_PRECISION_HINT": "f32" if precision == "int8" else precision,
            "PERFORMANCE_HINT": "LATENCY",
        }
        if eight:
            hints[HINT] = GROUP
        if device == "CPU":
            hints |= {"INFERENCE_NUM_THREADS": self._threads(), "NUM_STREAMS": lanes}
        return hints


class Loaded:
    """A compiled model. `compute` may be called by as many threads at a time as it has lanes; a further one waits."""

    def __init__(self, compiled: Any, device: str, precision: str, fixed: int | None, lanes: int = 1) -> None:
        self._fixed, self.lanes = fixed, lanes
        self._free: SimpleQueue[Any] = SimpleQueue()
        for _ in range(lanes):
            self._free.put(compiled.create_infer_request())
        self.inputs = names_of(compiled.inputs)
        """The names of what it is given."""
        self.width = int(compiled.output(0).get_partial_shape()[-1].get_length())
        """Numbers of a row."""
        self.device, self.precision = device, precision

    def compute(self, batch: Sequence[Tokens]) -> Rows:
        """Return the model's first output for a batch, one row a text."""
        request = self._free.get()
        try:
            if self._fixed is None:
                return self._infer(request, batch)
            return np.concatenate([self._infer(request, (one,)) for one in batch])
        finally:
            self._free.put(request)

    def _infer(self, request: Any, batch: Sequence[Tokens]) -> Rows:
        ids, mask, kinds = filled(batch, self._fixed)
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": kinds}
        request.infer({name: given[name] for name in self.inputs})
        found: Rows = np.array(request.get_output_tensor(0).data, dtype=np.float32)
        return _mean(found, mask) if found.ndim == 3 else found


def names_of(ports: Any) -> tuple[str, ...]:
    """Return the names of a model's inputs."""
    return tuple(str(one.get_any_name()) for one in ports)


def _reason(error: RuntimeError) -> str:
    """Return the last line of what the runtime says."""
    lines = str(error).strip().splitlines()
    return lines[-1].strip()[:300] if lines else "no reason is told"


def _mean(states: Rows, mask: NDArray[np.int64]) -> Rows:
    """Return the mean over a text's tokens, of what a model without pooling says of each."""
    seen = mask[:, :, None].astype(np.float32)
    found: Rows = (states * seen).sum(axis=1) / seen.sum(axis=1)
    return found


def _short(precision: Any) -> str:
    """Return OpenVINO's type by its short word."""
    name = str(precision.get_type_name()) if hasattr(precision, "get_type_name") else str(precision)
    return {"float32": "f32", "float16": "f16", "bfloat16": "bf16"}.get(name, name)
