"""The operations of the model facade as messages of `autobotapi.ai.v1`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, get_args

import msgspec

from autobot.adapters.grpc.generated.autobotapi.ai.v1 import ai_pb2 as pb
from autobot.adapters.grpc.proto_wire import Names, ProtoWire, given, set_fields
from autobot.contracts import models, runs
from autobot.contracts.models import Chunk, Embeddings, GenerateRequest
from autobot.contracts.runs import ModelChoice
from autobot.kernel.links.wire import Wire

ROLES: Final = Names(pb.Role, "ROLE", get_args(models.ModelRole))
CHOICES: Final = Names(pb.ToolChoice, "TOOL_CHOICE", get_args(models.ToolChoice), "auto")
REASONING: Final = Names(pb.Reasoning, "REASONING", get_args(models.Reasoning), None)
FINISHES: Final = Names(pb.FinishReason, "FINISH_REASON", get_args(models.FinishReason))
STATES: Final = Names(pb.ModelState, "MODEL_STATE", ("ready", "absent", "unreachable"))

_LIMITS: Final = ("max_tokens", "temperature", "top_p", "seed", "window")
_json: Final = msgspec.json


def ai_wires() -> Mapping[str, Wire]:
    """Return the wires of the facade's operations, by operation."""
    return {
        "generate": ProtoWire(
            "generate",
            payload=pb.GenerateRequest,
            write_payload=write_request,
            read_payload=read_request,
            answer=pb.GenerateResponse,
            write_answer=write_chunk,
            read_answer=read_chunk,
        ),
        "embed": ProtoWire(
            "embed",
            payload=pb.EmbedRequest,
            write_payload=lambda asked: pb.EmbedRequest(model=asked[0], texts=asked[1]),
            read_payload=lambda message: (message.model, tuple(message.texts)),
            answer=pb.EmbedResponse,
            write_answer=write_embeddings,
            read_answer=read_embeddings,
        ),
        "models": ProtoWire(
            "models",
            payload=pb.ListModelsRequest,
            write_payload=lambda _: pb.ListModelsRequest(),
            read_payload=lambda _: None,
            answer=pb.ListModelsResponse,
            write_answer=lambda found: pb.ListModelsResponse(models=[_write_model(one) for one in found]),
            read_answer=lambda message: tuple(_read_model(one) for one in message.models),
        ),
    }


# --------------------------------------------------------------------------------------------------- generate


_CACHED: Final = frozenset(get_args(models.Cached))


def write_request(asked: GenerateRequest) -> pb.GenerateRequest:
    """Return what is asked as a message."""
    return pb.GenerateRequest(
        model=asked.model,
        messages=[
            pb.Message(
                role=ROLES.number(one.role),  # type: ignore[arg-type]
                content=one.content,
                tool_calls=[_write_call(call) for call in one.tool_calls],
                **set_fields(one, "name", "tool_call_id"),
            )
            for one in asked.messages
        ],
        tools=[
            pb.Tool(
                name=one.name,
                description=one.description,
                parameters_json=_json.encode(one.parameters).decode(),
            )
            for one in asked.tools
        ],
        tool_choice=CHOICES.number(asked.tool_choice),  # type: ignore[arg-type]
        stop=asked.stop,
        reasoning=REASONING.number(asked.reasoning),  # type: ignore[arg-type]
        whole=asked.whole,
        no_store=asked.no_store,
        json_schema=None if asked.json_schema is None else _json.encode(asked.json_schema).decode(),
        **set_fields(asked, *_LIMITS),
    )


def read_request(message: pb.GenerateRequest) -> GenerateRequest:
    """Return what is asked. Raises ValueError for a value that no request can have."""
    return GenerateRequest(
        model=message.model,
        messages=tuple(
            models.ModelMessage(
                role=ROLES.word(one.role),
                content=one.content,
                tool_calls=tuple(_read_call(call) for call in one.tool_calls),
                **given(one, "name", "tool_call_id"),
            )
            for one in message.messages
        ),
        tools=tuple(
            models.ToolSpec(
                name=one.name,
                description=one.description,
                parameters=_object(one.parameters_json, "the parameters of a tool"),
            )
            for one in message.tools
        ),
        tool_choice=CHOICES.word(message.tool_choice),
        stop=tuple(message.stop),
        reasoning=REASONING.word(message.reasoning),
        whole=message.whole,
        no_store=message.no_store,
        json_schema=_object(message.json_schema, "json_schema") if message.HasField("json_schema") else None,
        **given(message, *_LIMITS),
    )


def write_chunk(chunk: Chunk) -> pb.GenerateResponse:
    """Return a chunk as a message."""
    match chunk:
        case models.TextDelta():
            return pb.GenerateResponse(text=chunk.text, cached=chunk.cached)
        case models.ThinkingDelta():
            return pb.GenerateResponse(thinking=chunk.text, cached=chunk.cached)
        case models.ToolCallsDelta():
            calls = pb.ToolCalls(calls=[_write_call(one) for one in chunk.calls])
            return pb.GenerateResponse(tool_calls=calls)
        case models.Finished():
            return pb.GenerateResponse(finished=_write_finished(chunk))


