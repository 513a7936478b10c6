"""What documents say, as people read them: by stretches, by pages and passages, and by words."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import islice

from autobot.contexts.knowledge.domain.document import Document
from autobot.contexts.knowledge.domain.finding import places_of
from autobot.contexts.knowledge.ports.blobs import Blobs
from autobot.contexts.knowledge.ports.documents import Library
from autobot.contexts.knowledge.ports.index import PassageIndex
from autobot.contexts.knowledge.ports.parsing import Parsed, parsed_of
from autobot.contracts.knowledge import reading as contract
from autobot.contracts.knowledge.passages import passage_id
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import NOT_YOURS, Conflict, InvalidInput, NotFound


class ReadingQueries:
    """One method a query."""

    def __init__(self, library: Library, blobs: Blobs, index: PassageIndex) -> None:
        self._library, self._blobs, self._index = library, blobs, index

    async def _read(
        self, document_id: str, version: int | None, context: CallContext
    ) -> tuple[Document, int, Parsed]:
        """Return what was read from a document; without a version, of the one that searches find."""
        document, _ = await self._library.readable_document(document_id, context.principal)
        wanted = version or document.ready_version
        if wanted not in document.texts:
            if version is None:
                raise Conflict("This document has no text yet.", hint="Its status says how far it is.")
            raise NotFound(NOT_YOURS)
        return document, wanted, await parsed_of(self._blobs, document.id, wanted)

    async def text(self, query: contract.GetDocumentText, context: CallContext) -> contract.DocumentText:
        """Return a stretch of what was read from it."""
        document, version, parsed = await self._read(query.id, query.version, context)
        total = len(parsed.text)
        start, end = min(query.start, total), min(query.start + query.length, total)
        first, last = bisect_left(parsed.pages, query.start), bisect_left(parsed.pages, end)
        marks = tuple(
            contract.PageMark(page=number, start=at)
            for number, at in enumerate(parsed.pages[first:last], first + 1)
        )
        return contract.DocumentText(
            id=document.id,
            version=version,
            title=document.title,
            start=start,
            end=end,
            total=total,
            text=parsed.text[start:end],
            pages=marks,
            page=bisect_right(parsed.pages, start) or None,
            page_count=len(parsed.pages),
        )

    async def place(self, query: contract.GetPlace, context: CallContext) -> contract.TextStretch:
        """Return where a page or a passage lies."""
        if (query.page is None) == (query.passage is None):
            raise InvalidInput("Name a page or a passage, and not both.")
        document, version, parsed = await self._read(query.id, query.version, context)
        if query.page is not None:
            return _page(parsed, query.page)
        wanted = passage_id(document.id, version, query.passage or 0)
        for one in await self._index.passages([wanted]):
            return contract.TextStretch(start=one.start, end=one.end)
        raise NotFound("This version has no passage of that number.", hint="Passages are counted from 0.")

    async def find(self, query: contract.FindInDocument, context: CallContext) -> contract.Occurrences:
        """Return where words stand in it."""
        _, version, parsed = await self._read(query.id, query.version, context)
        found = list(islice(places_of(parsed.text, query.text), contract.SOUGHT_MAX + 1))
        counted = found[: contract.SOUGHT_MAX]
        first = bisect_left(counted, (query.start, 0)) if query.skip is None else query.skip
        if query.skip is None and first == len(counted):
            first = 0  # Behind the last one it goes on at the beginning, as readers expect.
        first = min(first, len(counted))
        return contract.Occurrences(
            version=version,
            count=len(counted),
            more=len(found) > len(counted),
            first=first,
            items=tuple(
                contract.TextStretch(start=start, end=end)
                for start, end in counted[first : first + query.limit]
            ),
        )


def _page(parsed: Parsed, page: int) -> contract.TextStretch:
    """Return where a page lies. Raises NotFound for one that the text does not have."""
    count = len(parsed.pages)
    if page > count:
        told = f"It has {count}, counted from 1." if count else "It has none."
        raise NotFound("This document has no page of that number.", hint=told)
    end = parsed.pages[page] if page < count else len(parsed.text)
    return contract.TextStretch(start=parsed.pages[page - 1], end=end)
