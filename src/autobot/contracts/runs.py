"""Published language of durable runs as other contexts and clients see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Le, Len

from autobot.kernel.core.failure import Failure

RunId = Annotated[str, Len(1, 64)]
RunState = Literal["queued", "running", "completed", "failed", "stopped", "interrupted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingFor:
    """What a run waits for now, and since when (RFC 3339)."""

    link: str
    target: str
    since: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """A run as screens show it. `text` is what it has written so far."""

    id: str
    session_id: str
    message_id: str
    state: RunState
    waiting_for: WaitingFor | None
    started_at: str
    ended_at: str | None
    error: Failure | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GetRun:
    """One run."""

    run_id: RunId


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRun:
    """End a run; what it wrote stays, marked as stopped."""

    run_id: RunId


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStopping:
    """The answer of StopRun: the state the run was in."""

    run_id: str
    state: RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class ListModels:
    """The models that a chat can choose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelChoice:
    """A model as the picker shows it. One that does not write (`generates`) answers no chat; one that `embeds` makes
    vectors; one that `ranks` puts passages in order."""

    id: str
    label: str
    provider: str
    link: str
    state: Literal["ready", "absent", "unreachable"]
    window: int | None = None
    default: bool = False
    detail: str | None = None
    generates: bool = True
    embeds: bool = False
    ranks: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ListAgents:
    """The agents that programs can ask by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentChoice:
    """An agent and how it stands.

    Attributes:
        id: its name, `agent:chat`.
        model: the full name of the model that it uses now, None while none is known.
        state: that of its model; absent while none is set up, unreachable while who has models cannot be asked.
        window: tokens of that model, None when unknown.
        documents_first: whether it searches the person's documents before its model is asked.
    """

    id: str
    label: str
    state: Literal["ready", "absent", "unreachable"]
    model: str | None = None
    window: int | None = None
    documents_first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitRun:
    """A run when it has ended, or as it is after `seconds` (0–60)."""

    run_id: RunId
    seconds: Annotated[float, Ge(0), Le(60)]
