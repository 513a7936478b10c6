from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RerankedBy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RERANKED_BY_UNSPECIFIED: _ClassVar[RerankedBy]
    RERANKED_BY_EMBEDDING: _ClassVar[RerankedBy]
    RERANKED_BY_CROSS_ENCODER: _ClassVar[RerankedBy]

class Task(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TASK_UNSPECIFIED: _ClassVar[Task]
    TASK_EMBED: _ClassVar[Task]
    TASK_RERANK: _ClassVar[Task]

class SlotState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SLOT_STATE_UNSPECIFIED: _ClassVar[SlotState]
    SLOT_STATE_ABSENT: _ClassVar[SlotState]
    SLOT_STATE_COLD: _ClassVar[SlotState]
    SLOT_STATE_LOADING: _ClassVar[SlotState]
    SLOT_STATE_READY: _ClassVar[SlotState]
    SLOT_STATE_FAILED: _ClassVar[SlotState]
RERANKED_BY_UNSPECIFIED: RerankedBy
RERANKED_BY_EMBEDDING: RerankedBy
RERANKED_BY_CROSS_ENCODER: RerankedBy
TASK_UNSPECIFIED: Task
TASK_EMBED: Task
TASK_RERANK: Task
SLOT_STATE_UNSPECIFIED: SlotState
SLOT_STATE_ABSENT: SlotState
SLOT_STATE_COLD: SlotState
SLOT_STATE_LOADING: SlotState
SLOT_STATE_READY: SlotState
SLOT_STATE_FAILED: SlotState

class Vectors(_message.Message):
    __slots__ = ("dimensions", "data")
    DIMENSIONS_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    dimensions: int
    data: bytes
    def __init__(self, dimensions: _Optional[int] = ..., data: _Optional[bytes] = ...) -> None: ...

class EmbedRequest(_message.Message):
    __slots__ = ("texts", "model")
    TEXTS_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    texts: _containers.RepeatedScalarFieldContainer[str]
    model: str
    def __init__(self, texts: _Optional[_Iterable[str]] = ..., model: _Optional[str] = ...) -> None: ...

class EmbedResponse(_message.Message):
    __slots__ = ("model", "vectors", "tokens", "truncated")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    VECTORS_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    model: str
    vectors: Vectors
    tokens: int
    truncated: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, model: _Optional[str] = ..., vectors: _Optional[_Union[Vectors, _Mapping]] = ..., tokens: _Optional[int] = ..., truncated: _Optional[_Iterable[int]] = ...) -> None: ...

class EmbedStreamRequest(_message.Message):
    __slots__ = ("texts", "model", "step")
    TEXTS_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    texts: _containers.RepeatedScalarFieldContainer[str]
    model: str
    step: int
    def __init__(self, texts: _Optional[_Iterable[str]] = ..., model: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class EmbedStreamResponse(_message.Message):
    __slots__ = ("step",)
    STEP_FIELD_NUMBER: _ClassVar[int]
    step: EmbedResponse
    def __init__(self, step: _Optional[_Union[EmbedResponse, _Mapping]] = ...) -> None: ...

class EmbedExchangeRequest(_message.Message):
    __slots__ = ("request",)
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    request: EmbedRequest
    def __init__(self, request: _Optional[_Union[EmbedRequest, _Mapping]] = ...) -> None: ...

class EmbedExchangeResponse(_message.Message):
    __slots__ = ("response",)
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    response: EmbedResponse
    def __init__(self, response: _Optional[_Union[EmbedResponse, _Mapping]] = ...) -> None: ...

class SimilarityRequest(_message.Message):
    __slots__ = ("texts", "others", "model")
    TEXTS_FIELD_NUMBER: _ClassVar[int]
    OTHERS_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    texts: _containers.RepeatedScalarFieldContainer[str]
    others: _containers.RepeatedScalarFieldContainer[str]
    model: str
    def __init__(self, texts: _Optional[_Iterable[str]] = ..., others: _Optional[_Iterable[str]] = ..., model: _Optional[str] = ...) -> None: ...

class SimilarityResponse(_message.Message):
    __slots__ = ("model", "cosines", "tokens", "truncated")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    COSINES_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    model: str
    cosines: Vectors
    tokens: int
    truncated: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, model: _Optional[str] = ..., cosines: _Optional[_Union[Vectors, _Mapping]] = ..., tokens: _Optional[int] = ..., truncated: _Optional[_Iterable[int]] = ...) -> None: ...

class Prototype(_message.Message):
    __slots__ = ("label", "examples")
    LABEL_FIELD_NUMBER: _ClassVar[int]
    EXAMPLES_FIELD_NUMBER: _ClassVar[int]
    label: str
    examples: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, label: _Optional[str] = ..., examples: _Optional[_Iterable[str]] = ...) -> None: ...

class ClassifyRequest(_message.Message):
    __slots__ = ("texts", "classes", "model")
    TEXTS_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    texts: _containers.RepeatedScalarFieldContainer[str]
    classes: _containers.RepeatedCompositeFieldContainer[Prototype]
    model: str
    def __init__(self, texts: _Optional[_Iterable[str]] = ..., classes: _Optional[_Iterable[_Union[Prototype, _Mapping]]] = ..., model: _Optional[str] = ...) -> None: ...

class Verdict(_message.Message):
    __slots__ = ("label", "confidence", "margin", "scores")
    LABEL_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    MARGIN_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    label: str
    confidence: float
    margin: float
    scores: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, label: _Optional[str] = ..., confidence: _Optional[float] = ..., margin: _Optional[float] = ..., scores: _Optional[_Iterable[float]] = ...) -> None: ...

