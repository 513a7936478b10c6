"""Unix sockets at any path: the address itself may hold 108 bytes only, a folder's descriptor stands in for the rest."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ADDRESS_MAX: Final = 100
"""Bytes of a path that every system takes as an address."""


@contextmanager
def _address(path: Path) -> Iterator[str]:
    """Yield an address of `path` that is short enough."""
    if len(os.fsencode(path)) <= ADDRESS_MAX or not Path("/proc/self/fd").is_dir():
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def address_towards(host: str, port: int) -> str:
    """Return this machine's address on the way to another one. Sends nothing; raises OSError where there is no way."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.connect(address)
        return str(probe.getsockname()[0])


def bind_unix(path: Path) -> socket.socket:
    """Return a socket that listens at `path`, made anew with mode 0600."""
    path.unlink(missing_ok=True)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _address(path) as address:
            bound.bind(address)
        path.chmod(0o600)
        bound.listen(16)
    except BaseException:
        bound.close()
        raise
    return bound


def connect_unix(path: Path) -> socket.socket | None:
    """Return a socket connected to `path`, None when nobody listens there."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _address(path) as address:
            made.connect(address)
    except (FileNotFoundError, ConnectionRefusedError):
        made.close()
        return None
    except BaseException:
        made.close()
        raise
    return made
