"""Reads an archive that lies among the originals, piece by piece, and holds everything against what is said of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from hashlib import sha256

from autobot.contexts.knowledge.domain import archive
from autobot.contexts.knowledge.ports.blobs import PIECE, Blobs
from autobot.contracts.knowledge import archives as contract
from autobot.contracts.knowledge.words import FILE_MAX
from autobot.kernel.core.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Bytes:
    """Where a version's bytes begin, and what is said of it."""

    said: archive.Version
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A document of an archive: its number from 1, what is said of it, and its versions, the oldest first."""

    number: int
    described: archive.Described
    versions: tuple[Bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetMember:
    """A question set of an archive: its number from 1, and what is said of it as it stands there."""

    number: int
    raw: bytes


class Archive:
    """One archive. Everything is read again each time."""

    def __init__(self, blobs: Blobs, blob: str) -> None:
        self._blobs, self._blob = blobs, blob

    async def head(self) -> archive.Head:
        """Return what it says of itself. Raises InvalidInput."""
        raw, _ = await self._said(archive.HEAD, 0)
        return archive.head_of(raw)

    async def members(self) -> AsyncIterator[Member | SetMember]:
        """Yield its documents, then its question sets, in order.

        Raises InvalidInput where it is not what it must be, up to its last byte.
        """
        head, offset = await self._said(archive.HEAD, 0)
        first = archive.head_of(head).version == 1
        digest, number, sets = sha256(), 0, 0
        while (name := await self._name(offset)) != archive.END:
            if first or not (sets or name.startswith(archive.SETS)):
                number += 1
                if number > contract.DOCUMENTS_MAX:
                    raise InvalidInput(f"An archive has at most {contract.DOCUMENTS_MAX} documents.")
                raw, offset = await self._said(archive.document_name(number), offset)
                digest.update(raw)
                member, offset = await self._document(number, raw, offset, first=first)
                yield member
                continue
            sets += 1
            raw, offset = await self._said(archive.set_name(sets), offset)
            digest.update(raw)
            yield SetMember(number=sets, raw=raw)
        raw, offset = await self._said(archive.END, offset)
        end = archive.end_of(raw)
        if (end.documents, end.question_sets, end.sha256) != (number, sets, digest.hexdigest()):
            raise InvalidInput("The archive has other documents than its end says.")
        if await self._read(offset, len(archive.FINISH) + 1) != archive.FINISH:
            raise InvalidInput("The archive does not end where it must.")

    async def _document(self, number: int, raw: bytes, offset: int, *, first: bool) -> tuple[Member, int]:
        """Return a document with the places of its bytes, and where the next entry begins."""
        described = archive.described_of(raw, number)
        if first and (described.id or described.earlier):
            raise InvalidInput(f"Document {number} of the archive is of a later version of its format.")
        named = [
            (one, archive.version_name(number, place)) for place, one in enumerate(described.earlier, start=1)
        ]
        versions: list[Bytes] = []
        for said, name in (*named, (described, archive.original_name(number))):
            if not said.size:
                versions.append(Bytes(said=said, offset=0))
                continue
            entry = archive.entry_of(await self._read(offset, archive.BLOCK), name, FILE_MAX)
            if entry.size != said.size:
                raise InvalidInput(f"Document {number} of the archive has another size than it says.")
            versions.append(Bytes(said=said, offset=offset + archive.BLOCK))
            offset += archive.BLOCK + entry.blocks
        return Member(number=number, described=described, versions=tuple(versions)), offset

    async def pieces(self, number: int, version: Bytes) -> AsyncIterator[bytes]:
        """Yield the bytes of a version. Raises InvalidInput when they are cut off, or not those that are said."""
        if not version.said.size:
            return
        digest, at = sha256(), 0
        while at < version.said.size:
            piece = await self._read(version.offset + at, min(PIECE, version.said.size - at))
            if not piece:
                raise InvalidInput("The archive is cut off.")
            digest.update(piece)
            at += len(piece)
            yield piece
        if digest.hexdigest() != version.said.sha256:
            raise InvalidInput(f"The bytes of document {number} of the archive are not those that it says.")

    async def _name(self, offset: int) -> str:
        """Return what the entry is called that begins there; nothing is trusted of it yet."""
        return (await self._read(offset, archive.BLOCK))[:100].rstrip(b"\0").decode("latin-1")

    async def _said(self, name: str, offset: int) -> tuple[bytes, int]:
        """Return what an entry says, and where the next one begins."""
        entry = archive.entry_of(await self._read(offset, archive.BLOCK), name, archive.SAID_MAX)
        raw = await self._read(offset + archive.BLOCK, entry.size)
        if len(raw) < entry.size:
            raise InvalidInput("The archive is cut off.")
        return raw, offset + archive.BLOCK + entry.blocks

    async def _read(self, offset: int, length: int) -> bytes:
        """Return bytes of it: fewer at its end alone."""
        found = b""
        while len(found) < length:
            piece = await self._blobs.read(self._blob, offset + len(found), length - len(found))
            if not piece:
                break
            found += piece
        return found