class ClassifyResponse(_message.Message):
    __slots__ = ("model", "verdicts", "tokens", "truncated")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    VERDICTS_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    model: str
    verdicts: _containers.RepeatedCompositeFieldContainer[Verdict]
    tokens: int
    truncated: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, model: _Optional[str] = ..., verdicts: _Optional[_Iterable[_Union[Verdict, _Mapping]]] = ..., tokens: _Optional[int] = ..., truncated: _Optional[_Iterable[int]] = ...) -> None: ...

class RerankRequest(_message.Message):
    __slots__ = ("query", "documents", "top", "model")
    QUERY_FIELD_NUMBER: _ClassVar[int]
    DOCUMENTS_FIELD_NUMBER: _ClassVar[int]
    TOP_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    query: str
    documents: _containers.RepeatedScalarFieldContainer[str]
    top: int
    model: str
    def __init__(self, query: _Optional[str] = ..., documents: _Optional[_Iterable[str]] = ..., top: _Optional[int] = ..., model: _Optional[str] = ...) -> None: ...

class Ranked(_message.Message):
    __slots__ = ("index", "score")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    index: int
    score: float
    def __init__(self, index: _Optional[int] = ..., score: _Optional[float] = ...) -> None: ...

class RerankResponse(_message.Message):
    __slots__ = ("model", "by", "ranking", "tokens", "truncated")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    BY_FIELD_NUMBER: _ClassVar[int]
    RANKING_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    model: str
    by: RerankedBy
    ranking: _containers.RepeatedCompositeFieldContainer[Ranked]
    tokens: int
    truncated: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, model: _Optional[str] = ..., by: _Optional[_Union[RerankedBy, str]] = ..., ranking: _Optional[_Iterable[_Union[Ranked, _Mapping]]] = ..., tokens: _Optional[int] = ..., truncated: _Optional[_Iterable[int]] = ...) -> None: ...

class ReportRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Slot(_message.Message):
    __slots__ = ("model", "task", "state", "window", "dimensions", "device", "precision", "loaded_s", "source", "error")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    DIMENSIONS_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    PRECISION_FIELD_NUMBER: _ClassVar[int]
    LOADED_S_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    model: str
    task: Task
    state: SlotState
    window: int
    dimensions: int
    device: str
    precision: str
    loaded_s: float
    source: str
    error: str
    def __init__(self, model: _Optional[str] = ..., task: _Optional[_Union[Task, str]] = ..., state: _Optional[_Union[SlotState, str]] = ..., window: _Optional[int] = ..., dimensions: _Optional[int] = ..., device: _Optional[str] = ..., precision: _Optional[str] = ..., loaded_s: _Optional[float] = ..., source: _Optional[str] = ..., error: _Optional[str] = ...) -> None: ...

class Device(_message.Message):
    __slots__ = ("id", "name")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    id: str
    name: str
    def __init__(self, id: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class Load(_message.Message):
    __slots__ = ("waiting", "waiting_max", "texts", "tokens", "batches", "refused", "texts_per_second", "batch_mean", "compute_ms_mean", "window_s", "hits")
    WAITING_FIELD_NUMBER: _ClassVar[int]
    WAITING_MAX_FIELD_NUMBER: _ClassVar[int]
    TEXTS_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    BATCHES_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    TEXTS_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    BATCH_MEAN_FIELD_NUMBER: _ClassVar[int]
    COMPUTE_MS_MEAN_FIELD_NUMBER: _ClassVar[int]
    WINDOW_S_FIELD_NUMBER: _ClassVar[int]
    HITS_FIELD_NUMBER: _ClassVar[int]
    waiting: int
    waiting_max: int
    texts: int
    tokens: int
    batches: int
    refused: int
    texts_per_second: float
    batch_mean: float
    compute_ms_mean: float
    window_s: float
    hits: int
    def __init__(self, waiting: _Optional[int] = ..., waiting_max: _Optional[int] = ..., texts: _Optional[int] = ..., tokens: _Optional[int] = ..., batches: _Optional[int] = ..., refused: _Optional[int] = ..., texts_per_second: _Optional[float] = ..., batch_mean: _Optional[float] = ..., compute_ms_mean: _Optional[float] = ..., window_s: _Optional[float] = ..., hits: _Optional[int] = ...) -> None: ...

class ReportResponse(_message.Message):
    __slots__ = ("version", "runtime", "devices", "slots", "load", "memory_bytes", "uptime_s")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_FIELD_NUMBER: _ClassVar[int]
    DEVICES_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    LOAD_FIELD_NUMBER: _ClassVar[int]
    MEMORY_BYTES_FIELD_NUMBER: _ClassVar[int]
    UPTIME_S_FIELD_NUMBER: _ClassVar[int]
    version: str
    runtime: str
    devices: _containers.RepeatedCompositeFieldContainer[Device]
    slots: _containers.RepeatedCompositeFieldContainer[Slot]
    load: Load
    memory_bytes: int
    uptime_s: float
    def __init__(self, version: _Optional[str] = ..., runtime: _Optional[str] = ..., devices: _Optional[_Iterable[_Union[Device, _Mapping]]] = ..., slots: _Optional[_Iterable[_Union[Slot, _Mapping]]] = ..., load: _Optional[_Union[Load, _Mapping]] = ..., memory_bytes: _Optional[int] = ..., uptime_s: _Optional[float] = ...) -> None: ...

class WarmUpRequest(_message.Message):
    __slots__ = ("model",)
    MODEL_FIELD_NUMBER: _ClassVar[int]
    model: str
    def __init__(self, model: _Optional[str] = ...) -> None: ...

class WarmUpResponse(_message.Message):
    __slots__ = ("slot",)
    SLOT_FIELD_NUMBER: _ClassVar[int]
    slot: Slot
    def __init__(self, slot: _Optional[_Union[Slot, _Mapping]] = ...) -> None: ...
