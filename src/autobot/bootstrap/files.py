"""What the command line does with files: the matrix, the OpenAPI document, backups."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autobot.adapters.sqlite.backup import restore
from autobot.adapters.system.lock import locked_folder
from autobot.bootstrap.outside import key_path
from autobot.bootstrap.version import VERSION
from autobot.bootstrap.wiring import load_matrix
from autobot.config import Config
from autobot.kernel.core.compatibility import Mode
from autobot.kernel.links.proofs import prove


def check_matrix_files(config: Config) -> list[dict[str, Any]]:
    """Return every finding of the start-up proofs over shipped matrix and overlay."""
    return [
        {"rule": one.rule, "rows": " → ".join(one.rows), "detail": one.detail, "accepted": one.accepted}
        for one in prove(load_matrix(config))
    ]


def openapi_document() -> str:
    """Return the OpenAPI document as the committed file has it."""
    from autobot.bootstrap.edge import Edge
    from autobot.bootstrap.outside import memory_outside
    from autobot.bootstrap.product import assemble

    async def make() -> dict[str, Any]:
        config = Config()
        return Edge(assemble(config, memory_outside())).app.openapi

    return json.dumps(asyncio.run(make()), indent=2, ensure_ascii=False, sort_keys=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedSchemas:
    """The schemas of today's events by type, the AsyncAPI document, the mode that they keep, and the types that only upcasters read."""

    today: Mapping[str, dict[str, Any]]
    asyncapi: Mapping[str, Any] = field(default_factory=dict)
    mode: Mode
    retired: frozenset[str]


def published_schemas() -> PublishedSchemas:
    """Return the schemas of all events as the committed files have them."""
    from autobot.bootstrap.published import OWN_SCHEMAS, UPCASTERS
    from autobot.gateway import asyncapi

    today = OWN_SCHEMAS.by_type()
    return PublishedSchemas(
        today=today,
        asyncapi=asyncapi.document(VERSION, today),
        mode=OWN_SCHEMAS.mode,
        retired=UPCASTERS.sources,
    )


async def restore_backup(config: Config, source: Path) -> list[str]:
    """Restore a backup into an empty data folder; returns what was proven, line by line."""

    def work() -> list[str]:
        with locked_folder(config.data_dir):
            lines = restore(source, config.data_dir)
        if not key_path(config).is_file():
            lines.append(
                f"The key of stored secrets is not here: put it back as {key_path(config)} before the next start, "
                "or set the secrets anew."
            )
        return lines

    return await asyncio.to_thread(work)
