"""JSON Pointers (RFC 6901)."""

from __future__ import annotations

from collections.abc import Iterable


def pointer_to(steps: Iterable[str | int]) -> str:
    """Return the pointer to a place in a JSON document: empty for the whole, `/a/0` for the first of `a`."""
    return "".join(f"/{escaped(one)}" for one in steps)


def escaped(step: str | int) -> str:
    """Return one step as it stands in a pointer."""
    return str(step).replace("~", "~0").replace("/", "~1")
