"""What an answer costs that needs no model: CPU of the product per request at 32 in flight.

The product on a row that joins equal questions (as shipped) and on one that keeps answers for an hour, before a model
server that answers from memory. Three questions are asked in turn, round by round: one with chance in it, which goes to
the model each time; equal ones at temperature 0, which are joined while they are in the air; and one that is kept.

    python -m bench.shared_answers [--rounds 3] [--requests 2000]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
from pathlib import Path

from bench.gateway_hop import IN_FLIGHT, child, cpu_us, product, request

KEEPS = "format = 1\n[rows.agents-llm]\ncache = { ttl = 3600.0 }\n"


def at_zero(wire: bytes) -> bytes:
    """Return the question of the gateway bench without chance in it."""
    head, _, body = wire.partition(b"\r\n\r\n")
    asked = json.dumps(json.loads(body) | {"temperature": 0}).encode()
    lines = [one for one in head.split(b"\r\n") if not one.startswith(b"content-length")]
    return b"\r\n".join([*lines, b"content-length: %d" % len(asked)]) + b"\r\n\r\n" + asked


async def measure(rounds: int, requests: int) -> dict[str, float]:
    """Return the median CPU in microseconds of each kind of question."""
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder, child("upstream") as (_, port):
        overlay = Path(folder) / "matrix.toml"
        overlay.write_text(KEEPS, encoding="utf-8")
        target = f"http://127.0.0.1:{port}"
        with product(target) as plain, product(target, {"AUTOBOT_MATRIX": str(overlay)}) as keeping:
            for stream in (False, True):
                kind = "stream" if stream else "whole"
                for _ in range(rounds):
                    for name, (pid, at, key), zero in (
                        ("asked each time", plain, False),
                        ("joined", plain, True),
                        ("kept", keeping, True),
                    ):
                        wire = request(at, key, stream=stream)
                        took = await cpu_us(pid, at, at_zero(wire) if zero else wire, requests)
                        found.setdefault(f"{kind:7} {name}", []).append(took)
    return {name: statistics.median(times) for name, times in found.items()}


def main() -> int:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=2000)
    options = parser.parse_args()
    for name, us in asyncio.run(measure(options.rounds, options.requests)).items():
        print(f"{name:25} {us:7.1f} µs CPU a request at {IN_FLIGHT} in flight")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
