"""How documents come in over HTTP: a form with a file that is stored while it arrives, or JSON with a text or an address."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated, Any, Final, Protocol, TypeVar
from urllib.parse import urlsplit

import orjson
from annotated_types import Len
from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request

from autobot.contracts.knowledge import documents
from autobot.contracts.knowledge.words import FILE_MAX, PASTED_MAX, Id, Source, Tags, Title
from autobot.gateway.exact import read
from autobot.gateway.exchange import Exchange
from autobot.gateway.multipart import FORM, Part, parts_of
from autobot.gateway.problem import detail_of
from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.core.errors import (
    Conflict,
    FieldError,
    Forbidden,
    IdempotencyMismatch,
    InvalidInput,
    NotFound,
    TooLarge,
    Unauthenticated,
)
from autobot.kernel.core.ids import IdSource
from autobot.kernel.core.pointer import pointer_to
from autobot.kernel.core.validate import refused

Body = TypeVar("Body")
FIELD_MAX: Final = 4_096
PIECE: Final = 256 * 1024
REFUSED: Final = (InvalidInput, NotFound, Forbidden, Conflict, Unauthenticated, IdempotencyMismatch)
"""After these nothing came of a file. After others it may be a document's by now; what is nobody's is swept later."""


class Stored(Protocol):
    """A file that was stored."""

    @property
    def size(self) -> int:
        """Bytes."""
        ...

    @property
    def sha256(self) -> str:
        """Its hash, as hex."""
        ...


class Originals(Protocol):
    """Where the bytes of files go."""

    async def begin(self, name: str) -> str:
        """Open an upload for a name; returns what to call it."""
        ...

    async def append(self, upload: str, offset: int, data: bytes) -> None:
        """Add bytes."""
        ...

    async def finish(self, upload: str) -> Stored:
        """Keep it."""
        ...

    async def abandon(self, upload: str) -> None:
        """Drop it."""
        ...

    async def read(self, name: str, offset: int, length: int) -> bytes:
        """Return a piece, empty at the end."""
        ...

    async def remove(self, name: str) -> None:
        """Remove a file that nothing came of."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenDocument:
    """JSON body: `url`, or `text` with a `title`. `id` makes it a new version of that document."""

    title: Title | None = None
    text: Annotated[str, Len(0, PASTED_MAX)] | None = None
    url: Annotated[str, Len(1, 2000)] | None = None
    collection: Id | None = None
    tags: Tags = ()
    id: Id | None = None


ADD: Final[dict[str, Any]] = {
    "description": f"A form with one `file` of at most {FILE_MAX} bytes, or JSON with a `text` and its `title`, or with a "
    "`url` on the public internet. Answers 202 as soon as it is kept; `GET` the document for its `status` and "
    "`progress`. The same file again in the same collection is answered with the document that has it (`existing`). "
    "With `id` it is a new version of that document, which takes the place of the old one when it is ready.",
    "requestBody": {
        "required": True,
        "content": {
            FORM: {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "title": {"type": "string", "maxLength": 300},
                        "collection": {"type": "string", "maxLength": 64},
                        "tags": {
                            "type": "array",
                            "items": {"type": "string", "maxLength": 60},
                            "description": "Repeated, or one field with commas.",
                        },
                        "id": {"type": "string", "maxLength": 64},
                    },
                }
            },
            "application/json": {
                "schema": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {
                        "title": {"type": "string", "minLength": 1, "maxLength": 300},
                        "text": {"type": "string", "maxLength": PASTED_MAX},
                        "url": {"type": "string", "format": "uri", "maxLength": 2000},
                        "collection": {"type": "string", "minLength": 1, "maxLength": 64},
                        "tags": {
                            "type": "array",
                            "items": {"type": "string", "maxLength": 60},
                            "maxItems": 20,
                        },
                        "id": {"type": "string", "minLength": 1, "maxLength": 64},
                    },
                }
            },
        },
    },
}


