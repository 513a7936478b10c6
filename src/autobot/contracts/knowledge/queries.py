"""The log of queries: what was searched for, and what came of it. People use it to see what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Len

from autobot.contracts.knowledge.search import SearchGroup, SearchMode, Took
from autobot.contracts.knowledge.words import Id, Limit

QueryOutcome = Literal["nothing", "by_meaning", "found"]
"""Nothing was found; passages were found by meaning alone and none has a word of the question; passages were found."""
WhichQueries = Literal["all", "poor"]
"""All, or those that found nothing or found by meaning alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetQueries:
    """Take one's own queries out of the log, the oldest first; `more` in the answer says that some are left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueriesForgotten:
    """How many went, and whether there are more."""

    forgotten: int
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ListQueries:
    """One's own queries, the newest first."""

    which: WhichQueries = "all"
    limit: Limit = 50
    cursor: Annotated[str, Len(1, 500)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListQueriesOfAll:
    """Everybody's queries, the newest first; for administrators."""

    which: WhichQueries = "all"
    limit: Limit = 50
    cursor: Annotated[str, Len(1, 500)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedQuery:
    """A search that was made.

    Attributes:
        query: as it was asked, without what looks like a secret, cut at 1,000 characters.
        user_id: who asked; `username` is their name then.
        collection: what the search was narrowed to; None for all that the asker may read.
        group, limit, rerank: as they were asked for.
        found: how many results; `by_words` of them have words of the question.
        best_score: of the first result, by the last stage; None for no result.
        nearest: cosine (−1 to 1) of the nearest result to the question; None without vectors.
        degraded: code of why less was done than was asked for, empty for none.
        cited: whether a reply of a chat that searched so cites what was found; None when no reply rests on it.
    """

    id: str
    at: str
    query: str
    user_id: str
    username: str
    collection: Id | None
    mode: SearchMode
    group: SearchGroup
    limit: int
    rerank: bool | None
    outcome: QueryOutcome
    found: int
    by_words: int
    best_score: float | None
    nearest: float | None
    model: str
    degraded: str
    took: Took
    cited: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryPage:
    """A page of them."""

    items: tuple[LoggedQuery, ...]
    next_cursor: str | None = None
