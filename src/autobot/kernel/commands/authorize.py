"""One `authorize`: roles and scopes compiled at start into a table, looked up in well under a microsecond."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from autobot.kernel.core.context import Principal, Role
from autobot.kernel.core.errors import NOT_YOURS, Forbidden, NotFound, Unauthenticated


class Verdict(Enum):
    """What a role may do with an action: on anything, on its own objects only, or not at all."""

    ALLOW = "allow"
    OWN = "own"
    DENY = "deny"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`action` is `context:verb`; each role gets a verdict, a role that is not named is denied."""

    action: str
    admin: Verdict = Verdict.DENY
    operator: Verdict = Verdict.DENY
    user: Verdict = Verdict.DENY
    viewer: Verdict = Verdict.DENY
    service: Verdict = Verdict.ALLOW


def scope_covers(scope: str, action: str) -> bool:
    """Say whether a scope word covers an action: `*`, `chat:*` or the action itself."""
    return scope == "*" or scope == action or (scope.endswith(":*") and action.startswith(scope[:-1]))


class Authorizer:
    """The compiled table. Deny by default: an action without a rule is refused to everyone."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._verdicts: dict[tuple[Role, str], Verdict] = {}
        self._actions: set[str] = set()
        for rule in rules:
            if rule.action in self._actions:
                raise ValueError(f"two rules for the action {rule.action}")
            self._actions.add(rule.action)
            for role in ("admin", "operator", "user", "viewer", "service"):
                self._verdicts[role, rule.action] = getattr(rule, role)
        self._scopes: dict[tuple[frozenset[str], str], bool] = {}

    @property
    def actions(self) -> frozenset[str]:
        """All actions that have a rule."""
        return frozenset(self._actions)

    def actions_of(self, role: Role) -> frozenset[str]:
        """Return what a role may do, on anything or on its own objects."""
        return frozenset(
            action
            for (who, action), verdict in self._verdicts.items()
            if who == role and verdict is not Verdict.DENY
        )

    def verdict(self, principal: Principal, action: str) -> Verdict:
        """Return what `principal` may do with `action`, its scopes included."""
        verdict = self._verdicts.get((principal.role, action), Verdict.DENY)
        if verdict is Verdict.DENY:
            return verdict
        key = (principal.scopes, action)
        covered = self._scopes.get(key)
        if covered is None:
            covered = any(scope_covers(scope, action) for scope in principal.scopes)
            if len(self._scopes) > 10_000:
                self._scopes.clear()
            self._scopes[key] = covered
        return verdict if covered else Verdict.DENY

    def authorize(self, principal: Principal, action: str, owner: str | None = None) -> None:
        """Let pass, or raise.

        `owner` is the user id that the object belongs to; None when the action has no object yet.
        Raises Unauthenticated for a nobody, Forbidden for a denied action, NotFound for someone else's
        object (its existence is not told).
        """
        verdict = self.verdict(principal, action)
        if verdict is Verdict.ALLOW:
            return
        if verdict is Verdict.OWN:
            if owner is None or owner == principal.user_id:
                return
            raise NotFound(NOT_YOURS)
        if not principal.user_id:
            raise Unauthenticated("Sign in, or send an API key as a bearer token.")
        raise Forbidden(f"{principal.username or principal.id} may not do {action}.")
