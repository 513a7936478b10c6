"""The catalogue of action types, the check of parameters, and the life of one request. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, fields, replace
from datetime import datetime
from typing import Any, Final, Literal

from autobot.contracts import actions
from autobot.kernel.core.clock import rfc3339
from autobot.kernel.core.errors import NOT_YOURS, FieldError, InvalidInput, NotFound
from autobot.kernel.core.pointer import escaped
from autobot.kernel.core.validate import validate


def stream_of(request_id: str) -> str:
    """Return the stream of a request."""
    return f"action-{request_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionType:
    """One kind of work.

    Attributes:
        permission: action of the authorization table that the work needs, beside `actions:process`.
        effect: what repeating it does; each type is free or idempotent by its key, so a crash repeats it.
        long: answered with 202 at once; others are waited for.
        private: its parameters are somebody's text, so they are blanked in the log when the action ends
            (they live on where they belong, and can be erased there).
        absent: what to do when the part behind it is not there.
    """

    name: str
    title: str
    permission: str
    effect: Literal["free", "idempotent"]
    long: bool = False
    private: bool = False
    absent: str = ""

    @property
    def parameters(self) -> type[Any]:
        """The contract of its parameters."""
        return actions.PARAMETERS[self.name]

    def view(self, ready: bool) -> actions.ActionTypeView:
        """Return the type as clients see it."""
        return actions.ActionTypeView(
            name=self.name,
            title=self.title,
            description=(self.parameters.__doc__ or "").strip(),
            permission=self.permission,
            effect=self.effect,
            long=self.long,
            state="ready" if ready else "absent",
            hint=None if ready else self.absent,
        )


CATALOGUE: Final = (
    ActionType(
        name="send_chat_message",
        title="Send a chat message",
        permission="chat:write",
        effect="idempotent",
        private=True,
        absent="The chat context is not part of this process.",
    ),
    ActionType(
        name="run_diagnostics",
        title="Run diagnostics",
        permission="system:read",
        effect="free",
        absent="The system context is not part of this process.",
    ),
    ActionType(
        name="rebuild_read_model",
        title="Rebuild a read model",
        permission="system:operate",
        effect="idempotent",
        long=True,
        absent="Restart AutoBot: read models are then checked and rebuilt where needed.",
    ),
    ActionType(
        name="create_backup",
        title="Create a backup",
        permission="system:diagnose",
        effect="idempotent",
        long=True,
        absent="Run: autobot backup FOLDER",
    ),
)


class Catalogue:
    """Action types by name."""

    def __init__(self, types: Iterable[ActionType] = CATALOGUE) -> None:
        self._types = {one.name: one for one in types}

    def all(self) -> Iterable[ActionType]:
        """Return every type."""
        return self._types.values()

    def get(self, name: str) -> ActionType:
        """Return a type. Raises InvalidInput that names those there are."""
        found = self._types.get(name)
        if found is None:
            detail = f"is no action type; there are {', '.join(self._types)}"
            error = FieldError(detail=detail, pointer="#/action_type")
            raise InvalidInput(f"There is no action type called {name}.", errors=(error,))
        return found


def read_parameters(kind: type[Any], given: Mapping[str, Any]) -> Any:
    """Return the parameters as their contract. Raises InvalidInput with a pointer to each broken rule."""
    known = {one.name: one for one in fields(kind)}
    errors = [
        FieldError(detail="is no parameter of this action", pointer=f"#/parameters/{_escaped(name)}")
        for name in given
        if name not in known
    ]
    errors += [
        FieldError(detail="is missing", pointer=f"#/parameters/{name}")
        for name, one in known.items()
        if name not in given and one.default is MISSING and one.default_factory is MISSING
    ]
    if not errors:
        parameters = kind(**given)
        try:
            validate(parameters)
        except InvalidInput as error:
            errors = [replace(one, pointer=f"#/parameters{one.pointer[1:]}") for one in error.errors]
        else:
            return parameters
    raise InvalidInput("The parameters do not fit this action.", errors=tuple(errors))


def _escaped(name: str) -> str:
    """Return a name as a step of a JSON Pointer (RFC 6901 §3), cut where it is absurd."""
    return escaped(name[:100])


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """State of one request, as it is kept. It holds no parameters: those stay in the log until the end."""

    id: str
    action_type: str = ""
    owner: str = ""
    correlation_id: str = ""
    status: actions.Status = "accepted"
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    processing_time_ms: float = 0.0
    created_at: datetime | None = None

    @property
    def ended(self) -> bool:
        """Whether the outcome is known."""
        return self.status != "accepted"

    def require(self) -> None:
        """Raise NotFound unless it was asked for."""
        if self.created_at is None:
            raise NotFound(NOT_YOURS)

    def end(self, command: actions.RecordAction) -> tuple[Any, ...]:
        """The outcome. A second one changes nothing."""
        self.require()
        if self.ended:
            return ()
        return (
            actions.ActionEnded(
                request_id=self.id,
                action_type=self.action_type,
                status=command.status,
                result=command.result,
                error=command.error,
                processing_time_ms=command.processing_time_ms,
            ),
        )

    @property
    def created(self) -> str:
        """When it was asked for, RFC 3339."""
        return rfc3339(self.created_at) if self.created_at else ""
