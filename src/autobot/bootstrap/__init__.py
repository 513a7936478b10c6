"""The composition root: the only place that names concrete classes. Opens in order, closes in reverse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autobot.bootstrap.files import (
    PublishedSchemas,
    check_matrix_files,
    openapi_document,
    published_schemas,
    restore_backup,
)
from autobot.bootstrap.knowing import VERSION
from autobot.bootstrap.moving import migrate
from autobot.bootstrap.serving import Say, dial_control, open_console, running_address, serve
from autobot.config import Config


def serve_role(config: Config, role: str, *, say: Say, **options: Any) -> int:
    """Run one role as `role.serve_role` says. Redis's driver is imported with it, and only then."""
    from autobot.bootstrap.outside import need_redis
    from autobot.bootstrap.placing import ROLES

    need_redis()
    from autobot.bootstrap import role as one

    known = next(name for name in ROLES if name == role)
    return one.serve_role(config, known, one.RoleOptions(**options), say)


def serve_worker(config: Config, *, say: Say, **place: Any) -> int:
    """Run a worker for inference as `worker.serve_worker` says. Its libraries are no part of the core."""
    from autobot.bootstrap.accelerators import need_installed

    need_installed()
    from autobot.bootstrap import worker

    return worker.serve_worker(config, worker.WorkerPlace(**place), say)


def serve_scaled(config: Config, counts: Mapping[str, int], *, port: int | None, say: Say) -> int:
    """Run every role as `cluster.run_cluster` says; `counts` as of its `Plan`."""
    from autobot.bootstrap.outside import need_redis
    from autobot.bootstrap.server import run_loop

    need_redis()
    from autobot.bootstrap import cluster

    plan = cluster.Plan(**counts)
    return run_loop(lambda: cluster.run_cluster(config, plan, port, say))


__all__ = [
    "VERSION",
    "PublishedSchemas",
    "check_matrix_files",
    "dial_control",
    "migrate",
    "open_console",
    "openapi_document",
    "published_schemas",
    "restore_backup",
    "running_address",
    "serve",
    "serve_role",
    "serve_scaled",
    "serve_worker",
]
