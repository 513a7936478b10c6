"""sentence-transformers on torch, over the weights of the worker's own wheel, for `python -m bench.npu --peer PYTHON`.

Runs in an environment of its own, which has no AutoBot: it reads one JSON line (folder, texts, sizes, seconds) and writes one.
"""

from __future__ import annotations

import json
import resource
import sys
import time


def main() -> None:
    """Measure calls of each size, one after another, and say so."""
    wishes = json.loads(sys.stdin.readline())
    import sentence_transformers
    import torch
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(wishes["folder"], device="cpu")
    found = {}
    number = 0
    model.encode(["first"], normalize_embeddings=True)
    for name, form, size in wishes["cases"]:
        took, began = [], time.monotonic()
        used = resource.getrusage(resource.RUSAGE_SELF)
        spent = used.ru_utime + used.ru_stime
        while time.monotonic() - began < wishes["seconds"]:
            texts = [form.format(n=number + one) for one in range(size)]
            number += size
            start = time.monotonic()
            model.encode(texts, batch_size=size, normalize_embeddings=True, show_progress_bar=False)
            took.append(time.monotonic() - start)
        wall = time.monotonic() - began
        used = resource.getrusage(resource.RUSAGE_SELF)
        texts_done = size * len(took)
        found[name] = {
            "texts/s": texts_done / wall,
            "p50 ms": 1e3 * sorted(took)[len(took) // 2],
            "p99 ms": 1e3 * sorted(took)[min(len(took) - 1, int(len(took) * 0.99))],
            "CPU ms/text": 1e3 * (used.ru_utime + used.ru_stime - spent) / texts_done,
        }
    vector = model.encode([wishes["sample"]], normalize_embeddings=True)[0]
    versions = f"sentence-transformers {sentence_transformers.__version__}, torch {torch.__version__}"
    told = {"versions": versions, "cases": found, "vector": [float(one) for one in vector]}
    print(json.dumps({**told, "memory": used.ru_maxrss * 1024}), flush=True)


if __name__ == "__main__":
    main()
