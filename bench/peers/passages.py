"""tantivy for words and faiss for vectors, for `python -m bench.knowledge_peers`.

Runs in an environment of its own, which has no AutoBot: `passages.py FOLDER` reads texts, vectors and questions of a
folder and writes one JSON line: processor milliseconds a search, and what vectors found.
"""

from __future__ import annotations

import json
import re
import sys
import time
from importlib.metadata import version
from pathlib import Path

import faiss
import numpy as np
import tantivy

NAMED = 100
NEIGHBOURS, BUILT, SEARCHED = 16, 128, 100


def ms(search, asked):
    """Return processor milliseconds of this process for each search."""
    for one in asked[:3]:
        search(one)
    before = time.process_time()
    for one in asked:
        search(one)
    return (time.process_time() - before) / len(asked) * 1000


def by_words(folder, texts, questions):
    """Return what searches by words take, any of a question's words, best first, with English stems."""
    schema = tantivy.SchemaBuilder().add_text_field("text", tokenizer_name="en_stem").build()
    (folder / "tantivy").mkdir()
    index = tantivy.Index(schema, path=str(folder / "tantivy"))
    writer = index.writer(num_threads=1)
    for text in texts:
        writer.add_document(tantivy.Document(text=text))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    searcher = index.searcher()

    def search(question):
        asked = " ".join(re.findall(r"\w+", question.lower()))
        return searcher.search(index.parse_query(asked, ["text"]), NAMED).hits

    if not search(questions[0]):
        raise SystemExit("tantivy found nothing")
    return ms(search, questions)


def by_vectors(vectors, asked):
    """Return what searches by vectors take, and the places of the first ten of each."""
    faiss.omp_set_num_threads(1)
    index = faiss.IndexHNSWFlat(vectors.shape[1], NEIGHBOURS, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction, index.hnsw.efSearch = BUILT, SEARCHED
    index.add(vectors)
    took = ms(lambda one: index.search(one[None, :], NAMED), asked)
    return took, index.search(asked, NAMED)[1][:, :10].tolist()


def main():
    """Measure and say so."""
    folder = Path(sys.argv[1])
    told = json.loads((folder / "texts.json").read_text(encoding="utf-8"))
    vectors, asked = np.load(folder / "vectors.npy"), np.load(folder / "asked.npy")
    took, found = by_vectors(vectors, asked)
    words = by_words(folder, told["texts"], told["questions"])
    versions = {one: version(one) for one in ("tantivy", "faiss-cpu")}
    print(json.dumps({"words": words, "vectors": took, "found": found, "versions": versions}))


if __name__ == "__main__":
    main()
