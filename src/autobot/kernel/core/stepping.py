"""Stepping an awaitable by hand, so that a timer exists only for one that waits; driving it on (PEP 380); waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Generator
from types import coroutine
from typing import Any, Final, TypeVar

T = TypeVar("T")


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


ANSWER_S: Final = 0.5
"""Seconds that an answer gets to travel back before its caller gives up."""


async def waited(event: Awaitable[Any], seconds: float, deadline: float | None) -> None:
    """Wait for `event`, at most `seconds`, and not up to the caller's `deadline` (monotonic seconds, None for none).

    A caller that waits over a hop would else give up just before it is told how things stand.
    """
    ends = asyncio.get_running_loop().time() + seconds
    if deadline is not None:
        ends = min(ends, deadline - ANSWER_S)
    limit = asyncio.timeout_at(ends)
    try:
        async with limit:
            await event
    except TimeoutError:
        if not limit.expired():
            raise


class Late(TimeoutError):
    """The time of `at_most` was over."""


async def at_most(awaitable: Awaitable[T], seconds: float) -> T:
    """Return what `awaitable` gives. Raises Late, with it cancelled, when it takes longer than `seconds`.

    What is there without waiting arms no timer: that would cost more than it.
    """
    step: Any = awaitable.__await__()
    try:
        waiting_for = step.send(None)
    except StopIteration as there:
        found: T = there.value
        return found
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            late: T = await resume(step, waiting_for)
            return late
    except TimeoutError:
        if limit.expired():
            raise Late from None
        raise
