"""Which role serves what, and which rows leave a process."""

import pytest

from autobot.bootstrap.placing import EMBEDDED, HOPS, ROLES, alone


def test_embedded_has_no_hop() -> None:
    """One process serves every context, and no row leaves it or comes in."""
    assert EMBEDDED.serves("chat")
    assert EMBEDDED.serves("agents")
    assert not any(EMBEDDED.outgoing(row) or EMBEDDED.incoming(row) for row in HOPS)


@pytest.mark.parametrize("row", HOPS)
def test_apart_each_hop_leaves_one_role_and_arrives_at_one(row: str) -> None:
    """Every row between roles has exactly one end that calls and one that answers; workers hold no part of the product."""
    caller, callee = HOPS[row]
    assert [role for role in ROLES if alone(role).outgoing(row)] == [caller]
    assert [role for role in ROLES if alone(role).incoming(row)] == [one for one in ROLES if one == callee]


def test_each_context_is_served_by_one_role() -> None:
    """Agents run in ai, all others in backend, none in the gateway."""
    for context in ("agents", "chat", "identity", "settings", "system"):
        assert sum(alone(role).serves(context) for role in ROLES) == 1
    assert alone("ai").serves("agents")
    assert not alone("gateway").serves("chat")


def test_backend_goes_on_where_the_embedded_groups_stood() -> None:
    """Its consumer groups keep their names, so data that moved is not handled twice; ai's have their own."""
    assert EMBEDDED.group("reactions") == alone("backend").group("reactions") == "reactions"
    assert alone("ai").group("reactions") == "reactions-ai"
