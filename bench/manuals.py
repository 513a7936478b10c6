"""How well search finds manual pages by what they say of themselves, through the product's own API.

    python -m bench.manuals FOLDER [--pages 700] [--questions 300] [--precision int8] [--stem german]

FOLDER holds compressed manual pages in folders of sections, such as `/usr/share/man` or `/usr/share/man/de` (Debian's packages
`manpages`, `manpages-dev`, `manpages-de`); groff sets them. A question is the short description of a page, which is taken out
of its text together with the whole first section: one page answers it. Pages, and those asked for, are drawn by a fixed seed.
So the set is of another kind than Cranfield, where many documents answer a question, and nothing was chosen by it.

With `--stem` words alone are looked for besides, in an index of FTS5, as they are, by Porter's stems of English, and by those
of a Snowball stemmer of that language, which must be installed here (`snowballstemmer`).
"""

from __future__ import annotations

import argparse
import gzip
import importlib
import random
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, get_args

from autobot.contexts.knowledge.domain.quality import ndcg, recall
from autobot.testing.client import Client
from autobot.testing.harness import ServerProcess
from autobot.workers.npu.options import Precision
from bench.cranfield import DEPTH, Labelled, tabled

SET: Final = ("groff", "-Tutf8", "-mandoc", "-rLL=1000n", "-P-c", "-P-b", "-P-u")
LEAST, MOST = 400, 4_000
"""Characters that a page must have without its first section, and that are kept of it."""
SEED: Final = 5


def page_of(file: Path) -> tuple[str, str, str] | None:
    """Return names, text and short description of a page; None for one that has none of these, or is only a reference."""
    done = subprocess.run(SET, input=gzip.decompress(file.read_bytes()), capture_output=True, check=False)
    text = re.sub(r"\x1b\[[0-9;]*m|.\x08", "", done.stdout.decode("utf-8", "replace"))
    first = re.search(r"(?ms)^(?:NAME|BEZEICHNUNG)\n(.*?)\n(?=^\S)", text)
    if first is None:
        return None
    names, dash, says = re.sub(r"\s+[-–—]\s+", "\n", " ".join(first[1].split()), count=1).partition("\n")
    rest = text[first.end() :].strip()
    if not dash or len(says.split()) < 3 or len(rest) < LEAST:
        return None
    return names[:150], rest[:MOST], says


def read(folder: Path, pages: int, questions: int) -> Labelled:
    """Return the set."""
    chance = random.Random(SEED)
    files = sorted(one for one in folder.glob("man[1-8]/*.gz") if not one.is_symlink())
    chance.shuffle(files)
    held: dict[str, tuple[str, str, str]] = {}
    for file in files:
        if len(held) < pages and (page := page_of(file)) is not None:
            held[file.name.removesuffix(".gz")] = page
    asked = chance.sample(list(held), min(questions, len(held)))
    return Labelled(
        documents={name: page[:2] for name, page in held.items()},
        questions=[held[name][2] for name in asked],
        grades=[{name: 1.0} for name in asked],
    )


def stemmed(known: Labelled, language: str) -> list[str]:
    """Return how good words alone are, by the way that they are reduced to stems."""
    snowball: Any = importlib.import_module("snowballstemmer")
    ways: dict[str, Callable[[Sequence[str]], Sequence[str]]] = {"as they are": list}
    ways |= {one: snowball.stemmer(one).stemWords for one in ("porter", language)}
    rows = ["| stems | nDCG@10 | recall@100 |", "|---|---|---|"]
    for name, stems in ways.items():
        index = sqlite3.connect(":memory:")
        index.execute("CREATE VIRTUAL TABLE pages USING fts5(id UNINDEXED, title, text)")
        index.executemany(
            "INSERT INTO pages VALUES(?,?,?)",
            [
                (number, *(" ".join(stems(_words(one))) for one in page))
                for number, page in known.documents.items()
            ],
        )
        good, found = [], []
        for question, grades in zip(known.questions, known.grades, strict=True):
            match = " OR ".join(f'"{one}"' for one in dict.fromkeys(stems(_words(question))))
            sql = "SELECT id FROM pages WHERE pages MATCH ? ORDER BY rank LIMIT ?"
            ids = [row[0] for row in index.execute(sql, (match, DEPTH))]
            good.append(ndcg(ids, grades, 10))
            found.append(recall(ids, grades, DEPTH))
        rows.append(f"| {name} | {statistics.fmean(good):.4f} | {statistics.fmean(found):.4f} |")
    return rows


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pages", type=int, default=700)
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--precision", choices=get_args(Precision), default="f32")
    parser.add_argument("--stem")
    chosen = parser.parse_args()
    known = read(chosen.folder, chosen.pages, chosen.questions)
    rows = [f"{len(known.documents)} pages, {len(known.questions)} questions", ""]
    if chosen.stem:
        rows += [*stemmed(known, chosen.stem), ""]
    with tempfile.TemporaryDirectory(prefix="autobot-bench-") as folder:
        worker = {"AUTOBOT_NPU_DEVICE": "AUTO", "AUTOBOT_NPU_PRECISION": chosen.precision}
        with ServerProcess(Path(folder) / "data", worker) as server:
            with Client(server.local, key=server.key("knowledge:*")) as client:
                rows += tabled(client, known)[0]
    sys.stdout.write("\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
