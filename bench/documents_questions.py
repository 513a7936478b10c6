"""How often the built-in assistant answers from the right document in several languages, and how often it answers wrongly.

    python -m bench.documents_questions [--show]

`bench/data/documents_questions.jsonl` has passages in German, French, Spanish and English with questions that each answers,
and questions that none answers; passages in Chinese, Japanese, Korean and Thai are in `scripts.jsonl`. Questions under `held`
were written when the lists of words that only ask were done. All lie in one index, and searched is by words alone. A hit is an answer whose first citation is the right
passage; wrong is one with another first, or any answer from a document to what none answers; the rest is silent.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from autobot.adapters.sqlite.passages import SqlitePassages
from autobot.bootstrap.guide import read_guide
from autobot.contexts.agents.assistant.answering import best_of
from autobot.contexts.agents.tools import Excerpt
from autobot.contexts.knowledge.ports.index import PassageIndex, Where
from autobot.testing.conformance.passage_index_base import ids, passages_of, version_of
from bench.around import line

DATA: Final = Path(__file__).resolve().parent / "data"
PASSAGES: Final = 6
"""Passages that the assistant is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A question in a language, whether a document answers it, and what became of it: hit, wrong or silent."""

    language: str
    answerable: bool
    text: str
    verdict: str


async def judged(index: PassageIndex) -> list[Judged]:
    """Fill an index with the passages, and let the assistant answer every question."""
    guide, found = read_guide(), []
    rows = [
        json.loads(row)
        for name in ("documents_questions", "scripts")
        for row in (DATA / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    for number, row in enumerate(rows):
        if "text" in row:
            version = version_of(f"d{number}", title=row.get("title", ""))
            await index.put(version, passages_of(version, row["text"]), None)
    for number, row in enumerate(rows):
        for question in (*row.get("questions", ()), *row.get("held", ())):
            best = await index.passages(ids(await index.lexical(question, Where(), PASSAGES)))
            given = [Excerpt(title=one.title, source=one.document_id, text=one.text) for one in best]
            cited = [one.source for one in best_of(question, guide, given).citations]
            said = cited[0] if cited and cited[0] in {one.source for one in given} else ""
            verdict = "silent" if not said else "hit" if said == f"d{number}" and "text" in row else "wrong"
            answerable = "text" in row
            found.append(
                Judged(language=row["language"], answerable=answerable, text=question, verdict=verdict)
            )
    return found


def shares(found: list[Judged]) -> dict[tuple[str, bool], tuple[int, float, float]]:
    """Return of each language, of what is answered and what is not, how many were asked, and shares of hits and of wrong."""
    verdicts = defaultdict(Counter[str])
    for one in found:
        verdicts[one.language, one.answerable][one.verdict] += 1
    return {
        key: (of.total(), of["hit"] / of.total(), of["wrong"] / of.total()) for key, of in verdicts.items()
    }


async def _measured() -> list[Judged]:
    with tempfile.TemporaryDirectory() as folder:
        index = await SqlitePassages.open(Path(folder) / "passages.db")
        try:
            return await judged(index)
        finally:
            await index.close()


def main() -> str:
    """Return the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--show", action="store_true", help="name what was not hit")
    chosen = parser.parse_args()
    found = asyncio.run(_measured())
    rows = [line(), "", "| language | a document answers it | asked | hit | wrong |", "|---|---|---|---|---|"]
    rows += [
        f"| {language} | {'yes' if there else 'no'} | {count} | {hit:.1%} | {wrong:.1%} |"
        for (language, there), (count, hit, wrong) in shares(found).items()
    ]
    if chosen.show:
        rows += [
            f"{one.verdict}: {one.text}"
            for one in found
            if one.verdict != ("hit" if one.answerable else "silent")
        ]
    return "\n".join(rows)


if __name__ == "__main__":
    sys.stdout.write(main() + "\n")
