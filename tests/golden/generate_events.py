"""Writes a golden file for each type of event that has none. What is there is never written again.

    python -m tests.golden.generate_events

A file holds what this version stores for an event with every member, and for one with the required ones alone. When
a type gets a next version, its file stays: later versions must read it for ever.
"""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from autobot.bootstrap.published import EVENTS
from autobot.gateway.message_schemas import message_schema
from autobot.kernel.messaging.schemas.example import example

FOLDER = Path(__file__).parent / "events"


def main() -> None:
    """Write the missing files."""
    FOLDER.mkdir(exist_ok=True)
    for kind in EVENTS:
        path = FOLDER / f"{kind.TYPE}.json"
        if path.exists():
            continue
        schema = message_schema(kind)
        events = [msgspec.convert(example(schema, full=full), kind) for full in (True, False)]
        stored = [json.loads(msgspec.json.encode(one)) for one in events]
        text = json.dumps({"type": kind.TYPE, "data": stored}, indent=1, ensure_ascii=False)
        path.write_text(text + "\n", encoding="utf-8")
        print(f"wrote {path.name}")


if __name__ == "__main__":
    main()
