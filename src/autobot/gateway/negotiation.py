"""Preferences of clients with quality values (RFC 9110 §12.4.2): `Accept` and `Accept-Encoding`. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

_QUALITY: Final = re.compile(r"q[ \t]*=[ \t]*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)", re.IGNORECASE)
_ALIASES: Final = {"x-gzip": "gzip", "x-compress": "compress"}
"""Old names of codings that mean the same (§8.4.1)."""

ANY: Final = "*"
IDENTITY: Final = "identity"


@lru_cache(maxsize=512)
def qualities(field: bytes) -> Mapping[str, float]:
    """Return what a field names, in lower case, with its weight (0–1; 1 where none is given).

    Members that are malformed, or whose weight is, are passed over; of a name that stands twice the first counts.
    Parameters other than the weight do not tell members apart.
    """
    found: dict[str, float] = {}
    for member in field.decode("latin-1").lower().split(","):
        name, *params = (part.strip(" \t") for part in member.split(";"))
        weights = [_QUALITY.fullmatch(param) for param in params if param.startswith("q")]
        if name and all(weights):
            weight = float(weights[0][1]) if weights and weights[0] else 1.0
            found.setdefault(_ALIASES.get(name, name), weight)
    return found


@lru_cache(maxsize=512)
def preferred_coding(field: bytes, available: tuple[str, ...]) -> str:
    """Return the content coding of an answer to `Accept-Encoding` (§12.5.3): one of `available`, or `identity`.

    The highest weight wins; among equals the order of `available`, and any of them before `identity`, which is
    acceptable unless it is refused. When nothing is acceptable the answer is sent as it is, which §12.4.1 allows.
    """
    wanted = qualities(field)
    rest = wanted.get(ANY, 0.0)
    best, weight = IDENTITY, wanted.get(IDENTITY, 0.0)
    for coding in available:
        mine = wanted.get(coding, rest)
        if mine > weight or (mine == weight > 0 and best == IDENTITY):
            best, weight = coding, mine
    return best


def refuses_identity(field: bytes) -> bool:
    """Say whether an answer without a coding is unacceptable: `identity;q=0`, or `*;q=0` without `identity`."""
    wanted = qualities(field)
    return wanted.get(IDENTITY, wanted.get(ANY, 1.0)) == 0


def prefers(field: bytes, kind: str, other: str) -> bool:
    """Say whether `Accept` names the media type `kind`, and not with a lower weight than `other` (§12.5.1)."""
    wanted = qualities(field)
    mine = wanted.get(kind, 0.0)
    whole = other.partition("/")[0] + "/*"
    return mine > 0 and mine >= wanted.get(other, wanted.get(whole, wanted.get("*/*", 0.0)))
