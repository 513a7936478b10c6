"""Judges the committed schemas of messages: what must lie in the folder, and what would lose stored messages.

`schema/messages/<type>.json` is the schema of today, `schema/messages/earlier/<type>.<n>.json` what it was before;
`schema/asyncapi.json` is the AsyncAPI document.

    python -m autobot.testing.schema_files < FILES

FILES is a JSON object of `committed` and `published` (path → text). The answer on standard output is a JSON object of
`wanted` (path → text) and `broken` (lines for people). `tools/check_schemas.py` brings the files.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, Final

from autobot.bootstrap import PublishedSchemas, published_schemas
from autobot.kernel.messaging.schemas.modes import breaks

FOLDER: Final = "schema/messages"
EARLIER: Final = "earlier"
ASYNCAPI: Final = "schema/asyncapi.json"
ASSERTS_NOTHING: Final = frozenset({"title", "description", "default", "examples", "$comment"})
Json = Any


def text_of(schema: Json) -> str:
    """Return a schema as it is committed."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def meaning(schema: Json) -> Json:
    """Return a schema without the words that only people read."""
    if isinstance(schema, list):
        return [meaning(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        word: {name: meaning(one) for name, one in value.items()}
        if word in ("properties", "$defs")
        else meaning(value)
        for word, value in schema.items()
        if word not in ASSERTS_NOTHING
    }


def broken_promises(
    published: Mapping[str, Json],
    earlier: Mapping[str, Mapping[int, Json]],
    code: PublishedSchemas,
) -> list[str]:
    """Return how today's schemas break those that were published: by type, with the place and the reason."""
    found = []
    for name, old in published.items():
        new = code.today.get(name)
        if new is None and name in code.retired:
            continue
        if new is None:
            found.append(
                f"{name}: the type is gone, and stored events have it. Keep the class, or give it an upcaster."
            )
            continue
        versions = dict(earlier.get(name, {}))
        if meaning(old) != meaning(new) and not any(
            meaning(one) == meaning(old) for one in versions.values()
        ):
            versions[max(versions, default=0) + 1] = old
        for one in breaks(new, versions, code.mode, tolerant=True):
            found.append(
                f"{name}{one.at or '/'} ({one.direction}, of earlier schema {one.version}): {one.detail}"
            )
    return found


def by_type(files: Mapping[str, str]) -> tuple[dict[str, Json], dict[str, dict[int, Json]]]:
    """Sort files by type: the present schema, and the earlier ones by number."""
    present: dict[str, Json] = {}
    earlier: dict[str, dict[int, Json]] = {}
    for path, text in files.items():
        way = PurePosixPath(path).relative_to(FOLDER)
        if way.parts[0] == EARLIER:
            name, _, number = way.stem.rpartition(".")
            earlier.setdefault(name, {})[int(number)] = json.loads(text)
        else:
            present[way.stem] = json.loads(text)
    return present, earlier


def wanted_files(
    committed: Mapping[str, str], published: Mapping[str, str], code: PublishedSchemas
) -> dict[str, str]:
    """Return all that must lie in the folder: today's schemas, and every earlier one that differs in meaning."""
    wanted = {f"{FOLDER}/{name}.json": text_of(schema) for name, schema in code.today.items()}
    retired = {f"{FOLDER}/{name}.json" for name in code.retired}
    kept = {
        path: text
        for path, text in {**published, **committed}.items()
        if path in retired or f"/{EARLIER}/" in path
    }
    wanted.update(kept)
    before, _ = by_type(published)
    _, earlier = by_type(kept)
    for name, old in before.items():
        known, new = earlier.get(name, {}), code.today.get(name, old)
        if meaning(new) != meaning(old) and old not in known.values():
            wanted[f"{FOLDER}/{EARLIER}/{name}.{max(known, default=0) + 1}.json"] = text_of(old)
    return wanted


def main() -> None:
    """Answer on standard output."""
    given = json.load(sys.stdin)
    code = published_schemas()
    wanted = wanted_files(given["committed"], given["published"], code)
    asyncapi = {ASYNCAPI: text_of(code.asyncapi)}
    present, _ = by_type(given["published"])
    _, earlier = by_type(wanted)
    json.dump({"wanted": wanted | asyncapi, "broken": broken_promises(present, earlier, code)}, sys.stdout)


if __name__ == "__main__":
    main()
