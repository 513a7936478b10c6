"""Between contract events (frozen dataclasses with a TYPE) and stored messages (bytes)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Protocol

import msgspec

from autobot.kernel.core.clock import Clock
from autobot.kernel.core.context import CallContext
from autobot.kernel.core.errors import DataCorrupt, FieldError, InvalidInput
from autobot.kernel.core.ids import IdSource
from autobot.kernel.core.message import Message, parse_type
from autobot.kernel.core.validate import validate
from autobot.kernel.event_store.transaction import Recorded


class Event(Protocol):
    """A fact of the published language: a frozen dataclass whose TYPE is `autobot.<context>.<fact>.v<n>`."""

    TYPE: ClassVar[str]


class UnknownType:
    """Stands for an event whose type this version does not know; folds ignore it, consumers park it."""

    TYPE: ClassVar[str] = ""


class EventCodec:
    """Encodes contract events into envelopes and decodes what was stored, through the upcasters.

    `types` are the event classes known today; `upcast` takes (type, data) as stored to (type, data) of
    today. Raises ValueError for two classes of one TYPE or a malformed TYPE.
    """

    def __init__(
        self,
        types: Iterable[type[Any]],
        clock: Clock,
        ids: IdSource,
        *,
        source: str,
        upcast: Callable[[str, bytes], tuple[str, bytes]] | None = None,
    ) -> None:
        self._clock, self._ids, self._source, self._upcast = clock, ids, source, upcast
        self._decoders: dict[str, msgspec.json.Decoder[Any]] = {}
        self._encoder = msgspec.json.Encoder()
        for kind in types:
            parse_type(kind.TYPE)
            if kind.TYPE in self._decoders:
                raise ValueError(f"two classes carry the type {kind.TYPE}")
            self._decoders[kind.TYPE] = msgspec.json.Decoder(kind)

    def wrap(self, event: Event | Message, stream: str, context: CallContext) -> Message:
        """Return the envelope of `event`, minted now; the id stays over retries because the message does.

        What came in an envelope (an event from outside) keeps it.
        """
        if isinstance(event, Message):
            return event
        return Message(
            id=self._ids.new(),
            source=self._source,
            type=event.TYPE,
            time=self._clock.now(),
            subject=stream,
            data=self._encoder.encode(event),
            correlation_id=context.correlation_id,
            causation_id=context.causation_id,
            partition_key=stream,
            traceparent=context.trace.traceparent,
            principal=context.principal.id,
            tenant=context.principal.tenant,
        )

    def knows(self, type_name: str) -> bool:
        """Say whether `type_name` is one of today's types."""
        return type_name in self._decoders

    def check(self, type_name: str, data: bytes) -> None:
        """Raise InvalidInput unless `data` is JSON that the contract of `type_name` allows, limits included."""
        decoder = self._decoders.get(type_name)
        if decoder is None:
            found = FieldError(detail="is no type that this version knows", pointer="#/type")
            raise InvalidInput(f"The type {type_name} is not known here.", errors=(found,))
        try:
            event = decoder.decode(data)
        except msgspec.MsgspecError as error:
            found = FieldError(detail=str(error), pointer="#/data")
            raise InvalidInput(f"The data is not that of {type_name}.", errors=(found,)) from error
        validate(event)

    def today(self, message: Message) -> tuple[str, bytes]:
        """Return type and data as this version reads them: as stored, but for older types, which are brought up to date.

        Raises DataCorrupt when a step of the upcasters cannot take the data.
        """
        stored = message.type, message.data
        return stored if self._upcast is None or message.erased else self._upcast(*stored)

    def unwrap(self, recorded: Recorded) -> Any:
        """Return the contract event, or an UnknownType instance for erased payloads and foreign types.

        Raises DataCorrupt when stored bytes of a known type do not decode.
        """
        message = recorded.message
        if message.erased:
            return UnknownType()
        name, data = self.today(message)
        decoder = self._decoders.get(name)
        if decoder is None:
            return UnknownType()
        try:
            return decoder.decode(data)
        except msgspec.MsgspecError as error:
            raise DataCorrupt(f"Event {recorded.position} ({name}) does not decode: {error}.") from error
