"""Opens the log of a process: our entries, and those that libraries make with the standard module."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, TextIO

from autobot.adapters.logs.lines import Style
from autobot.adapters.logs.listener import LogListener
from autobot.adapters.logs.writer import Writer
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.errors import ConfigurationError

LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
_NOISY: Final = ("uvicorn.access", "asyncio", "aiohttp.access")
"""Libraries that log each request or each slow callback: warnings and errors only."""


class _Bridge(logging.Handler):
    """Passes records of the standard module on as entries."""

    def __init__(self, writer: Writer) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        fields: dict[str, Any] = {"logger": record.name}
        if record.exc_info and record.exc_info[0] is not None:
            fields["stack"] = "".join(traceback.format_exception(*record.exc_info))
        self._writer.put(record.levelname.lower(), record.getMessage(), fields)


@contextmanager
def open_log(
    stream: TextIO, clock: Clock, *, level: str = "info", style: Style = "json"
) -> Iterator[LogListener]:
    """Write the log to `stream` for the block, and yield the listener for hops and changes.

    `level` is debug, info, warning or error. What libraries log goes the same way; handlers that were
    there before come back at the end. Raises ConfigurationError for an unknown level.
    """
    if level not in LEVELS:
        raise ConfigurationError(f"The log level is {level!r}; write {', '.join(LEVELS)}.")
    writer = Writer(stream, style, clock)
    root = logging.getLogger()
    before, before_level = list(root.handlers), root.level
    noisy = {name: logging.getLogger(name).level for name in _NOISY}
    root.handlers[:] = [_Bridge(writer)]
    root.setLevel(LEVELS[level])
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(LEVELS[level], logging.WARNING))
    try:
        yield LogListener(writer, clock, level)
    finally:
        root.handlers[:] = before
        root.setLevel(before_level)
        for name, old in noisy.items():
            logging.getLogger(name).setLevel(old)
        writer.close()
