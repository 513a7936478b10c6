"""Outcomes as values: inside the pipeline nothing is raised; the edge of a link raises once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ok(Generic[T]):
    """A call that succeeded."""

    value: T


@dataclass(frozen=True, slots=True)
class Failed:
    """A call that failed. `error` belongs to the tree, or is what the callee raised on a direct hop."""

    error: Exception


Outcome = Ok[T] | Failed
