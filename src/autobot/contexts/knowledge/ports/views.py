"""What clients see of collections, documents, question sets and measurements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from autobot.contexts.knowledge.domain.collection import Collection
from autobot.contexts.knowledge.domain.document import Document
from autobot.contexts.knowledge.domain.measurement import Measurement
from autobot.contexts.knowledge.domain.question_set import QuestionSet
from autobot.contracts.knowledge import collections, documents, measurements, question_sets
from autobot.contracts.knowledge.words import Status
from autobot.kernel.core.context import Principal


def collection_view(collection: Collection, who: Principal, held: int) -> collections.CollectionView:
    """Return a collection with `held` documents as `who` sees it."""
    return collections.CollectionView(
        id=collection.id,
        name=collection.name,
        owner=collection.owner,
        readers=collection.readers,
        writers=collection.writers,
        everybody=collection.everybody,
        may_write=collection.writable(who),
        may_manage=collection.managed(who),
        documents=held,
        created_at=collection.created,
    )


def progress_of(document: Document, under_way: Mapping[str, Any], place: int | None) -> documents.Progress:
    """Return how far a document is: what is done with it now, else its place in the queue."""
    now = under_way.get(document.id)
    if document.state != "queued":
        return documents.Progress(status=document.state)
    if now is None or now["version"] != document.version:
        return documents.Progress(status="queued", position=place)
    status = cast("Status", now["status"])
    return documents.Progress(
        status=status, done=now["done"], total=now["total"], unit=now["unit"], by=now["by"]
    )


def document_view(
    document: Document, progress: documents.Progress, *, may_write: bool
) -> documents.DocumentView:
    """Return a document as clients see it."""
    file = None if document.original is None else document.original.file
    return documents.DocumentView(
        id=document.id,
        collection=document.collection,
        title=document.title,
        version=document.version,
        ready_version=document.ready_version or None,
        status=progress.status,
        progress=progress,
        words_only=document.words_only,
        passages=document.passages,
        characters=document.characters,
        model=document.model,
        tags=document.tags,
        source=document.source,
        url=document.url,
        place=document.place,
        filename="" if file is None else file.filename,
        media_type=document.media_type or ("" if file is None else file.media_type),
        size=0 if file is None else file.size,
        sha256="" if file is None else file.sha256,
        owner=document.owner,
        may_write=may_write,
        error=document.error,
        created_at=document.created,
        updated_at=document.updated,
    )


def set_summary(kept: QuestionSet) -> question_sets.QuestionSetSummary:
    """Return a question set without its questions."""
    return question_sets.QuestionSetSummary(
        id=kept.id,
        collection=kept.collection,
        name=kept.name,
        owner=kept.owner,
        questions=len(kept.questions),
        grades=kept.grades,
        revision=kept.revision,
        created_at=kept.created,
        updated_at=kept.updated,
    )


def measurement_summary(measurement: Measurement, done: int) -> measurements.MeasurementSummary:
    """Return a measurement without its questions, `done` of which were searched."""
    return measurements.MeasurementSummary(
        id=measurement.id,
        set=measurement.set,
        collection=measurement.collection,
        revision=measurement.revision,
        mode=measurement.mode,
        rerank=measurement.rerank,
        status=measurement.status,
        done=done,
        total=measurement.total,
        asked_by=measurement.asked_by,
        asked_at=measurement.asked_at,
        ended_at=measurement.ended_at,
        figures=measurement.figures,
        error=measurement.error,
    )
