"""Masks secrets in what is logged or kept, by the name of a field and by the look of a value. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

MASK: Final = "•••"
DEPTH_MAX: Final = 6
TEXT_MAX: Final = 4_000
"""Characters of one value; a log line is no place for a document."""
ITEMS_MAX: Final = 100

_NAMES: Final = re.compile(
    r"(?i)(pass(word|wd|phrase)|secret|token|authorization|cookie|api[_-]?key|private[_-]?key|signature"
    r"|credential|csrf|otp)"
)
_HARMLESS: Final = frozenset({"prompt_tokens", "completion_tokens", "max_tokens", "total_tokens", "tokens"})
_VALUES: Final = (
    (
        re.compile(r"(?i)\b(authorization[\"']?\s*[=:]\s*[\"']?)(?:(bearer|basic)\s+)?[^\s\"']+"),
        rf"\1\2 {MASK}",
    ),
    (re.compile(r"(?i)\b(bearer)\s+[A-Za-z0-9._~+/=-]{8,}"), rf"\1 {MASK}"),
    (re.compile(r"\b(ab_|sk-|sk_|ghp_|xox[abp]-)[A-Za-z0-9_-]{8,}"), rf"\1{MASK}"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"), MASK),
    (re.compile(r"(://)[^/\s:@]*:[^/\s@]*@"), rf"\1{MASK}@"),
    (
        re.compile(
            r"(?i)\b(autobot_session|csrf_token|password|secret|token|api[_-]?key)"
            r"([\"']?\s*[=:]\s*)[\"']?[^\s\"'&;,}]+"
        ),
        rf"\1\2{MASK}",
    ),
    (
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL),
        MASK,
    ),
    (re.compile(r"\$argon2id?\$\S+"), MASK),
)
_INTEGER_MAX: Final = 2**63


def mask_text(text: str) -> str:
    """Return `text` without what looks like a secret, shortened to 4,000 characters."""
    length = len(text)
    # Patterns see a margin beyond the cut, so that it leaves no half of a secret.
    text = text[: 2 * TEXT_MAX].encode("utf-8", "backslashreplace").decode("utf-8")
    for pattern, stand_in in _VALUES:
        text = pattern.sub(stand_in, text)
    return text if length <= TEXT_MAX else f"{text[:TEXT_MAX]}…({length} characters)"


def is_secret_name(name: str) -> bool:
    """Return whether a field of this name holds a secret."""
    return _NAMES.search(name) is not None and name.lower() not in _HARMLESS


def masked(value: Any, depth: int = 0) -> Any:
    """Return `value` as plain JSON types without secrets. Unknown objects become the name of their type."""
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if abs(value) < _INTEGER_MAX else hex(value)[:100]
    if isinstance(value, str):
        return mask_text(value)
    if depth >= DEPTH_MAX:
        return "…"
    if isinstance(value, Mapping):
        return {
            mask_text(str(name)): MASK if is_secret_name(str(name)) and inner else masked(inner, depth + 1)
            for name, inner in list(value.items())[:ITEMS_MAX]
        }
    if isinstance(value, bytes | bytearray):
        return f"{len(value)} bytes"
    if isinstance(value, Sequence | set | frozenset):
        return [masked(inner, depth + 1) for inner in list(value)[:ITEMS_MAX]]
    return type(value).__name__
