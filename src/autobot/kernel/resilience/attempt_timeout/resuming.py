"""Driving on what was stepped once by hand (PEP 380)."""

from __future__ import annotations

from collections.abc import Generator
from types import coroutine
from typing import Any


@coroutine
def resume(step: Any, waiting_for: Any) -> Generator[Any, Any, Any]:
    """Drive `step`, which has just yielded `waiting_for`, to its end and return its result.

    `step` is a coroutine or the iterator of an awaitable. What is sent or thrown in, cancellation
    above all, goes to `step`.
    """
    while True:
        try:
            sent = yield waiting_for
        except BaseException as thrown:  # noqa: BLE001 - cancellation goes inward like everything else
            try:
                waiting_for = step.throw(thrown)
            except StopIteration as done:
                return done.value
        else:
            try:
                waiting_for = step.send(sent)
            except StopIteration as done:
                return done.value
