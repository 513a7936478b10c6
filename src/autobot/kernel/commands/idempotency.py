"""Idempotency of commands (draft-ietf-httpapi-idempotency-key-header, semantics of its answer table).

The claim is a pair: an in-process mark for calls that run now, and the stored answer that commits with
the effects. A crash before the commit leaves neither, so a retry runs normally.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from autobot.kernel.core import errors
from autobot.kernel.core.canonical import canonical_json, fingerprint
from autobot.kernel.core.context import CallContext
from autobot.kernel.event_store.transaction import StoredAnswer

KEPT: Final = timedelta(hours=24)
DONE: Final = "done"

_REPLAYABLE: Final[Mapping[str, type[errors.AutoBotError]]] = {
    kind.code: kind
    for kind in (
        errors.InvalidInput,
        errors.NotFound,
        errors.Conflict,
        errors.AlreadyExists,
        errors.Forbidden,
    )
}
"""Refusals by a handler that are deterministic, so a retry gets them again."""


def command_fingerprint(command: Any, secret: frozenset[str]) -> str:
    """Return the payload fingerprint of a command: JCS + BLAKE2b over its fields except secret ones."""
    body = {
        field.name: msgspec.to_builtins(getattr(command, field.name))
        for field in fields(command)
        if field.name not in secret
    }
    return fingerprint(type(command).__name__, canonical_json(body))


def scope_of(command: Any, context: CallContext) -> str:
    """Return tenant, authenticated principal and operation: a key never meets another caller's."""
    return f"{context.principal.tenant}/{context.principal.id}/{type(command).__name__}"


def store_answer(scope: str, key: str, mark: str, value: Any, now: datetime) -> StoredAnswer:
    """Return the record of a completed command."""
    body = msgspec.json.encode(value)
    return StoredAnswer(scope=scope, key=key, fingerprint=mark, status=DONE, body=body, expires=now + KEPT)


def store_refusal(
    scope: str, key: str, mark: str, error: errors.AutoBotError, now: datetime
) -> StoredAnswer | None:
    """Return the record of a deterministic refusal, None when a retry may end otherwise."""
    if type(error).code not in _REPLAYABLE:
        return None
    found = error.errors if isinstance(error, errors.InvalidInput) else ()
    body = msgspec.json.encode({"detail": error.detail, "hint": error.hint, "errors": found})
    return StoredAnswer(
        scope=scope, key=key, fingerprint=mark, status=error.code, body=body, expires=now + KEPT
    )


def replay(stored: StoredAnswer, mark: str, answer_type: Any) -> Any:
    """Return the stored answer, raise the stored refusal, or IdempotencyMismatch for another payload."""
    if stored.fingerprint != mark:
        raise errors.IdempotencyMismatch("This idempotency key was used before with another payload.")
    if stored.status == DONE:
        return msgspec.json.decode(stored.body, type=answer_type)
    body = msgspec.json.decode(stored.body)
    kind = _REPLAYABLE[stored.status]
    if kind is errors.InvalidInput:
        found = tuple(errors.FieldError(**one) for one in body["errors"])
        raise errors.InvalidInput(body["detail"], errors=found, hint=body["hint"])
    raise kind(body["detail"], hint=body["hint"])


class InFlight:
    """Which keys run in this process now."""

    def __init__(self) -> None:
        self._running: dict[tuple[str, str], str] = {}

    @contextmanager
    def claim(self, scope: str, key: str, mark: str) -> Iterator[None]:
        """Hold the key while the command runs.

        Raises IdempotencyInFlight when it runs already, IdempotencyMismatch when with another payload.
        """
        running = self._running.get((scope, key))
        if running is not None:
            if running != mark:
                raise errors.IdempotencyMismatch("This idempotency key is in use with another payload.")
            raise errors.IdempotencyInFlight("The first request with this idempotency key has not finished.")
        self._running[scope, key] = mark
        try:
            yield
        finally:
            del self._running[scope, key]
