"""Old events in today's shape: pure functions from one stored type to the next, chained when an event is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from autobot.kernel.core.errors import DataCorrupt
from autobot.kernel.core.message import parse_type

Change = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Upcaster:
    """One step: data of type `source` becomes data of type `target`.

    `change` is pure and total over everything that was ever stored as `source`; it may change the dict that
    it gets. `target` is the next version of the same fact, or the first of one that was renamed.
    """

    source: str
    target: str
    change: Change


class Upcasters:
    """The chain of steps, given to the codec. Raises ValueError for a malformed type, two steps from one, or a cycle."""

    def __init__(self, steps: Iterable[Upcaster]) -> None:
        self._steps: dict[str, Upcaster] = {}
        for one in steps:
            parse_type(one.source)
            parse_type(one.target)
            if one.source in self._steps:
                raise ValueError(f"two steps lead from {one.source}")
            self._steps[one.source] = one
        for start in self._steps:
            seen, name = set[str](), start
            while name in self._steps:
                if name in seen:
                    raise ValueError(f"the steps from {start} lead in a circle")
                seen.add(name)
                name = self._steps[name].target

    @property
    def sources(self) -> frozenset[str]:
        """The stored types that are older than today's."""
        return frozenset(self._steps)

    def __call__(self, type_name: str, data: bytes) -> tuple[str, bytes]:
        """Return today's type and data; what has no step comes back as it is, without being read.

        Raises DataCorrupt when the data is no JSON object or a step cannot take it.
        """
        if type_name not in self._steps:
            return type_name, data
        try:
            value = msgspec.json.decode(data, type=dict[str, Any])
            while (step := self._steps.get(type_name)) is not None:
                value, type_name = step.change(value), step.target
            return type_name, msgspec.json.encode(value)
        except (
            msgspec.MsgspecError,
            LookupError,
            TypeError,
            ValueError,
            AttributeError,
            ArithmeticError,
        ) as error:
            raise DataCorrupt(
                f"An event of type {type_name} cannot be brought up to date: {error}."
            ) from error
