"""A log entry as a line: JSON for machines, plain for a terminal. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

import orjson

from autobot.kernel.core.masking import masked

Style = Literal["json", "text"]
_FIRST: Final = ("time", "level", "event")


def render(entry: Mapping[str, Any], style: Style) -> str:
    """Return one line, its end included. `entry` has `time`, `level` and `event`; secrets are masked here."""
    clean = masked(entry)
    if style == "json":
        return orjson.dumps(clean, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS).decode("utf-8")
    rest = " ".join(
        f"{name}={_shown(value)}" for name, value in clean.items() if name not in (*_FIRST, "stack")
    )
    line = f"{clean['time'][11:23]} {clean['level'].upper():<7} {clean['event']}  {rest}".rstrip() + "\n"
    return line + str(clean["stack"]) if clean.get("stack") else line


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value).decode("utf-8")
    return orjson.dumps(text).decode("utf-8") if any(one in text for one in ' "=\n') or not text else text
