"""The only door of the knowledge context."""

from __future__ import annotations

from typing import Any, Final

from autobot.contexts.knowledge.handlers.archives import ArchiveHandlers
from autobot.contexts.knowledge.handlers.collections import CollectionHandlers
from autobot.contexts.knowledge.handlers.documents import DocumentHandlers
from autobot.contexts.knowledge.handlers.indexing import IndexingHandlers
from autobot.contexts.knowledge.handlers.measurements import MeasurementHandlers
from autobot.contexts.knowledge.handlers.queries import QueryHandlers
from autobot.contexts.knowledge.handlers.question_sets import QuestionSetHandlers
from autobot.contexts.knowledge.ports.archiving import Exporter
from autobot.contexts.knowledge.ports.blobs import Blobs
from autobot.contexts.knowledge.ports.documents import Library
from autobot.contexts.knowledge.ports.embedding import Embedder, JudgedEmbedder
from autobot.contexts.knowledge.ports.imports import Imports
from autobot.contexts.knowledge.ports.index import PassageIndex
from autobot.contexts.knowledge.ports.machine import MachineFiles
from autobot.contexts.knowledge.ports.measurements import Measurements
from autobot.contexts.knowledge.ports.queries import Queries
from autobot.contexts.knowledge.ports.question_sets import QuestionSets
from autobot.contexts.knowledge.ports.ranking import Reranker
from autobot.contexts.knowledge.process.following import cleaner, labeller
from autobot.contexts.knowledge.process.importing import ImportRun, import_starter
from autobot.contexts.knowledge.process.indexing import Indexer, Means
from autobot.contexts.knowledge.process.measuring import MeasurementRun, measurement_starter
from autobot.contexts.knowledge.process.mending import Mender
from autobot.contexts.knowledge.process.query_log import LogRules, QueryLog
from autobot.contexts.knowledge.process.sharing import Shares
from autobot.contexts.knowledge.process.watching import Watcher
from autobot.contexts.knowledge.read_model.collections import CollectionQueries
from autobot.contexts.knowledge.read_model.documents import DocumentQueries
from autobot.contexts.knowledge.read_model.imports import ImportQueries
from autobot.contexts.knowledge.read_model.measurements import MeasurementQueries
from autobot.contexts.knowledge.read_model.measuring import MeasureQueries
from autobot.contexts.knowledge.read_model.queries import LoggedSearches, LogQueries
from autobot.contexts.knowledge.read_model.question_sets import QuestionSetQueries
from autobot.contexts.knowledge.read_model.reading import ReadingQueries
from autobot.contexts.knowledge.read_model.reranking import Reranking, RerankRules, RulesNow
from autobot.contexts.knowledge.read_model.searching import SearchQueries
from autobot.contracts.knowledge import (
    archives,
    collections,
    documents,
    indexing,
    measurements,
    measuring,
    queries,
    question_sets,
    reading,
    search,
)
from autobot.kernel.commands.authorize import Rule, Verdict
from autobot.kernel.commands.decision import CommandSpec, Module, QuerySpec
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.ids import IdSource
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.ports import EventStore

__all__ = [
    "EVENTS",
    "RULES",
    "Exporter",
    "ImportRun",
    "Indexer",
    "JudgedEmbedder",
    "LogRules",
    "Means",
    "MeasurementRun",
    "Mender",
    "QueryLog",
    "RerankRules",
    "Shares",
    "Watcher",
    "build",
    "cleaner",
    "import_starter",
    "labeller",
    "measurement_starter",
]

FOLDERS, QUERIES, MACHINE = "knowledge:folders", "knowledge:queries", "knowledge:machine"
READ, WRITE, RECORD, ERASE = "knowledge:read", "knowledge:write", "knowledge:record", "knowledge:erase"
EVENTS: Final = (
    *collections.EVENTS,
    *documents.EVENTS,
    *measurements.EVENTS,
    *question_sets.EVENTS,
    *archives.EVENTS,
)
_ALLOW: Final = Verdict.ALLOW

RULES: Final = (
    # Which documents is each collection's own to say: its permissions, asked by every handler.
    Rule(action=READ, admin=_ALLOW, operator=_ALLOW, user=_ALLOW, viewer=_ALLOW),
    Rule(action=WRITE, admin=_ALLOW, operator=_ALLOW, user=_ALLOW),
    # Paths of the machine are for those who run it.
    Rule(action=FOLDERS, admin=_ALLOW, operator=_ALLOW),
    # What others searched for says much of them.
    Rule(action=QUERIES, admin=_ALLOW),
    # Collections of anybody as files of the machine: of use to the command line alone, no route leads there.
    Rule(action=MACHINE, admin=_ALLOW),
    Rule(action=RECORD),
    Rule(action=ERASE),
)


