"""The operations of a worker for inference as messages of `autobotapi.inference.v1`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from autobot.adapters.grpc.generated.autobotapi.inference.v1 import inference_pb2 as pb
from autobot.adapters.grpc.proto_wire import Names, ProtoWire, given, set_fields
from autobot.contracts import inference as contract
from autobot.kernel.links.wire import Wire

TASKS: Final = Names(pb.Task, "TASK", ("embed", "rerank"))
STATES: Final = Names(pb.SlotState, "SLOT_STATE", ("absent", "cold", "loading", "ready", "failed"))
RANKERS: Final = Names(pb.RerankedBy, "RERANKED_BY", ("embedding", "cross-encoder"))

_LOAD: Final = tuple(one.name for one in pb.Load.DESCRIPTOR.fields)


def inference_proto_wires() -> Mapping[str, Wire]:
    """Return the wires of a worker's operations, by operation."""
    return {
        "embed": ProtoWire(
            "embed",
            payload=pb.EmbedRequest,
            write_payload=write_texts,
            read_payload=read_texts,
            answer=pb.EmbedResponse,
            write_answer=write_embedded,
            read_answer=read_embedded,
        ),
        "embed_stream": ProtoWire(
            "embed_stream",
            payload=pb.EmbedStreamRequest,
            write_payload=lambda one: pb.EmbedStreamRequest(texts=one.texts, model=one.model, step=one.step),
            read_payload=_read_many,
            answer=pb.EmbedStreamResponse,
            write_answer=lambda found: pb.EmbedStreamResponse(step=write_embedded(found)),
            read_answer=lambda message: read_embedded(message.step),
        ),
        "embed_exchange": ProtoWire(
            "embed_exchange",
            payload=pb.EmbedExchangeRequest,
            write_payload=lambda one: pb.EmbedExchangeRequest(request=write_texts(one)),
            read_payload=lambda message: read_texts(message.request),
            answer=pb.EmbedExchangeResponse,
            write_answer=lambda found: pb.EmbedExchangeResponse(response=write_embedded(found)),
            read_answer=lambda message: read_embedded(message.response),
        ),
        **_comparing(),
        **_telling(),
    }


def _comparing() -> Mapping[str, Wire]:
    return {
        "similarity": ProtoWire(
            "similarity",
            payload=pb.SimilarityRequest,
            write_payload=lambda one: pb.SimilarityRequest(
                texts=one.texts, others=one.others, model=one.model
            ),
            read_payload=lambda message: contract.CompareTexts(
                texts=tuple(message.texts), others=tuple(message.others), model=message.model
            ),
            answer=pb.SimilarityResponse,
            write_answer=lambda found: pb.SimilarityResponse(
                cosines=_write_vectors(found.cosines), **_common(found)
            ),
            read_answer=lambda message: contract.Similarities(
                cosines=_read_vectors(message.cosines), **_read_common(message)
            ),
        ),
        "classify": ProtoWire(
            "classify",
            payload=pb.ClassifyRequest,
            write_payload=_write_classify,
            read_payload=_read_classify,
            answer=pb.ClassifyResponse,
            write_answer=_write_classified,
            read_answer=_read_classified,
        ),
        "rerank": ProtoWire(
            "rerank",
            payload=pb.RerankRequest,
            write_payload=lambda one: pb.RerankRequest(
                query=one.query, documents=one.documents, model=one.model, **set_fields(one, "top")
            ),
            read_payload=lambda message: contract.RerankTexts(
                query=message.query,
                documents=tuple(message.documents),
                model=message.model,
                **given(message, "top"),
            ),
            answer=pb.RerankResponse,
            write_answer=_write_reranked,
            read_answer=_read_reranked,
        ),
    }


def _telling() -> Mapping[str, Wire]:
    return {
        "report": ProtoWire(
            "report",
            payload=pb.ReportRequest,
            write_payload=lambda _: pb.ReportRequest(),
            read_payload=lambda _: None,
            answer=pb.ReportResponse,
            write_answer=_write_report,
            read_answer=_read_report,
        ),
        "warm_up": ProtoWire(
            "warm_up",
            payload=pb.WarmUpRequest,
            write_payload=lambda one: pb.WarmUpRequest(model=one.model),
            read_payload=lambda message: contract.WarmUp(model=message.model),
            answer=pb.WarmUpResponse,
            write_answer=lambda slot: pb.WarmUpResponse(slot=_write_slot(slot)),
            read_answer=lambda message: _read_slot(message.slot),
        ),
    }


# ----------------------------------------------------------------------------------------------------- vectors


def write_texts(asked: contract.EmbedTexts) -> pb.EmbedRequest:
    """Return what is asked as a message."""
    return pb.EmbedRequest(texts=asked.texts, model=asked.model)


def read_texts(message: pb.EmbedRequest) -> contract.EmbedTexts:
    """Return what is asked."""
    return contract.EmbedTexts(texts=tuple(message.texts), model=message.model)


