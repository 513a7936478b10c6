"""Words that facts, commands and answers about documents share."""

from __future__ import annotations

from typing import Annotated, Literal

from annotated_types import Ge, Le, Len, MaxLen

from autobot.kernel.core.validate import Pattern

COLLECTIONS_MAX = 20
"""Collections that one search looks into, when they are named."""

Id = Annotated[str, Len(1, 64), Pattern(r"[A-Za-z0-9_-]+")]
TITLE_MAX = 300
FILENAME_MAX = 255
PLACE_MAX = 1000
"""Characters of a path below a watched folder; of a longer one its end is kept."""
Title = Annotated[str, Len(1, TITLE_MAX)]
Tag = Annotated[str, Len(1, 60), Pattern(r"\S(.*\S)?")]
Tags = Annotated[tuple[Tag, ...], MaxLen(20)]
Name = Annotated[str, Len(1, 100)]
Person = Annotated[str, Len(1, 64)]
People = Annotated[tuple[Person, ...], MaxLen(200)]
Limit = Annotated[int, Ge(1), Le(200)]
BlobId = Annotated[str, Len(1, 140), Pattern(r"[A-Za-z0-9][A-Za-z0-9._-]*")]
Hash = Annotated[str, Len(64, 64), Pattern(r"[0-9a-f]+")]

State = Literal["queued", "ready", "failed", "cancelled"]
"""What a document's facts say of its newest version."""
Status = Literal["queued", "fetching", "parsing", "chunking", "embedding", "ready", "failed", "cancelled"]
"""The state as people see it: while it is worked on, what is being done."""
ENDED: frozenset[Status] = frozenset({"ready", "failed", "cancelled"})
"""States in which nothing is done with a document."""
Source = Literal["upload", "text", "url", "folder"]
"""How a document came."""
Everybody = Literal["none", "read", "write"]
"""What those who are not named in a collection may do with it."""

FILE_MAX = 100 * 1024 * 1024
"""Bytes of one original."""
PASTED_MAX = 1_000_000
"""Characters of a text that is pasted."""
