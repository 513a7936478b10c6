"""Published language of the actions context: registered kinds of work that programs ask for by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, Literal

from annotated_types import Ge, Le, Len

from autobot.contracts.chat import Content, ModelName
from autobot.contracts.chat import Id as ChatId
from autobot.kernel.core.failure import Failure
from autobot.kernel.core.validate import Pattern

ActionName = Annotated[str, Len(1, 50), Pattern(r"[a-zA-Z0-9_]+")]
RequestId = Annotated[str, Len(1, 64), Pattern(r"[A-Za-z0-9_-]+")]
Status = Literal["accepted", "completed", "failed", "stopped"]


# ------------------------------------------------------------------------- parameters, one class an action


@dataclass(frozen=True, slots=True, kw_only=True)
class SendChatMessage:
    """Say something in a chat; without `session_id` in a new one. A run answers it."""

    content: Content
    session_id: ChatId | None = None
    model: ModelName | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDiagnostics:
    """Ask every dependency's last probe, and what runs here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildReadModel:
    """Build a read model anew from the log, beside the live one, then switch."""

    name: Annotated[str, Len(1, 80), Pattern(r"[a-z][a-z0-9_.-]*")]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateBackup:
    """Write a backup into the backup folder of this installation."""

    with_key: bool = False


PARAMETERS: Final[Mapping[str, type[Any]]] = {
    "send_chat_message": SendChatMessage,
    "run_diagnostics": RunDiagnostics,
    "rebuild_read_model": RebuildReadModel,
    "create_backup": CreateBackup,
}
"""The parameters of each action type: the schema that clients are given is made of these."""


# ------------------------------------------------------------------------------------------------- events


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRequested:
    """Somebody asked for an action. `principal` is who, so that the work is done with their rights.

    Blanked when the action ends and its parameters are somebody's text.
    """

    TYPE: ClassVar[str] = "autobot.actions.action_requested.v1"
    request_id: str
    action_type: str
    parameters: dict[str, Any]
    principal: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionEnded:
    """The action is over. `error` tells why it failed or was stopped."""

    TYPE: ClassVar[str] = "autobot.actions.action_ended.v1"
    request_id: str
    action_type: str
    status: Status
    result: dict[str, Any] | None = None
    error: Failure | None = None
    processing_time_ms: float = 0.0


EVENTS: tuple[type[Any], ...] = (ActionRequested, ActionEnded)


# ----------------------------------------------------------------------------------------------- commands


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessAction:
    """Ask for an action. `priority` is checked and has no effect: urgency comes from identity and policy."""

    action_type: ActionName
    parameters: dict[str, Any]
    priority: Annotated[int, Ge(1), Le(5)] | None = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordAction:
    """Written by the run of an action when it ends."""

    request_id: RequestId
    status: Status
    result: dict[str, Any] | None = None
    error: Failure | None = None
    processing_time_ms: Annotated[float, Ge(0)] = 0.0


# -------------------------------------------------------------------------------------- queries, answers


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionAccepted:
    """The action is in the log and will be done. `long` ones are not waited for."""

    request_id: str
    long: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The answer of RecordAction: the outcome that holds, recorded now or before."""

    status: Status
    error: Failure | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EraseActions:
    """Blank what a user who is gone had asked for, and its results; at most `limit` actions at once."""

    user_id: Annotated[str, Len(1, 64)]
    limit: Annotated[int, Ge(1), Le(200)] = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionsErased:
    """The answer of EraseActions: how many, and whether there are more."""

    erased: int
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionView:
    """An action that was asked for, and what became of it."""

    request_id: str
    action_type: str
    status: Status
    result: dict[str, Any] | None
    error: Failure | None
    processing_time_ms: float
    correlation_id: str
    created_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GetAction:
    """One action."""

    request_id: RequestId


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitAction:
    """One action when it has ended, or as it is after `seconds`."""

    request_id: RequestId
    seconds: Annotated[float, Ge(0), Le(300)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListActionTypes:
    """The action types that the principal may ask for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionTypeView:
    """An action type. `state` is absent when the part that does it is not there; `hint` then says what adds it."""

    name: str
    title: str
    description: str
    permission: str
    effect: Literal["free", "idempotent"]
    long: bool
    state: Literal["ready", "absent"]
    hint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionTypePage:
    """All of them; there are few."""

    items: tuple[ActionTypeView, ...]
    next_cursor: str | None = None
