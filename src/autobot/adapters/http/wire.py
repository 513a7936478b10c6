"""HTTP/1.1 on the wire (RFC 9112): a request as bytes, and packed bodies unpacked. Pure."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from autobot.kernel.core.errors import InvalidInput

PIECE_MAX: Final = 256 * 1024
"""Bytes that one step of unpacking gives at most: a small body may hold a very large one."""

_PATH: Final = re.compile(r"[!$%&'()*+,/0-9:;=?@A-Z_a-z~.\[\]-]*")
_METHOD: Final = re.compile(r"[A-Z]{1,20}")
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}")
_NAMES_MAX: Final = 256
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})


class RequestWriter:
    """Writes requests to one target. `host` is its authority, `base` what stands before every path."""

    def __init__(self, host: str, base: str, *, keep: bool) -> None:
        self._base = base
        self._fixed = f" HTTP/1.1\r\nhost: {host}\r\n" + ("" if keep else "connection: close\r\n")
        self._fixed_breaks = self._fixed.count("\r\n")
        self._names: set[str] = set()

    def write(self, method: str, path: str, fields: Mapping[str, str], body: bytes) -> bytes:
        """Return a whole request. Raises InvalidInput for what HTTP does not allow in it.

        What does not belong into a request target is percent-encoded.
        """
        if _PATH.fullmatch(path) is None:
            path = quote(path, safe="!$%&'()*+,/:;=?@~[]")
        parts = [method, " ", self._base, path, self._fixed]
        for name, value in fields.items():
            parts += (name, ": ", value, "\r\n")
        if body or method in _WITH_BODY:
            parts.append(f"content-length: {len(body)}\r\n")
        parts.append("\r\n")
        head = "".join(parts)
        breaks = self._fixed_breaks + len(fields) + (1 if not body and method not in _WITH_BODY else 2)
        # Counted instead of looked for in each field: a line break that nobody meant makes one too many.
        if (
            head.count("\r") != breaks
            or head.count("\n") != breaks
            or "\0" in head
            or not self._names.issuperset(fields)
            or not method.isalpha()
        ):
            self._check(method, path, fields)
        try:
            return head.encode() + body
        except UnicodeEncodeError:
            raise _refused() from None

    def _check(self, method: str, path: str, fields: Mapping[str, str]) -> None:
        """Look at each part; names that are good are remembered."""
        for name, value in fields.items():
            if _NAME.fullmatch(name) is None or "\r" in value or "\n" in value or "\0" in value:
                raise _refused()
        if _METHOD.fullmatch(method) is None or "\r" in path or "\n" in path or "\0" in path:
            raise _refused()
        if len(self._names) < _NAMES_MAX:
            self._names.update(fields)


def _refused() -> InvalidInput:
    return InvalidInput("The request holds a method, path or header that HTTP does not allow.")


class Unpacker:
    """Unpacks a gzip or zlib body piece by piece, never more than PIECE_MAX at once. Raises ValueError for garbage."""

    def __init__(self) -> None:
        self._packed = b""
        self._inflating = zlib.decompressobj(zlib.MAX_WBITS | 32)

    def feed(self, packed: bytes) -> None:
        """Take more of the packed body."""
        self._packed += packed

    def step(self) -> bytes:
        """Return what can be unpacked of it now, empty when more is needed."""
        try:
            while self._packed:
                if self._inflating.eof:
                    # Members may follow one another (RFC 1952 §2.2).
                    self._inflating = zlib.decompressobj(zlib.MAX_WBITS | 32)
                piece = self._inflating.decompress(self._packed, PIECE_MAX)
                self._packed = self._inflating.unconsumed_tail or self._inflating.unused_data
                if piece:
                    return piece
        except zlib.error as error:
            raise ValueError("the packed body is broken") from error
        return b""

    @property
    def whole(self) -> bool:
        """Whether the body may end here."""
        return self._inflating.eof and not self._packed
