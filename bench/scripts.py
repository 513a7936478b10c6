"""How well words find passages in languages that put no space between words.

    python -m bench.scripts

`bench/data/scripts.jsonl` has passages in Chinese, Japanese, Korean and Thai, and for each some single words and whole
questions that it alone answers. All passages lie in one index; searched is by words alone, no model takes part. hit@1 is the
share of questions whose passage comes first, recall@3 of those whose passage is among the first three.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from autobot.adapters.sqlite.passages import SqlitePassages
from autobot.contexts.knowledge.ports.index import PassageIndex, Where
from autobot.testing.conformance.passage_index_base import ids, passages_of, version_of
from bench.around import line

PASSAGES: Final = Path(__file__).resolve().parent / "data" / "scripts.jsonl"
NEAR: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A word or a question in a language, and at which place its passage was found, from 1 on; None when it was not."""

    language: str
    kind: str
    text: str
    place: int | None


async def asked(index: PassageIndex) -> list[Asked]:
    """Fill an index with the passages and ask it for everything."""
    rows = [json.loads(row) for row in PASSAGES.read_text(encoding="utf-8").splitlines()]
    for number, row in enumerate(rows):
        version = version_of(f"d{number}", title="")
        await index.put(version, passages_of(version, row["text"]), None)
    answers = []
    for number, row in enumerate(rows):
        for kind in ("words", "questions"):
            for text in row[kind]:
                found = ids(await index.lexical(text, Where(), 10))
                own = f"d{number}.1.0"
                place = found.index(own) + 1 if own in found else None
                answers.append(Asked(language=row["language"], kind=kind, text=text, place=place))
    return answers


def shares(answers: list[Asked]) -> dict[tuple[str, str], tuple[int, float, float]]:
    """Return of each language and kind how many were asked, hit@1 and recall@3."""
    places = defaultdict(list)
    for one in answers:
        places[one.language, one.kind].append(one.place or NEAR + 1)
    return {
        key: (
            len(of),
            sum(place == 1 for place in of) / len(of),
            sum(place <= NEAR for place in of) / len(of),
        )
        for key, of in places.items()
    }


async def _measured() -> list[Asked]:
    with tempfile.TemporaryDirectory() as folder:
        index = await SqlitePassages.open(Path(folder) / "passages.db")
        try:
            return await asked(index)
        finally:
            await index.close()


def main() -> str:
    """Return the figures."""
    answers = asyncio.run(_measured())
    rows = [line(), "", "| language | asked by | asked | hit@1 | recall@3 |", "|---|---|---|---|---|"]
    rows += [
        f"| {language} | {kind} | {count} | {first:.1%} | {near:.1%} |"
        for (language, kind), (count, first, near) in shares(answers).items()
    ]
    missed = [f"{one.text} ({one.place or 'not found'})" for one in answers if one.place != 1]
    return "\n".join([*rows, "", f"Not first: {'; '.join(missed) or 'none'}."])


if __name__ == "__main__":
    sys.stdout.write(main() + "\n")
