"""The web client: files of one folder, and its page for every address of the client's own.

The folder is listed once for each build that lies there; a request names an entry of that list, never a path, so
nothing outside the folder can be asked for. A build that is put in place while the server runs is served from the
moment its page and all that the page names are there; tabs that hold the one before keep what was read of it.
"""

from __future__ import annotations

import asyncio
import gzip
import mimetypes
import re
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from html import escape
from pathlib import Path
from threading import Lock
from typing import Final

from starlette.types import Receive, Scope, Send

from autobot.gateway import problem_kinds as kinds
from autobot.gateway.exchange import Exchange, exchange_of
from autobot.gateway.middleware.conditional import none_match
from autobot.gateway.negotiation import preferred_coding
from autobot.gateway.pages import HTML, page, respond, tell_methods
from autobot.gateway.problem import Refused
from autobot.kernel.core.errors import NotFound

BASE_WORD: Final = b"__AUTOBOT_BASE__"
RESERVED: Final = ("/api", "/v1", "/v2", "/ws", "/metrics", "/problems", "/docs", "/openapi.json")
"""Addresses below these are never the client's: what is not there is a 404 with a problem."""

_HASHED: Final = re.compile(r"/assets/.+[.-][A-Za-z0-9_-]{8,}\.[a-z0-9]+")
_NAMED: Final = re.compile(rb"""(?:src|href)=["'](?:\./)?(assets/[^"']+)["']""")
_COMPRESSIBLE: Final = (
    "text/",
    "application/javascript",
    "application/json",
    "image/svg+xml",
    "application/manifest",
)
_COMPRESS_FROM: Final = 1_000
_METHODS: Final = "GET, HEAD, OPTIONS"
_IMMUTABLE: Final = b"public, max-age=31536000, immutable"
_REVALIDATE: Final = b"no-cache"


@dataclass(frozen=True, slots=True)
class _File:
    """A file as it is sent."""

    content_type: str
    tag: bytes
    cache: bytes
    body: bytes
    packed: bytes | None


class StaticClient:
    """Serves the built client; without a build, a page that says how to get one."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._template: bytes | None = None
        self._files: dict[str, Path] = {}
        self._kept: dict[str, _File] = {}
        self._before: dict[str, _File] = {}
        """Files of the build before that never change, as far as they were asked for."""
        self._looking = Lock()
        self._look()

    def _look(self) -> bytes | None:
        """Return the page of the newest whole build, None where none was seen; what it is made of is known then.

        While a build is being put in place, and when it is gone, the last one stays.
        """
        if self._folder is None:
            return None
        try:
            template = (self._folder / "index.html").read_bytes()
        except OSError:
            return self._template
        with self._looking:
            if template != self._template:
                files = _listed(self._folder)
                if all("/" + name.decode() in files for name in _NAMED.findall(template)):
                    self._before = {
                        path: file for path, file in self._kept.items() if file.cache == _IMMUTABLE
                    }
                    self._template, self._files, self._kept = template, files, {}
            return self._template

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer. Raises NotFound, Refused (405)."""
        exchange = exchange_of(scope)
        path = exchange.path
        if any(path == one or path.startswith(one + "/") for one in RESERVED):
            raise NotFound("There is nothing at this address.")
        if exchange.method == "OPTIONS":
            await tell_methods(send, _METHODS)
            return
        if exchange.method not in ("GET", "HEAD"):
            raise Refused(
                kinds.METHOD_NOT_ALLOWED, "Only GET and HEAD are allowed here.", fields={"Allow": _METHODS}
            )
        exchange.route = "/{path:path}"
        if path != "/index.html":
            file = await self._file(path)
            if file is not None:
                await _answer(file, exchange, send)
                return
        if _is_missing_file(path, exchange.fields.get(b"accept", b"")):
            raise NotFound("There is no such file.")
        await self._index(exchange, send)

    async def _file(self, path: str) -> _File | None:
        """Return a file of the build, or one that a tab with the build before still asks for."""
        if path not in self._files and path.startswith("/assets/"):
            # Another process of the gateway may have shown its page already.
            await asyncio.to_thread(self._look)
        kept, where = self._kept, self._files.get(path)
        found = kept.get(path)
        if found is None and where is not None:
            try:
                found = kept[path] = await asyncio.to_thread(_read, where, path)
            except OSError:
                return self._before.get(path)
        return found or self._before.get(path)

    async def _index(self, exchange: Exchange, send: Send) -> None:
        template = await asyncio.to_thread(self._look)
        if template is None:
            await respond(
                send, _no_build(exchange), HTML, status=503, fields=((b"cache-control", b"no-store"),)
            )
            return
        body, tag = _filled(template, exchange.base)
        fields = ((b"cache-control", _REVALIDATE), (b"etag", tag))
        await respond(send, body, HTML, fields=fields)


