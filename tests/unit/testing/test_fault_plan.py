"""A plan of faults follows from its seed alone."""

from __future__ import annotations

from collections import Counter

import pytest

from autobot.testing.fault_plan import OF_DATABASES, OF_PROCESSES, Kind, fault_plan

KINDS: dict[Kind, int] = {**OF_PROCESSES, **OF_DATABASES}


def test_the_same_seed_gives_the_same_plan_and_a_longer_one_begins_with_it() -> None:
    """So a finding is repeated by its seed and number of faults, and a soak can be made longer."""
    plan = fault_plan(7, 50, kinds=KINDS, roles=("backend", "ai"))
    assert plan == fault_plan(7, 50, kinds=KINDS, roles=("backend", "ai"))
    assert fault_plan(7, 80, kinds=KINDS, roles=("backend", "ai"))[:50] == plan
    assert fault_plan(8, 50, kinds=KINDS, roles=("backend", "ai")) != plan


def test_every_kind_and_role_comes_about_as_often_as_its_weight_says() -> None:
    """Two thousand faults hold each kind within a third of its share, each role within a tenth of its."""
    plan = fault_plan(1, 2000, kinds=KINDS, roles=("gateway", "backend"))
    seen = Counter(one.kind for one in plan)
    for kind, weight in KINDS.items():
        share = 2000 * weight / sum(KINDS.values())
        assert share * 2 / 3 < seen[kind] < share * 4 / 3, kind
    assert 900 < Counter(one.role for one in plan)["gateway"] < 1100


def test_a_plan_of_nothing_is_refused() -> None:
    """No kinds or no roles is a mistake, not a soak that proves anything."""
    with pytest.raises(ValueError, match="needs"):
        fault_plan(1, 1, kinds={})
    with pytest.raises(ValueError, match="needs"):
        fault_plan(1, 1, kinds=KINDS, roles=())
