"""Words of the identity context: what names, tokens and scopes may look like."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from annotated_types import Ge, Le, Len

from autobot.kernel.core.context import Principal
from autobot.kernel.core.validate import Pattern

UserRole = Literal["admin", "operator", "user", "viewer"]
SignInMethod = Literal["password", "link"]

Id = Annotated[str, Len(1, 64), Pattern(r"[A-Za-z0-9_-]+")]
Username = Annotated[str, Len(1, 64), Pattern(r"[A-Za-z0-9][A-Za-z0-9._@-]*")]
"""Unique without regard to case."""
GivenName = Annotated[str, Len(1, 200)]
"""What somebody types to sign in: any text, so that a wrong name and a wrong password are answered alike."""
NewPassword = Annotated[str, Len(8, 1024)]
GivenPassword = Annotated[str, Len(1, 1024)]
Token = Annotated[str, Len(1, 200), Pattern(r"[!-~]+")]
Scope = Annotated[str, Len(1, 100), Pattern(r"\*|[a-z][a-z0-9_]*:(\*|[a-z][a-z0-9_]*)")]
"""`*`, `context:*` or `context:verb`."""
KeyName = Annotated[str, Len(1, 100)]
Reason = Annotated[str, Len(0, 500)]
Limit = Annotated[int, Ge(1), Le(200)]
Cursor = Annotated[str, Len(1, 500)]

SIGN_IN: Final = "identity:sign_in"
VISITOR: Final = Principal(
    id="anonymous", kind="user", role="viewer", user_id="", scopes=frozenset({SIGN_IN}), username="anonymous"
)
"""Who has not signed in yet: may do that and nothing else."""