async def _answer(file: _File, exchange: Exchange, send: Send) -> None:
    fields = [(b"cache-control", file.cache), (b"vary", b"accept-encoding")]
    body, tag = file.body, file.tag
    asks = exchange.fields.get(b"accept-encoding", b"")
    if file.packed is not None and preferred_coding(asks, ("gzip",)) == "gzip":
        body, tag = file.packed, tag[:-1] + b'-gzip"'
        fields.append((b"content-encoding", b"gzip"))
    fields.append((b"etag", tag))
    asked = exchange.fields.get(b"if-none-match")
    if asked is not None and none_match(asked, file.tag) is not None:
        kept = [field for field in fields if field[0] != b"content-encoding"]
        await send({"type": "http.response.start", "status": 304, "headers": kept})
        await send({"type": "http.response.body", "body": b""})
        return
    await respond(send, body, file.content_type, fields=fields)


def _is_missing_file(path: str, accepts: bytes) -> bool:
    """Tell a file that is not there from an address of the client's own: its objects may have points in their names.

    Who goes to an address takes a page (`text/html`); a script or a picture is asked for as what it is.
    """
    if path == "/index.html" or "." not in path.rpartition("/")[2]:
        return False
    return path.startswith("/assets/") or b"text/html" not in accepts.lower()


def _listed(folder: Path) -> dict[str, Path]:
    """Return the files of the folder by address; what a link leads out of it is left out."""
    root = folder.resolve()
    files = {}
    for path in sorted(root.rglob("*")):
        if path.is_file() and path.resolve().is_relative_to(root):
            files["/" + path.relative_to(root).as_posix()] = path
    return files


def _read(path: Path, address: str) -> _File:
    body = path.read_bytes()
    content_type = mimetypes.guess_type(address)[0] or "application/octet-stream"
    packed = None
    if len(body) >= _COMPRESS_FROM and content_type.startswith((*_COMPRESSIBLE, "text/javascript")):
        packed = gzip.compress(body, 6, mtime=0)
    if content_type.startswith("text/"):
        content_type += "; charset=utf-8"
    tag = b'"%b"' % blake2b(body, digest_size=12).hexdigest().encode()
    return _File(content_type, tag, _IMMUTABLE if _HASHED.fullmatch(address) else _REVALIDATE, body, packed)


@lru_cache(maxsize=8)
def _filled(template: bytes, base: str) -> tuple[bytes, bytes]:
    """Return the client's page for a mount path, and its tag."""
    body = template.replace(BASE_WORD, escape(base + "/").encode())
    return body, b'"%b"' % blake2b(body, digest_size=12).hexdigest().encode()


def _no_build(exchange: Exchange) -> bytes:
    docs = escape(exchange.address("/docs"))
    return page(
        exchange,
        "The web client is not built",
        "<h1>The web client is not built</h1>\n"
        "<p>The server runs; its pages are missing. Build them in the project's folder and start again:</p>\n"
        "<pre>make run</pre>\n"
        f'<p>The HTTP API works without them: see <a href="{docs}">its documentation</a>.</p>',
    )