def build(
    *,
    store: EventStore,
    blobs: Blobs,
    index: PassageIndex,
    embedder: Embedder,
    reranker: Reranker,
    rerank_rules: RulesNow,
    query_log: QueryLog,
    files: MachineFiles,
    codec: EventCodec,
    clock: Clock,
    ids: IdSource,
) -> Module:
    """Return the context. `rerank_rules` are asked at each search, and `query_log` hears of it; `files` are those that
    the command line names."""
    reranking = Reranking(index, reranker, rerank_rules, clock)
    library, sets, measured, logged = Library(store), QuestionSets(store), Measurements(store), Queries(store)
    imports, exporter = Imports(store), Exporter(store, codec, blobs, clock)
    searches = SearchQueries(store, library, index, embedder, reranking, clock)
    return Module(
        name="knowledge",
        commands=(
            *_of_collections(CollectionHandlers(library, sets, clock, ids)),
            *_of_documents(DocumentHandlers(library, sets, logged, imports, clock, ids)),
            *_of_archives(ArchiveHandlers(library, imports, blobs, exporter, files, clock, ids)),
            *_of_indexing(IndexingHandlers(library, clock, ids)),
            *_of_question_sets(QuestionSetHandlers(library, sets, index, clock, ids)),
            *_of_measurements(MeasurementHandlers(library, sets, measured, clock, ids)),
            CommandSpec(
                command=queries.ForgetQueries,
                action=READ,
                handler=QueryHandlers(logged).forget,
                answer=queries.QueriesForgotten,
            ),
        ),
        queries=(
            *_queries(DocumentQueries(store, library, clock), CollectionQueries(library)),
            *_readings(ReadingQueries(library, blobs, index)),
            *_searches(searches, query_log),
            *_log_queries(LogQueries(store, codec)),
            *_set_queries(QuestionSetQueries(library, sets), MeasurementQueries(library, sets, measured)),
            *_import_queries(ImportQueries(imports)),
        ),
        events=EVENTS,
        rules=RULES,
    )


def _of_collections(handlers: CollectionHandlers) -> tuple[CommandSpec, ...]:
    view = collections.CollectionView
    return (
        CommandSpec(command=collections.CreateCollection, action=WRITE, handler=handlers.create, answer=view),
        CommandSpec(command=collections.ChangeCollection, action=WRITE, handler=handlers.change, answer=view),
        CommandSpec(
            command=collections.DeleteCollection,
            action=WRITE,
            handler=handlers.delete,
            answer=collections.Gone,
        ),
    )


def _of_documents(handlers: DocumentHandlers) -> tuple[CommandSpec, ...]:
    view = documents.DocumentView
    return (
        CommandSpec(
            command=documents.AddDocument,
            action=WRITE,
            handler=handlers.add,
            answer=documents.Accepted,
            secret=frozenset({"blob"}),
        ),
        CommandSpec(command=documents.ChangeDocument, action=WRITE, handler=handlers.change, answer=view),
        CommandSpec(command=documents.RetryDocument, action=WRITE, handler=handlers.retry, answer=view),
        CommandSpec(command=documents.ReindexDocument, action=WRITE, handler=handlers.reindex, answer=view),
        CommandSpec(command=documents.CancelDocument, action=WRITE, handler=handlers.cancel, answer=view),
        CommandSpec(
            command=documents.DeleteDocument, action=WRITE, handler=handlers.delete, answer=collections.Gone
        ),
        CommandSpec(
            command=documents.EraseDocuments,
            action=ERASE,
            handler=handlers.erase,
            answer=documents.DocumentsErased,
        ),
    )


def _of_archives(handlers: ArchiveHandlers) -> tuple[CommandSpec, ...]:
    view, blob = archives.ImportView, frozenset({"blob"})
    handled: tuple[tuple[type[Any], str, Any, Any], ...] = (
        (archives.ExportCollection, READ, handlers.export, archives.Exported),
        (archives.SaveCollection, MACHINE, handlers.save, archives.Exported),
        (archives.LoadArchive, MACHINE, handlers.load, view),
        (archives.CancelImport, WRITE, handlers.cancel, view),
        (archives.RecordImportChecked, RECORD, handlers.checked, view),
        (archives.RecordImportEnded, RECORD, handlers.ended, view),
    )
    return (
        CommandSpec(
            command=archives.ImportArchive, action=WRITE, handler=handlers.take, answer=view, secret=blob
        ),
        *(
            CommandSpec(command=command, action=action, handler=handler, answer=answer)
            for command, action, handler, answer in handled
        ),
    )


