"""Runs a suite where a fault was planted: what it finds."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Coroutine
from typing import Any

import pytest

from autobot.testing.virtual_time import VirtualTimeLoop


def virtually(main: Coroutine[Any, Any, None]) -> None:
    """Run a test in virtual time; what a fault leaves behind is not told."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.get_loop().set_exception_handler(lambda loop, context: None)
        runner.run(main)


def found_by(suite: Any) -> list[str]:
    """Run the plain tests of a suite and name those that fail."""
    found = []
    for name, test in inspect.getmembers(suite, inspect.ismethod):
        if not name.startswith("test_"):
            continue
        try:
            test()
        except (Exception, BaseExceptionGroup, pytest.fail.Exception):  # noqa: BLE001 - any failure counts
            found.append(name)
    return found
