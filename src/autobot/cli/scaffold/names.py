"""The names that a new context gets. Pure."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from typing import Final

from autobot.kernel.core.errors import InvalidInput

WORDS: Final = re.compile(r"[a-z]+(_[a-z]+)*")
LONGEST: Final = 20
RESERVED: Final = frozenset({"docs", "events", "metrics", "openapi", "problems", "runs", "test", "ws"})
"""Words of the product's own addresses and streams."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextNames:
    """`name` is the context (`bookmarks`), `entity` what it keeps (`bookmark`)."""

    name: str
    entity: str

    @property
    def pascal(self) -> str:
        """The entity as classes are called."""
        return "".join(word.capitalize() for word in self.entity.split("_"))

    @property
    def words(self) -> str:
        """The entity as people read it."""
        return self.entity.replace("_", " ")

    @property
    def classes(self) -> frozenset[str]:
        """The commands and queries, which the control socket finds by name."""
        return frozenset({f"Add{self.pascal}", f"Get{self.pascal}", f"List{self.pascal}s"})


def names_of(name: str, entity: str | None = None) -> ContextNames:
    """Return the names. Without `entity` it is the name without its last s. Raises InvalidInput."""
    one = entity or (name[:-1] if name.endswith("s") and not name.endswith("ss") and len(name) > 2 else name)
    for word in (name, one):
        if not WORDS.fullmatch(word) or not 2 <= len(word) <= LONGEST:
            raise InvalidInput(
                f"{word!r} cannot be the name of a context or of what it keeps.",
                hint=f"Use 2 to {LONGEST} small letters, words joined by _, as in reading_lists.",
            )
        if keyword.iskeyword(word) or keyword.issoftkeyword(word) or word in RESERVED:
            raise InvalidInput(f"{word!r} is a word of Python or of AutoBot itself.", hint="Choose another.")
    return ContextNames(name=name, entity=one)
