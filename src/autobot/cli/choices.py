"""Words that options and arguments take, where there are few: help names them, and so does what is said of another.

They are the contracts' own words, written out once more because loading the contracts would take every command longer
by half; a test holds the two together.
"""

from __future__ import annotations

from typing import Literal

Role = Literal["admin", "operator", "user", "viewer"]
Mode = Literal["hybrid", "lexical", "vector"]
Form = Literal["jsonl", "qrels", "topics"]
