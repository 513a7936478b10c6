"""The life of a document under any commands in any order."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from autobot.contexts.knowledge.domain.document import Document
from autobot.contracts.knowledge import documents as contract
from autobot.contracts.knowledge import indexing
from autobot.kernel.core.errors import Conflict, NotFound
from autobot.kernel.core.failure import Failure

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ERROR = Failure(code="validation", detail="broken", correlation_id="c")


def add(number: int) -> contract.AddDocument:
    """A file, another for each number."""
    mark = contract.FileMark(size=1, sha256=f"{number:064x}")
    return contract.AddDocument(title=f"title {number}", file=mark, blob=f"blob-{number}")


def indexed(version: int, model: str = "") -> indexing.RecordIndexed:
    """A version that is in the index."""
    return indexing.RecordIndexed(
        id="d", version=version, passages=1, characters=1, media_type="text/plain", model=model,
        dimensions=3 if model else 0,
    )  # fmt: skip


STEPS = st.one_of(
    st.tuples(st.just("add"), st.integers(0, 3)),
    st.tuples(st.sampled_from(["cancel", "retry", "reindex", "delete"]), st.just(0)),
    st.tuples(st.sampled_from(["indexed", "failed", "vectors"]), st.integers(1, 6)),
)


def step(document: Document, word: str, number: int) -> tuple[Any, ...]:
    """Return the facts of one command; a refusal is none."""
    try:
        match word:
            case "add":
                return document.receive(add(number), "c", "owner")
            case "indexed" | "vectors" if document.exists:
                return document.indexed(indexed(number, "model" if word == "vectors" else ""))
            case "failed" if document.exists:
                record = indexing.RecordFailed(id="d", version=number, error=ERROR)
                return document.failed(record)
            case "delete":
                return document.delete(keep_past=False)
            case "cancel" | "retry" | "reindex":
                return tuple(getattr(document, word)())
    except (Conflict, NotFound):
        return ()
    return ()


@given(st.lists(STEPS, max_size=40))
def test_what_is_in_force_never_goes_back(steps: list[tuple[str, int]]) -> None:
    """The version that is found only grows, never beyond the newest; doing a command's facts again is no fact."""
    document = Document(id="d")
    for word, number in steps:
        before = document
        facts = step(document, word, number)
        for fact in facts:
            document = document.after(fact, NOW)
        if word == "delete" and facts:
            assert not document.exists
            continue
        assert before.ready_version <= document.ready_version <= document.version
        assert before.version <= document.version <= before.version + 1
        assert document.state != "ready" or document.ready_version == document.version
        assert (document.error is not None) == (document.state == "failed")
        if word not in ("reindex", "delete") and facts:
            assert step(document, word, number) == ()
        if document.state == "ready" and before.state == "queued":
            assert word in ("indexed", "vectors")


@given(st.lists(STEPS, max_size=40))
def test_nothing_that_lies_beside_the_log_is_forgotten(steps: list[tuple[str, int]]) -> None:
    """When a document goes, the fact of it names every original and every text that it ever had."""
    document, had = Document(id="d"), set[str]()
    for word, number in steps:
        for fact in step(document, word, number):
            if isinstance(fact, contract.DocumentReceived) and fact.original is not None:
                had.add(fact.original.blob)
            if isinstance(fact, contract.DocumentIndexed):
                had.add(f"d.{fact.version}.text")
            if isinstance(fact, contract.DocumentDeleted):
                assert had <= set(fact.blobs)
                had.clear()
            document = document.after(fact, NOW)
