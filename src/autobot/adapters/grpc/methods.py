"""Which method of which service carries an operation of a row. Pure: nothing here needs gRPC installed.

An operation with a method of its own is typed in `proto/`; every other one goes through `autobotapi.hop.v1.HopService`
as JSON, so that any row between roles can be carried.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

HOP: Final = "autobotapi.hop.v1.HopService"
HOP_CALL: Final = f"/{HOP}/Call"
HOP_STREAM: Final = f"/{HOP}/Stream"
AI: Final = "autobotapi.ai.v1.AiService"
INFERENCE: Final = "autobotapi.inference.v1.InferenceService"

Shape = Literal["call", "stream", "exchange"]
"""One request and one answer; one request and many answers; many of both, the answers in the order of the requests."""


@dataclass(frozen=True, slots=True)
class Method:
    """A typed method: `/package.Service/Name`. The messages are what the operation's wire reads and writes."""

    operation: str
    path: str
    shape: Shape = "call"

    @property
    def service(self) -> str:
        """The service's full name."""
        return self.path.rsplit("/", 1)[0].removeprefix("/")


def by_operation(methods: Iterable[Method]) -> Mapping[str, Method]:
    """Return methods by the name of their operation."""
    return {one.operation: one for one in methods}


AI_METHODS: Final = (
    Method("generate", f"/{AI}/Generate", "stream"),
    Method("embed", f"/{AI}/Embed"),
    Method("models", f"/{AI}/ListModels"),
)
"""The model facade of the ai role."""

INFERENCE_METHODS: Final = (
    Method("embed", f"/{INFERENCE}/Embed"),
    Method("embed_stream", f"/{INFERENCE}/EmbedStream", "stream"),
    Method("embed_exchange", f"/{INFERENCE}/EmbedExchange", "exchange"),
    Method("similarity", f"/{INFERENCE}/Similarity"),
    Method("classify", f"/{INFERENCE}/Classify"),
    Method("rerank", f"/{INFERENCE}/Rerank"),
    Method("report", f"/{INFERENCE}/Report"),
    Method("warm_up", f"/{INFERENCE}/WarmUp"),
)
"""A worker for inference."""
