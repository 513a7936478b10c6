"""The words for how one version of a message's schema follows another."""

from __future__ import annotations

from typing import Final, Literal, get_args

Mode = Literal[
    "none", "backward", "backward_transitive", "forward", "forward_transitive", "full", "full_transitive"
]
"""`backward`: the new schema reads old messages; `forward`: the old one reads new messages; `full`: both.

Without `_transitive` the newest version before it counts, with it every one.
"""
MODES: Final[tuple[Mode, ...]] = get_args(Mode)
