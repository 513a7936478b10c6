"""How tests are dealt out to the workers of pytest-xdist: those that share a server go to one, the long ones first.

xdist's own `loadgroup` writes groups into the names of tests, where they are lost; here the names alone decide.
"""

from __future__ import annotations

import re
from typing import Final

GROUPS: Final = (
    (r"product/test_\w+\.py::.*\[scaled\b", "the product with roles apart"),
    (r"scaled/test_(archives|consumers|documents|gateways|read_models|roles_apart)\.py", "roles apart"),
    (r"(product/test_(any_request|dead_letters|read_models_cli)|scaffold/test_new)\.py", ""),
    (r"product/test_\w+\.py::.*\[postgres\b", "the product on PostgreSQL"),
    (
        r"product/test_(accounts|agents|chat|idempotency|ownership|read_model_changes|settings_and_log|the_past)\.py",
        "the product",
    ),
    (r"documents/test_(archives|changing|documents|following|question_sets|search)\.py", "documents"),
    (r"(npu|product|scaled|documents)/", ""),
)
"""Patterns of tests below `tests/integration`, and the group that each makes, by what it shares; empty for groups by file.

They are dealt out in this order, so that no worker begins what is long when the others end.
"""
BELOW: Final = "tests/integration/"


def _found(test: str) -> tuple[int, str]:
    if test.startswith(BELOW):
        for place, (pattern, group) in enumerate(GROUPS):
            if re.match(pattern, test.removeprefix(BELOW)):
                return place, group
    return len(GROUPS), ""


def group_of(test: str) -> str:
    """Return the group that a test is dealt out with, by its node id."""
    return _found(test)[1] or test.partition("::")[0]


def place_of(test: str) -> int:
    """Return the place of a test's group in the order of dealing; files that no pattern knows come last."""
    return _found(test)[0]
