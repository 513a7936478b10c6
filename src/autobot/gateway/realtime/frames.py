"""Frames: one JSON object each, written once however many sessions get it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

import orjson

FrameType = Literal["subscribed", "event", "delta", "snapshot", "progress", "resync", "error", "pong"]


class Frame:
    """One immutable frame to clients.

    Attributes:
        type: the frame's type.
        channel: where it belongs, empty for a pong or an error of the session.
        text: the JSON, also the size that queues count (characters).
        seq: durable number of a fact in its channel, 0 for anything else.
        last: nothing follows on this channel (a run has ended).
        run_id, offset, length: of a delta or snapshot, in characters (code points).
    """

    __slots__ = ("_sse", "channel", "last", "length", "offset", "run_id", "seq", "text", "type")

    def __init__(
        self,
        kind: FrameType,
        channel: str,
        text: str,
        *,
        seq: int = 0,
        last: bool = False,
        run_id: str = "",
        offset: int = 0,
        length: int = 0,
    ) -> None:
        self.type, self.channel, self.text = kind, channel, text
        self.seq, self.last = seq, last
        self.run_id, self.offset, self.length = run_id, offset, length
        self._sse: bytes | None = None

    @property
    def sse(self) -> bytes:
        """The frame as a server-sent event (HTML §9.2): `id` for facts only, so that Last-Event-ID is a seq."""
        if self._sse is None:
            mark = f"id: {self.seq}\n" if self.type == "event" else ""
            self._sse = f"{mark}event: {self.type}\ndata: {self.text}\n\n".encode()
        return self._sse


def _json(body: Mapping[str, Any]) -> str:
    return orjson.dumps(body).decode()


def event(channel: str, seq: int, cloud_event: bytes | Mapping[str, Any], *, last: bool = False) -> Frame:
    """Make the frame of a fact. `cloud_event` is its CloudEvents JSON, encoded already or not."""
    data = orjson.Fragment(cloud_event) if isinstance(cloud_event, bytes) else cloud_event
    body = {"type": "event", "channel": channel, "seq": seq, "event": data}
    return Frame("event", channel, _json(body), seq=seq, last=last)


def delta(channel: str, run_id: str, offset: int, text: str) -> Frame:
    """Make a frame of passing text: `offset` characters (code points) came before it."""
    body = {"type": "delta", "channel": channel, "run_id": run_id, "offset": offset, "text": text}
    return Frame("delta", channel, _json(body), run_id=run_id, offset=offset, length=len(text))


def snapshot(channel: str, run_id: str, text: str) -> Frame:
    """Make the frame with the whole text of a run so far."""
    body = {"type": "snapshot", "channel": channel, "run_id": run_id, "text": text}
    return Frame("snapshot", channel, _json(body), run_id=run_id, length=len(text))


def progress(channel: str, said: Mapping[str, Any]) -> Frame:
    """Make the frame of how far some work is: {version, status, done, total, unit}."""
    told = {name: said[name] for name in ("version", "status", "done", "total", "unit")}
    return Frame("progress", channel, _json({"type": "progress", "channel": channel, **told}))


def resync(channel: str, reason: str) -> Frame:
    """Tell that what was missed cannot be given: read again, then subscribe again."""
    return Frame("resync", channel, _json({"type": "resync", "channel": channel, "reason": reason}))


def subscribed(channel: str, seq: int) -> Frame:
    """Confirm a subscription; `seq` is the channel's newest fact now."""
    return Frame("subscribed", channel, _json({"type": "subscribed", "channel": channel, "seq": seq}))


def error(problem: Mapping[str, Any], channel: str | None = None) -> Frame:
    """Tell of a problem, of one channel or of the session."""
    body: dict[str, Any] = {"type": "error", "problem": problem}
    if channel is not None:
        body["channel"] = channel
    return Frame("error", channel or "", _json(body))


PONG: Final = Frame("pong", "", _json({"type": "pong"}))