def _import_queries(found: ImportQueries) -> tuple[QuerySpec, ...]:
    return (
        QuerySpec(query=archives.GetImport, action=READ, handler=found.get),
        QuerySpec(query=archives.ListImports, action=READ, handler=found.list),
    )


def _of_indexing(handlers: IndexingHandlers) -> tuple[CommandSpec, ...]:
    told = indexing.Recorded
    return (
        CommandSpec(command=indexing.RecordFetched, action=RECORD, handler=handlers.fetched, answer=told),
        CommandSpec(command=indexing.RecordIndexed, action=RECORD, handler=handlers.indexed, answer=told),
        CommandSpec(command=indexing.RecordFailed, action=RECORD, handler=handlers.failed, answer=told),
    )


def _of_question_sets(handlers: QuestionSetHandlers) -> tuple[CommandSpec, ...]:
    summary, load = question_sets.QuestionSetSummary, question_sets.LoadQuestionSet
    handled: tuple[tuple[type[Any], Any, Any], ...] = (
        (question_sets.CreateQuestionSet, handlers.create, summary),
        (question_sets.BringQuestionSet, handlers.bring, question_sets.Brought),
        (question_sets.ReplaceQuestionSet, handlers.replace, summary),
        (question_sets.ReadQuestionSet, handlers.read, summary),
        (question_sets.GradeAnswers, handlers.grade, summary),
        (question_sets.RemoveQuestion, handlers.remove, summary),
        (question_sets.DeleteQuestionSet, handlers.delete, collections.Gone),
    )
    return (
        *(
            CommandSpec(command=command, action=WRITE, handler=handler, answer=answer)
            for command, handler, answer in handled
        ),
        CommandSpec(command=load, action=MACHINE, handler=handlers.load, answer=summary),
    )


def _of_measurements(handlers: MeasurementHandlers) -> tuple[CommandSpec, ...]:
    answer, kinds = measurements.MeasurementSummary, measurements
    return (
        CommandSpec(
            command=kinds.MeasureByQuestionSet, action=WRITE, handler=handlers.request, answer=answer
        ),
        CommandSpec(command=kinds.StopMeasurement, action=WRITE, handler=handlers.stop, answer=answer),
        CommandSpec(command=kinds.RecordMeasurement, action=RECORD, handler=handlers.record, answer=answer),
    )


def _set_queries(found: QuestionSetQueries, measured: MeasurementQueries) -> tuple[QuerySpec, ...]:
    return (
        QuerySpec(query=measurements.ListMeasurements, action=READ, handler=measured.list),
        QuerySpec(query=measurements.GetMeasurement, action=READ, handler=measured.get),
        QuerySpec(query=question_sets.ListQuestionSets, action=READ, handler=found.list),
        QuerySpec(query=question_sets.GetQuestionSet, action=READ, handler=found.get),
        QuerySpec(query=question_sets.GetQuestion, action=READ, handler=found.question),
        QuerySpec(query=question_sets.WriteQuestionSet, action=READ, handler=found.file),
    )


def _log_queries(found: LogQueries) -> tuple[QuerySpec, ...]:
    return (
        QuerySpec(query=queries.ListQueries, action=READ, handler=found.own),
        QuerySpec(query=queries.ListQueriesOfAll, action=QUERIES, handler=found.everybodys),
    )


def _searches(found: SearchQueries, log: QueryLog) -> tuple[QuerySpec, ...]:
    # What is measured is nobody's question, and stands in no log.
    logged = LoggedSearches(found, log.add)
    return (
        QuerySpec(query=search.SearchKnowledge, action=READ, handler=logged.search),
        QuerySpec(query=measuring.MeasureSearch, action=READ, handler=MeasureQueries(found).measure),
    )


def _readings(found: ReadingQueries) -> tuple[QuerySpec, ...]:
    return (
        QuerySpec(query=reading.GetDocumentText, action=READ, handler=found.text),
        QuerySpec(query=reading.GetPlace, action=READ, handler=found.place),
        QuerySpec(query=reading.FindInDocument, action=READ, handler=found.find),
    )


def _queries(found: DocumentQueries, places: CollectionQueries) -> tuple[QuerySpec, ...]:
    return (
        QuerySpec(query=documents.GetDocument, action=READ, handler=found.get),
        QuerySpec(query=documents.AwaitDocument, action=READ, handler=found.wait),
        QuerySpec(query=documents.ListDocuments, action=READ, handler=found.list),
        QuerySpec(query=documents.GetOriginal, action=READ, handler=found.original),
        QuerySpec(query=collections.GetCollection, action=READ, handler=places.get),
        QuerySpec(query=collections.ListFolders, action=FOLDERS, handler=places.folders),
        QuerySpec(query=collections.ListCollections, action=READ, handler=places.list),
    )
