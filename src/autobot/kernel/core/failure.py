"""A failure as data: what a stored fact or an answer says of an error. Edges make RFC 9457 documents of it."""

from __future__ import annotations

from dataclasses import dataclass

from autobot.kernel.core.errors import AutoBotError, HopFailed, Rejected


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Cause (`code`, `detail`), what to quote (`correlation_id`), the next step (`hint`), and the hop."""

    code: str
    detail: str
    correlation_id: str
    hint: str | None = None
    link: str | None = None
    target: str | None = None


def failure_of(error: BaseException, correlation_id: str) -> Failure:
    """Describe `error`. What is not of the tree is told as internal, without its text."""
    if not isinstance(error, AutoBotError):
        return Failure(
            code="internal",
            detail="Something in AutoBot itself failed. The log has the details under this id.",
            correlation_id=correlation_id,
        )
    link = error.link if isinstance(error, HopFailed | Rejected) else ""
    target = error.target if isinstance(error, HopFailed) else ""
    return Failure(
        code=error.code,
        detail=error.detail,
        correlation_id=correlation_id,
        hint=error.hint,
        link=link or None,
        target=target or None,
    )
