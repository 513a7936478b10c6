"""The composition root: the only place that names concrete classes. Opens in order, closes in reverse."""

from __future__ import annotations

from autobot.bootstrap.files import (
    PublishedSchemas,
    check_matrix_files,
    openapi_document,
    published_schemas,
    restore_backup,
)
from autobot.bootstrap.knowing import VERSION
from autobot.bootstrap.moving import migrate
from autobot.bootstrap.serving import dial_control, open_console, running_address, serve

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
]
