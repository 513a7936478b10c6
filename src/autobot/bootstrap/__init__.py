"""The composition root: the only place that names concrete classes. Opens in order, closes in reverse."""

from __future__ import annotations

from autobot.bootstrap.files import check_matrix_files, openapi_document, restore_backup
from autobot.bootstrap.knowing import VERSION
from autobot.bootstrap.serving import CONTROL_SOCKET, open_console, serve

__all__ = [
    "CONTROL_SOCKET",
    "VERSION",
    "check_matrix_files",
    "open_console",
    "openapi_document",
    "restore_backup",
    "serve",
]