def _read_many(message: pb.EmbedStreamRequest) -> contract.EmbedMany:
    step = {"step": message.step} if message.step else {}
    return contract.EmbedMany(texts=tuple(message.texts), model=message.model, **step)


def write_embedded(found: contract.Embedded) -> pb.EmbedResponse:
    """Return vectors as a message."""
    return pb.EmbedResponse(vectors=_write_vectors(found.vectors), **_common(found))


def read_embedded(message: pb.EmbedResponse) -> contract.Embedded:
    """Return vectors. Raises ValueError for a block that is no whole number of rows."""
    return contract.Embedded(vectors=_read_vectors(message.vectors), **_read_common(message))


def _write_vectors(found: contract.Vectors) -> pb.Vectors:
    return pb.Vectors(dimensions=found.dimensions, data=found.data)


def _read_vectors(message: pb.Vectors) -> contract.Vectors:
    return contract.Vectors(dimensions=message.dimensions, data=message.data)


def _common(found: Any) -> dict[str, Any]:
    """Return what every answer says besides its own."""
    return {"model": found.model, "tokens": found.tokens, "truncated": found.truncated}


def _read_common(message: Any) -> dict[str, Any]:
    return {"model": message.model, "tokens": message.tokens, "truncated": tuple(message.truncated)}


# ------------------------------------------------------------------------------------------- classes and ranks


def _write_classify(asked: contract.ClassifyTexts) -> pb.ClassifyRequest:
    classes = [pb.Prototype(label=one.label, examples=one.examples) for one in asked.classes]
    return pb.ClassifyRequest(texts=asked.texts, classes=classes, model=asked.model)


def _read_classify(message: pb.ClassifyRequest) -> contract.ClassifyTexts:
    return contract.ClassifyTexts(
        texts=tuple(message.texts),
        classes=tuple(
            contract.Prototype(label=one.label, examples=tuple(one.examples)) for one in message.classes
        ),
        model=message.model,
    )


def _write_classified(found: contract.Classified) -> pb.ClassifyResponse:
    verdicts = [
        pb.Verdict(label=one.label, confidence=one.confidence, margin=one.margin, scores=one.scores)
        for one in found.verdicts
    ]
    return pb.ClassifyResponse(verdicts=verdicts, **_common(found))


def _read_classified(message: pb.ClassifyResponse) -> contract.Classified:
    return contract.Classified(
        verdicts=tuple(
            contract.Verdict(
                label=one.label, confidence=one.confidence, margin=one.margin, scores=tuple(one.scores)
            )
            for one in message.verdicts
        ),
        **_read_common(message),
    )


def _write_reranked(found: contract.Reranked) -> pb.RerankResponse:
    ranking = [pb.Ranked(index=one.index, score=one.score) for one in found.ranking]
    return pb.RerankResponse(by=RANKERS.number(found.by), ranking=ranking, **_common(found))  # type: ignore[arg-type]


def _read_reranked(message: pb.RerankResponse) -> contract.Reranked:
    return contract.Reranked(
        by=RANKERS.word(message.by),
        ranking=tuple(contract.Ranked(index=one.index, score=one.score) for one in message.ranking),
        **_read_common(message),
    )


# --------------------------------------------------------------------------------------------------- the report


def _write_slot(slot: contract.Slot) -> pb.Slot:
    return pb.Slot(
        model=slot.model,
        task=TASKS.number(slot.task),  # type: ignore[arg-type]
        state=STATES.number(slot.state),  # type: ignore[arg-type]
        window=slot.window,
        device=slot.device,
        precision=slot.precision,
        source=slot.source,
        error=slot.error,
        **set_fields(slot, "dimensions", "loaded_s"),
    )


def _read_slot(message: pb.Slot) -> contract.Slot:
    return contract.Slot(
        model=message.model,
        task=TASKS.word(message.task),
        state=STATES.word(message.state),
        window=message.window,
        device=message.device,
        precision=message.precision,
        source=message.source,
        error=message.error,
        **given(message, "dimensions", "loaded_s"),
    )


def _write_report(found: contract.InferenceReport) -> pb.ReportResponse:
    return pb.ReportResponse(
        version=found.version,
        runtime=found.runtime,
        devices=[pb.Device(id=one.id, name=one.name) for one in found.devices],
        slots=[_write_slot(one) for one in found.slots],
        load=pb.Load(**{name: getattr(found.load, name) for name in _LOAD}),
        memory_bytes=found.memory_bytes,
        uptime_s=found.uptime_s,
    )


def _read_report(message: pb.ReportResponse) -> contract.InferenceReport:
    return contract.InferenceReport(
        version=message.version,
        runtime=message.runtime,
        devices=tuple(contract.Device(id=one.id, name=one.name) for one in message.devices),
        slots=tuple(_read_slot(one) for one in message.slots),
        load=contract.Load(**{name: getattr(message.load, name) for name in _LOAD}),
        memory_bytes=message.memory_bytes,
        uptime_s=message.uptime_s,
    )
