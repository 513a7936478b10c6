"""How often the built-in assistant answers from the right page of the guide, and how often it answers wrongly.

    python -m bench.guide_questions [--show]

`bench/data/guide_questions.jsonl` has questions with the pages that answer each, and others that the guide does not
answer. A hit is an answer whose first passage is of such a page; wrong is one whose first passage is of another page,
or any answer to what the guide does not answer; the rest says that nothing fits.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from autobot.bootstrap.guide import read_guide
from autobot.contexts.agents.assistant.answering import answer
from bench.around import line

QUESTIONS: Final = Path(__file__).resolve().parent / "data" / "guide_questions.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A question, and what became of it: hit, wrong or silent, with the page that was quoted."""

    question: str
    pages: tuple[str, ...]
    said: str
    verdict: str


def judged() -> list[Judged]:
    """Answer every question and judge it."""
    guide, found = read_guide(), []
    for row in QUESTIONS.read_text(encoding="utf-8").splitlines():
        one = json.loads(row)
        cited = answer(one["question"], guide).citations
        said = cited[0].source.removeprefix("guide/").partition("#")[0] if cited else ""
        verdict = "silent" if not said else "hit" if said in one["pages"] else "wrong"
        found.append(Judged(question=one["question"], pages=tuple(one["pages"]), said=said, verdict=verdict))
    return found


def main() -> str:
    """Return the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--show", action="store_true", help="name what was not hit")
    chosen = parser.parse_args()
    found = judged()
    rows = [line(), "", "| questions | asked | hit | wrong | silent |", "|---|---|---|---|---|"]
    for name, part in (
        ("that the guide answers", [one for one in found if one.pages]),
        ("that it does not", [one for one in found if not one.pages]),
    ):
        count = Counter(one.verdict for one in part)
        shares = " | ".join(f"{count[it] / len(part):.1%}" for it in ("hit", "wrong", "silent"))
        rows.append(f"| {name} | {len(part)} | {shares} |")
    if chosen.show:
        rows += [
            f"{one.verdict}: {one.question} ({', '.join(one.pages) or 'nowhere'}; said {one.said or '-'})"
            for one in found
            if one.verdict != ("hit" if one.pages else "silent")
        ]
    return "\n".join(rows)


if __name__ == "__main__":
    sys.stdout.write(main() + "\n")
