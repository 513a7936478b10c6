"""The composition root: the only place that names concrete classes. Opens in order, closes in reverse.

What is asked for is loaded, and nothing else: a command beside a running AutoBot, and a child that only infers, need a small
part of the whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from autobot.bootstrap.dialling import dial_control, running_address
from autobot.bootstrap.version import VERSION
from autobot.config import Config

if TYPE_CHECKING:
    from autobot.bootstrap.files import (
        PublishedSchemas,
        check_matrix_files,
        openapi_document,
        published_schemas,
        restore_backup,
    )
    from autobot.bootstrap.moving import migrate
    from autobot.bootstrap.serving import Say, open_console, serve

_LATER: Final = {
    "PublishedSchemas": "files",
    "check_matrix_files": "files",
    "openapi_document": "files",
    "published_schemas": "files",
    "restore_backup": "files",
    "migrate": "moving",
    "open_console": "serving",
    "serve": "serving",
}
"""Where what is loaded when it is first asked for stands."""


def __getattr__(name: str) -> Any:
    """Load a name of `_LATER` (PEP 562). Raises AttributeError for others."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)


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
