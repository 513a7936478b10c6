"""What the log sets off: deleted documents leave the index and their files go; changed ones are found as they are now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from autobot.contexts.knowledge.ports.blobs import Blobs
from autobot.contexts.knowledge.ports.documents import Library
from autobot.contexts.knowledge.ports.index import PassageIndex
from autobot.contracts.knowledge import archives
from autobot.contracts.knowledge import documents as contract
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.ports import EventStore
from autobot.kernel.event_store.transaction import Recorded


def cleaner(codec: EventCodec, index: PassageIndex, blobs: Blobs) -> Callable[[Recorded], Awaitable[None]]:
    """Return the reaction to a deleted document, and to an archive that is done with. Hearing of it twice changes nothing."""

    async def clean(recorded: Recorded) -> None:
        event = codec.unwrap(recorded)
        if isinstance(event, archives.ImportEnded | archives.ImportCancelled):
            await blobs.remove(event.blob)
        if not isinstance(event, contract.DocumentDeleted):
            return
        if event.keeps_past:
            await index.retire(event.document_id, recorded.position)
            return
        await index.erase(event.document_id)
        for blob in event.blobs:
            await blobs.remove(blob)

    return clean


def labeller(
    codec: EventCodec, store: EventStore, index: PassageIndex
) -> Callable[[Recorded], Awaitable[None]]:
    """Return the reaction to a changed document: the index says of it what is so now. Hearing of it late harms nothing."""
    library = Library(store)

    async def label(recorded: Recorded) -> None:
        event = codec.unwrap(recorded)
        if not isinstance(event, contract.DocumentChanged):
            return
        labels = await library.labels(event.document_id, recorded.position)
        if labels is not None:
            await index.label(labels)

    return label
