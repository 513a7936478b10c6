"""How good search is on the Cranfield set, through the product's own API: upload, index, search.

    python -m bench.cranfield [--server URL --key KEY | --precision int8] [--rerank]

Without a server one is started on a folder of its own, whose worker computes in the precision asked for. Each abstract is added as a document with its title; the two
empty ones must be refused (422) and count as not found. Then all 225 questions are searched in each mode, each
document once (`group=document`), 100 results, and judged by nDCG@10 (gain 2^g - 1), recall@100 and MRR@10 over all
questions. Where there is no embedding model, only words are measured, and that is said. With `--rerank` hybrid search is
measured once more with its best results put in order anew, by a cross-encoder where the server has one, else by vectors.
"""

from __future__ import annotations

import argparse
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args

from autobot.contexts.knowledge.domain.quality import ndcg, recall, reciprocal_rank
from autobot.testing.client import Client, Reply
from autobot.testing.harness import ServerProcess
from autobot.workers.npu.options import Precision
from bench.around import line

DATA: Final = Path(__file__).resolve().parent / "data" / "cranfield"
BASE: Final = "/api/v1/knowledge_base"
EMPTY: Final = {"471", "995"}
DEPTH: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """Documents (title and text) by number, questions in order, grades (in Cranfield 1 to 4) of documents by question."""

    documents: Mapping[str, tuple[str, str]]
    questions: Sequence[str]
    grades: Sequence[Mapping[str, float]]


def read(folder: Path = DATA) -> Labelled:
    """Return the set."""
    documents = {}
    for part in re.split(r"(?m)^\.I ", (folder / "cran.all.1400").read_text(encoding="ascii"))[1:]:
        number, rest = part.split("\n", 1)
        fields = dict(re.findall(r"(?ms)^\.([TABW])\n(.*?)(?=^\.[TABW]\n|\Z)", rest))
        documents[number.strip()] = (" ".join(fields.get("T", "").split()), fields.get("W", "").strip())
    parts = re.split(r"(?m)^\.I ", (folder / "cran.qry").read_text(encoding="ascii"))[1:]
    questions = [" ".join(part.split(".W\n", 1)[1].split()) for part in parts]
    grades: list[dict[str, float]] = [{} for _ in questions]
    for row in (folder / "cranqrel").read_text(encoding="ascii").splitlines():
        question, document, code = (int(one) for one in row.split()[:3])
        grades[question - 1][str(document)] = 5.0 - (1 if code == -1 else code)
    return Labelled(documents=documents, questions=questions, grades=grades)


def patient(client: Client, method: str, path: str, body: Any = None) -> Reply:
    """Ask, and again after the time that a quota names."""
    while (reply := client(method, path, body)).status == 429:
        time.sleep(float(reply.headers["retry-after"]))
    return reply


def add_all(client: Client, known: Labelled) -> dict[str, str]:
    """Add every document and wait until each is ready; returns the set's number by document id."""
    numbers = {}
    for number, (title, text) in known.documents.items():
        body = {"title": title or f"Document {number}", "text": text}
        reply = patient(client, "POST", f"{BASE}/documents", body)
        if number in EMPTY:
            assert reply.status == 422, (number, reply.status)
        else:
            numbers[reply.expect(202).json["id"]] = number
    for document in numbers:
        path = f"{BASE}/documents/{document}"
        while (view := patient(client, "GET", path).expect(200).json)["status"] != "ready":
            assert view["status"] not in ("failed", "cancelled"), view
            time.sleep(0.5)
    return numbers


def measured(
    client: Client, known: Labelled, numbers: Mapping[str, str], mode: str, *, rerank: bool = False
) -> dict[str, Any]:
    """Search every question, and return the measures with the mode, and what put in order, that were used."""
    figures: dict[str, list[float]] = {"ndcg": [], "recall": [], "mrr": [], "ms": []}
    used, judges = set(), set()
    for question, grades in zip(known.questions, known.grades, strict=True):
        body = {"query": question, "limit": DEPTH, "mode": mode, "group": "document", "rerank": rerank}
        began = time.perf_counter()
        answer = patient(client, "POST", f"{BASE}/search", body).expect(200).json
        figures["ms"].append((time.perf_counter() - began) * 1000)
        used.add(answer["mode"])
        if rerank:
            stage = answer["rerank"]
            judges.add(f"{stage['passages']} by {stage['by']}" if stage["by"] else stage["left_out"]["code"])
        found = [numbers[one["document_id"]] for one in answer["items"]]
        figures["ndcg"].append(ndcg(found, grades, 10))
        figures["recall"].append(recall(found, grades, DEPTH))
        figures["mrr"].append(reciprocal_rank(found, grades, 10))
    return {name: statistics.fmean(values) for name, values in figures.items()} | {
        "used": used,
        "judges": judges,
    }


def _row(name: str, one: Mapping[str, Any]) -> str:
    return f"| {name} | {one['ndcg']:.4f} | {one['recall']:.4f} | {one['mrr']:.4f} | {one['ms']:.0f} |"


def tabled(client: Client, known: Labelled) -> tuple[list[str], Mapping[str, str]]:
    """Add every document and measure each mode; returns the rows of the table, and the set's number by document id."""
    began = time.perf_counter()
    numbers = add_all(client, known)
    rows = [line(), "", f"{len(numbers)} documents ready after {time.perf_counter() - began:.0f} s.", ""]
    rows += ["| mode | nDCG@10 | recall@100 | MRR@10 | ms a search |", "|---|---|---|---|---|"]
    for mode in ("lexical", "vector", "hybrid"):
        probe = patient(client, "POST", f"{BASE}/search", {"query": "wing", "mode": mode})
        if probe.status == 503 or probe.expect(200).json["mode"] != mode:
            rows.append(f"| {mode} | no embedding model | | | |")
            continue
        one = measured(client, known, numbers, mode)
        assert one["used"] == {mode}, one["used"]
        rows.append(_row(mode, one))
    return rows, numbers


def main(words: Sequence[str] | None = None) -> str:
    """Return the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server")
    parser.add_argument("--key")
    parser.add_argument("--precision", choices=get_args(Precision), default="f32")
    parser.add_argument("--rerank", action="store_true")
    chosen = parser.parse_args(words)
    known = read()
    with ExitStack() as stack:
        if chosen.server:
            client = stack.enter_context(Client(chosen.server, key=chosen.key))
        else:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="autobot-bench-")))
            worker = {"AUTOBOT_NPU_DEVICE": "AUTO", "AUTOBOT_NPU_PRECISION": chosen.precision}
            server = stack.enter_context(ServerProcess(folder / "data", worker))
            client = stack.enter_context(Client(server.local, key=server.key("knowledge:*")))
        rows, numbers = tabled(client, known)
        if chosen.rerank:
            one = measured(client, known, numbers, "hybrid", rerank=True)
            rows.append(_row(f"hybrid, reranked: {', '.join(sorted(one['judges']))}", one))
    return "\n".join(rows)


if __name__ == "__main__":
    sys.stdout.write(main() + "\n")
