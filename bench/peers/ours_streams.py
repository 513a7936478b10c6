"""One round of events through Redis, ours: messages a second, CPU and waits, as JSON.

python ours_streams.py URL MESSAGES PACED_SECONDS
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import uvloop

from bench.streams import ours

NAMES = {"ours": "from the log, envelope and dead letters", "ours_effect": "the same with a database effect"}


async def main() -> None:
    options = argparse.Namespace(messages=int(sys.argv[2]), paced=float(sys.argv[3]))
    with tempfile.TemporaryDirectory() as folder:
        found: dict[str, float] = {}
        for kind, name in NAMES.items():
            one = await ours(kind, sys.argv[1], Path(folder), options)
            found |= {
                f"{name} {figure.removeprefix(kind + '_')}": one[figure] for figure in one if figure != kind
            }
            found[f"{name} rate"] = one[kind]
    print(json.dumps(found))


uvloop.run(main())