def read_chunk(message: pb.GenerateResponse) -> Chunk:
    """Return a chunk. Raises ValueError for one of a kind that is not known here."""
    match message.WhichOneof("chunk"):
        case "text":
            return models.TextDelta(text=message.text, cached=_read_cached(message.cached))
        case "thinking":
            return models.ThinkingDelta(text=message.thinking, cached=_read_cached(message.cached))
        case "tool_calls":
            return models.ToolCallsDelta(calls=tuple(_read_call(one) for one in message.tool_calls.calls))
        case "finished":
            return _read_finished(message.finished)
    raise ValueError("a chunk of an unknown kind")


def _write_finished(end: models.Finished) -> pb.Finished:
    return pb.Finished(
        reason=FINISHES.number(end.reason),  # type: ignore[arg-type]
        usage=_write_usage(end.usage),
        served_by=_write_served(end.served_by),
        citations=[
            pb.Citation(title=one.title, source=one.source, excerpt=one.excerpt) for one in end.citations
        ],
        empty=end.empty,
    )


def _read_finished(message: pb.Finished) -> models.Finished:
    return models.Finished(
        reason=FINISHES.word(message.reason),
        usage=_read_usage(message.usage),
        served_by=_read_served(message),
        citations=tuple(
            models.Citation(title=one.title, source=one.source, excerpt=one.excerpt)
            for one in message.citations
        ),
        empty=message.empty,
    )


def _write_call(call: models.ToolCall) -> pb.ToolCall:
    return pb.ToolCall(id=call.id, name=call.name, arguments_json=_json.encode(call.arguments).decode())


def _read_call(message: pb.ToolCall) -> models.ToolCall:
    arguments = _object(message.arguments_json, "the arguments of a call")
    return models.ToolCall(id=message.id, name=message.name, arguments=arguments)


def _object(text: str, what: str) -> Mapping[str, Any]:
    try:
        return _json.decode(text, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise ValueError(f"{what} are no JSON object") from error


# ----------------------------------------------------------------------------------------- embeddings, models


def write_embeddings(found: Embeddings) -> pb.EmbedResponse:
    """Return vectors as a message."""
    return pb.EmbedResponse(
        model=found.model,
        vectors=[pb.Vector(values=one) for one in found.vectors],
        usage=_write_usage(found.usage),
        served_by=_write_served(found.served_by),
    )


def read_embeddings(message: pb.EmbedResponse) -> Embeddings:
    """Return vectors."""
    return Embeddings(
        model=message.model,
        vectors=[list(one.values) for one in message.vectors],
        usage=_read_usage(message.usage),
        served_by=_read_served(message),
    )


def _write_model(one: ModelChoice) -> pb.Model:
    return pb.Model(
        id=one.id,
        label=one.label,
        provider=one.provider,
        link=one.link,
        state=STATES.number(one.state),  # type: ignore[arg-type]
        default=one.default,
        generates=one.generates,
        embeds=one.embeds,
        ranks=one.ranks,
        **set_fields(one, "window", "detail"),
    )


def _read_model(message: pb.Model) -> runs.ModelChoice:
    return ModelChoice(
        id=message.id,
        label=message.label,
        provider=message.provider,
        link=message.link,
        state=STATES.word(message.state),
        default=message.default,
        generates=message.generates if message.HasField("generates") else True,
        embeds=message.embeds,
        ranks=message.ranks,
        **given(message, "window", "detail"),
    )


def _write_usage(usage: models.Usage) -> pb.Usage:
    return pb.Usage(**set_fields(usage, "prompt_tokens", "completion_tokens"))


def _read_usage(message: pb.Usage) -> models.Usage:
    return models.Usage(**given(message, "prompt_tokens", "completion_tokens"))


def _write_served(found: models.ServedBy | None) -> pb.ServedBy | None:
    if found is None:
        return None
    return pb.ServedBy(
        link=found.link,
        target=found.target,
        provider=found.provider,
        model=found.model,
        fallback=found.fallback,
        cached=found.cached,
    )


def _read_served(message: pb.Finished | pb.EmbedResponse) -> models.ServedBy | None:
    if not message.HasField("served_by"):
        return None
    found = message.served_by
    return models.ServedBy(
        link=found.link,
        target=found.target,
        provider=found.provider,
        model=found.model,
        fallback=found.fallback,
        cached=_read_cached(found.cached),
    )


def _read_cached(word: str) -> models.Cached:
    """Return the word; one of a newer process means that it came from a cache all the same."""
    return word if word in _CACHED else "hit"  # type: ignore[return-value]