class Intake:
    """Takes documents in."""

    def __init__(self, bus: Dispatcher, originals: Originals, ids: IdSource) -> None:
        self._bus, self._originals, self._ids = bus, originals, ids

    async def take(self, request: Request, call: Exchange) -> documents.Accepted:
        """Keep what a request brings and ask for it to be indexed."""
        kind = request.headers.get("content-type", "")
        if kind.lower().startswith(FORM):
            return await self._form(kind, request.stream(), call)
        given = described(await request.body(), _GIVEN, GivenDocument)
        if (given.text is None) == (given.url is None):
            raise wrong("must be there, or `url`, and not both", "#/text")
        if given.url is not None:
            _check_address(given.url)
            return await self._add(given, call, source="url", title=given.title or given.url[:300])
        if not given.title:
            raise wrong("is missing: a text needs one", "#/title")
        return await self._text(given, given.text or "", call)

    async def _text(self, given: GivenDocument, text: str, call: Exchange) -> documents.Accepted:
        data = text.encode("utf-8", "replace")

        async def pieces() -> AsyncIterator[bytes]:
            for at in range(0, len(data), PIECE):
                yield data[at : at + PIECE]

        blob = self._ids.new()
        stored = await kept(self._originals, blob, pieces(), "#/text", FILE_MAX)
        file = _mark(stored, filename="", media_type="text/plain; charset=utf-8")
        return await self._add(given, call, source="text", title=given.title or "", file=file, blob=blob)

    async def _form(
        self, content_type: str, stream: AsyncIterator[bytes], call: Exchange
    ) -> documents.Accepted:
        said: dict[str, Any] = {"tags": []}
        blob, file = "", None
        try:
            async for part in parts_of(content_type, stream):
                if part.name == "file" and part.filename is not None:
                    if blob:
                        raise wrong("is there twice", "#/file")
                    name = self._ids.new()
                    stored = await kept(self._originals, name, part.__aiter__(), "#/file", FILE_MAX)
                    blob = name
                    file = _mark(stored, filename=_base(part.filename), media_type=part.media_type[:200])
                else:
                    await _field(part, said)
            if file is None:
                raise wrong("is missing", "#/file")
            said = {name: value for name, value in said.items() if value}
            given = described(orjson.dumps(said), _GIVEN, GivenDocument)
        except BaseException:
            if blob:
                await self._originals.remove(blob)
            raise
        title = given.title or documents.file_title(file.filename)
        return await self._add(given, call, source="upload", title=title, file=file, blob=blob)

    async def _add(
        self,
        given: GivenDocument,
        call: Exchange,
        *,
        source: Source,
        title: str,
        file: documents.FileMark | None = None,
        blob: str | None = None,
    ) -> documents.Accepted:
        command = documents.AddDocument(
            title=title,
            source=source,
            file=file,
            blob=blob,
            url=given.url or "",
            collection=given.collection,
            tags=given.tags,
            id=given.id,
        )
        try:
            answer = await self._bus.dispatch(command, call.called, key=call.key)
        except REFUSED:
            await self._drop(blob)
            raise
        call.settled(answer)
        accepted: documents.Accepted = answer.value
        if accepted.kept != blob:
            await self._drop(blob)
        return accepted

    async def _drop(self, blob: str | None) -> None:
        if blob is not None:
            await self._originals.remove(blob)


async def kept(
    originals: Originals, name: str, pieces: AsyncIterator[bytes], pointer: str, most: int
) -> Stored:
    """Store bytes under a name as they come. Raises TooLarge beyond `most`, InvalidInput when there is nothing but white space."""
    upload, offset, blank = await originals.begin(name), 0, True
    try:
        async for piece in pieces:
            blank = blank and not piece.strip(b" \t\r\n\x00\xef\xbb\xbf")
            if offset + len(piece) > most:
                raise TooLarge(f"The file has more than the {most} bytes that are accepted.")
            await originals.append(upload, offset, piece)
            offset += len(piece)
        if blank:
            raise wrong("is empty", pointer)
        return await originals.finish(upload)
    except BaseException:
        await originals.abandon(upload)
        raise


async def _field(part: Part, said: dict[str, Any]) -> None:
    if part.name not in ("title", "collection", "tags", "id"):
        raise wrong("is no field of this form", f"#/{part.name[:80]}")
    text = (await part.text(FIELD_MAX)).strip()
    if part.name == "tags":
        said["tags"] += [one.strip() for one in text.split(",") if one.strip()]
    elif part.name in said:
        raise wrong("is there twice", f"#/{part.name}")
    else:
        said[part.name] = text


def described(body: bytes, adapter: TypeAdapter[Body], kind: type[Body]) -> Body:
    """Return what a body of JSON says. Raises InvalidInput with what is wrong with it, Malformed for what is no JSON."""
    value = read(body, kind)
    if not isinstance(value, dict):
        raise wrong("must be an object", "#")
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        raise refused(
            tuple(
                FieldError(detail=detail_of(one), pointer=f"#{pointer_to(one['loc'])}")
                for one in error.errors(include_url=False, include_context=False, include_input=False)
            )
        ) from None


_GIVEN: Final = TypeAdapter(GivenDocument)


def _mark(stored: Stored, *, filename: str, media_type: str) -> documents.FileMark:
    return documents.FileMark(
        size=stored.size, sha256=stored.sha256, filename=filename, media_type=media_type
    )


def _base(filename: str) -> str:
    """Return a file's own name: what a browser says of its folder is nobody's business."""
    name = filename.replace("\\", "/").rpartition("/")[2]
    return "".join(one for one in name if one.isprintable())[:255]


def _check_address(url: str) -> None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise wrong("is no address", "#/url") from None
    if parts.scheme not in ("http", "https") or not host:
        raise wrong("must begin with http:// or https:// and a host", "#/url")
    if parts.username is not None or parts.password is not None:
        raise wrong("must hold no name or password", "#/url")


def wrong(detail: str, pointer: str) -> InvalidInput:
    """Return the refusal of one part of a body."""
    return refused((FieldError(detail=detail, pointer=pointer),))
