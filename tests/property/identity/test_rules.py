"""The authorization table of identity, settings and actions, against its plain reading in words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autobot.contexts.actions.module import RULES as ACTIONS
from autobot.contexts.identity.module import RULES as IDENTITY
from autobot.contexts.settings.module import RULES as SETTINGS
from autobot.contracts.identity import VISITOR
from autobot.kernel.commands.authorize import Authorizer, Verdict
from autobot.kernel.core.context import ANONYMOUS, Principal
from autobot.kernel.core.errors import AutoBotError, Forbidden, NotFound, Unauthenticated

TABLE = Authorizer((*IDENTITY, *SETTINGS, *ACTIONS))

# Who may do what, written by hand: action → roles on anything / roles on their own. Everyone else is denied.
ALL = {"admin", "operator", "user", "viewer"}
ON_ANYTHING = {
    "identity:sign_in": ALL,
    "identity:sign_out": ALL,
    "identity:me": ALL,
    "identity:reveal": ALL,
    "identity:users": {"admin"},
    "identity:keys": {"admin"},
    "identity:password": {"admin"},
    "identity:people": {"admin", "operator", "user"},
    "settings:read": {"admin", "operator"},
    "settings:write": {"admin"},
    "actions:process": {"admin", "operator", "user"},
    "actions:read": set(),
    "actions:record": set(),
    "actions:erase": set(),
    "identity:remove": set(),
}
ON_ONES_OWN = {
    "identity:keys": {"operator", "user", "viewer"},
    "identity:password": {"operator", "user", "viewer"},
    "actions:read": ALL,
}
ACTION = st.sampled_from(sorted(TABLE.actions))
ROLE: st.SearchStrategy[Any] = st.sampled_from(sorted(ALL))
SCOPE = st.one_of(
    st.just("*"),
    ACTION,
    ACTION.map(lambda action: action.partition(":")[0] + ":*"),
    st.sampled_from(["chat:*", "identity", "identity:", ":*", "*:*", "identity:user", "settings:rea*"]),
)
SCOPES = st.frozensets(SCOPE, max_size=4)


def principal(role: Any, scopes: frozenset[str]) -> Principal:
    """Return somebody."""
    return Principal(id="me", kind="key", role=role, user_id="me", scopes=scopes)


def covered(scopes: frozenset[str], action: str) -> bool:
    """Say, from the words, whether scopes reach an action."""
    return "*" in scopes or action in scopes or action.partition(":")[0] + ":*" in scopes


def test_the_hand_written_table_is_whole() -> None:
    """Every action of the three contexts stands in the table that the other tests compare with."""
    assert TABLE.actions == frozenset(ON_ANYTHING)


@given(role=ROLE, scopes=SCOPES, action=ACTION)
def test_verdicts_are_those_in_words(role: Any, scopes: frozenset[str], action: str) -> None:
    """Allowed is what the role may do and the scopes cover; nothing else, whatever the combination."""
    expected = Verdict.DENY
    if covered(scopes, action):
        if role in ON_ANYTHING[action]:
            expected = Verdict.ALLOW
        elif role in ON_ONES_OWN.get(action, set()):
            expected = Verdict.OWN
    assert TABLE.verdict(principal(role, scopes), action) is expected


@given(role=ROLE, scopes=SCOPES, more=SCOPES, action=ACTION)
def test_more_scopes_never_take_away(
    role: Any, scopes: frozenset[str], more: frozenset[str], action: str
) -> None:
    """Adding scopes never turns a yes into a no, and no scope gives what the role does not."""
    few, many = principal(role, scopes), principal(role, scopes | more)
    if TABLE.verdict(few, action) is not Verdict.DENY:
        assert TABLE.verdict(many, action) is TABLE.verdict(few, action)
    whole = TABLE.verdict(principal(role, frozenset({"*"})), action)
    assert TABLE.verdict(many, action) in (whole, Verdict.DENY)


@given(role=ROLE, scopes=SCOPES, action=ACTION, owner=st.sampled_from([None, "me", "somebody"]))
def test_the_answer_follows_the_verdict(
    role: Any, scopes: frozenset[str], action: str, owner: str | None
) -> None:
    """Denied is Forbidden; somebody else's object is NotFound, as if it did not exist; the rest passes."""
    who = principal(role, scopes)
    verdict = TABLE.verdict(who, action)
    if verdict is Verdict.ALLOW or (verdict is Verdict.OWN and owner in (None, "me")):
        TABLE.authorize(who, action, owner)
        return
    with pytest.raises(NotFound if verdict is Verdict.OWN else Forbidden):
        TABLE.authorize(who, action, owner)


@given(action=st.one_of(ACTION, st.text(max_size=30)))
def test_nobody_is_let_in_without_a_rule(action: str) -> None:
    """A visitor may sign in and nothing else; the nameless may nothing; an unknown action is denied to all."""
    if action == "identity:sign_in":
        TABLE.authorize(VISITOR, action)
    else:
        with pytest.raises(AutoBotError):
            TABLE.authorize(VISITOR, action)
    with pytest.raises(Unauthenticated):
        TABLE.authorize(ANONYMOUS, action)
    if action not in TABLE.actions:
        for role in sorted(ALL):
            with pytest.raises(Forbidden):
                TABLE.authorize(principal(role, frozenset({"*"})), action)
