"""CloudEvents 1.0.2 on HTTP, as they come in: binary, structured and batch mode.

Sources: CloudEvents specification 1.0.2 (§3 context attributes), HTTP protocol binding 1.0.2 (§3.1 binary, §3.2
structured, §3.3 batch), JSON event format 1.0.2. What breaks one of them is Malformed (400): nobody can say what the
sender meant.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
import orjson

from autobot.contracts.schemas import ATTRIBUTES_MAX, BATCH_MAX, DATA_MAX, OutsideEvent
from autobot.gateway import problem_kinds as kinds
from autobot.gateway.exact import break_of
from autobot.gateway.problem import Refused
from autobot.kernel.core.clock import parse_rfc3339
from autobot.kernel.core.errors import FieldError, Malformed, TooLarge
from autobot.kernel.core.message import JSON_CONTENT_TYPE, Attribute
from autobot.kernel.event_store.documents import SAID_HERE, is_json

STRUCTURED: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"
FAMILY: Final = "application/cloudevents"
PREFIX: Final = b"ce-"
LIMITS: Final = {"id": 256, "source": 1024, "type": 200, "subject": 1024}
LIMIT: Final = 1024
"""Characters of any other attribute."""
INTEGER: Final = range(-(2**31), 2**31)

_NAME: Final = re.compile(r"[a-z0-9]{1,20}")
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef]")
_REFERENCE: Final = re.compile(r"[^\s\"<>\\^`{|}]+")
_ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s\"<>\\^`{|}]+")
_MEDIA: Final = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+*-]+ *(;.*)?", re.ASCII)
_PERCENT: Final = re.compile(rb"%([0-9A-Fa-f]{2})?")


def malformed(detail: str, pointer: str) -> Malformed:
    """Return the error for a rule of CloudEvents that does not hold at a place of the request."""
    return Malformed(
        "This is no CloudEvent 1.0.", errors=(FieldError(detail=detail, pointer=pointer or "#"),)
    )


def read_events(lines: Iterable[tuple[bytes, bytes]], body: bytes) -> tuple[str, tuple[OutsideEvent, ...]]:
    """Return the mode of a request (`binary`, `structured`, `batch`) and its events.

    `lines` are the header fields as they came, names in lower case. Raises Malformed, TooLarge, Refused (415).
    """
    fields = list(lines)
    content_type = next((value.decode("latin-1") for name, value in fields if name == b"content-type"), "")
    kind = content_type.partition(";")[0].strip().lower()
    if kind == BATCH:
        return "batch", _batch(body)
    if kind == STRUCTURED:
        return "structured", (_structured(body, ""),)
    if kind.startswith(FAMILY):
        raise Refused(
            kinds.UNSUPPORTED_MEDIA_TYPE,
            f"{kind} is no form of CloudEvents that is read here.",
            fields={"Accept-Post": f"{STRUCTURED}, {BATCH}, */*"},
        )
    return "binary", (_binary(fields, content_type.strip(), body),)


# ----------------------------------------------------------------------------------------------- binary mode


def _binary(lines: list[tuple[bytes, bytes]], content_type: str, body: bytes) -> OutsideEvent:
    given: dict[str, str] = {}
    for name, value in lines:
        if not name.startswith(PREFIX):
            continue
        attribute = name[len(PREFIX) :].decode("latin-1")
        if attribute in given:
            raise malformed("is there twice", f"#/{name.decode('latin-1')}")
        given[attribute] = header_value(value, f"#/{name.decode('latin-1')}")
    if "specversion" not in given:
        raise Malformed(
            "This is no CloudEvent: there is no `ce-specversion` field, and the content type is not that of an event.",
            hint=f"Send `ce-*` fields (binary mode), or Content-Type: {STRUCTURED} or {BATCH}.",
        )
    if "datacontenttype" in given:
        raise malformed("is said by Content-Type in binary mode", "#/ce-datacontenttype")
    if content_type:
        given["datacontenttype"] = content_type
    event = _event(given, body, "#/ce-", "application/octet-stream" if body else JSON_CONTENT_TYPE)
    if body and is_json(event.content_type):
        _strict(body, "#")
    return event


def header_value(value: bytes, at: str) -> str:
    """Return the text of a `ce-` field: unquoted, then percent-decoded once (HTTP binding §3.1.3.2).

    Raises Malformed for `%` without two digits, bytes outside ASCII, and what is no UTF-8 after decoding.
    """
    text = value.strip(b" \t")
    if len(text) >= 2 and text[:1] == text[-1:] == b'"':
        text = re.sub(rb"\\(.)", rb"\1", text[1:-1])
    if not text.isascii():
        raise malformed("must be percent-encoded outside ASCII", at)

    def decoded(match: re.Match[bytes]) -> bytes:
        if match[1] is None:
            raise malformed("has a % that is not followed by two hexadecimal digits", at)
        return bytes((int(match[1], 16),))

    try:
        return _PERCENT.sub(decoded, text).decode("utf-8")
    except UnicodeDecodeError:
        raise malformed("is not UTF-8 after percent-decoding", at) from None


# ------------------------------------------------------------------------------------------- structured mode


def _strict(body: bytes, at: str) -> Any:
    """Return JSON read as RFC 8259 has it: UTF-8, no NaN, bounded depth."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise malformed(f"is not JSON: {break_of(body, error)}", at) from None


def _structured(body: bytes, at: str) -> OutsideEvent:
    if not isinstance(_strict(body, "#" + at), dict):
        raise malformed("must be an object", f"#{at}")
    # Read a second time for `data` as it was sent: numbers keep all their digits.
    members: dict[str, msgspec.Raw] = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    data, encoded = members.pop("data", None), members.pop("data_base64", None)
    given = {name: msgspec.json.decode(raw) for name, raw in members.items()}
    given = {name: value for name, value in given.items() if value is not None}
    declared = given.get("datacontenttype", JSON_CONTENT_TYPE)
    if data is not None and encoded is not None:
        raise malformed("has `data` and `data_base64`; only one of them may be there", f"#{at}")
    if encoded is not None:
        payload = _base64(msgspec.json.decode(encoded), f"#{at}/data_base64")
    elif data is None:
        payload = b""
    elif is_json(str(declared)):
        payload = bytes(data)
    else:
        text = msgspec.json.decode(data)
        if not isinstance(text, str):
            raise malformed(f"must be a text, since datacontenttype is {declared}", f"#{at}/data")
        payload = text.encode()
    event = _event(given, payload, f"#{at}/", JSON_CONTENT_TYPE)
    if encoded is not None and payload and is_json(event.content_type):
        _strict(payload, f"#{at}/data_base64")
    return event


def _base64(text: Any, at: str) -> bytes:
    try:
        if isinstance(text, str):
            return b64decode(text, validate=True)
    except ValueError:
        pass
    raise malformed("must be Base64 (RFC 4648 §4)", at)


def _batch(body: bytes) -> tuple[OutsideEvent, ...]:
    if not isinstance(_strict(body, "#"), list):
        raise malformed("must be an array of events", "#")
    parts = msgspec.json.decode(body, type=list[msgspec.Raw])
    if len(parts) > BATCH_MAX:
        raise TooLarge(f"The batch has {len(parts)} events; at most {BATCH_MAX} are accepted at once.")
    return tuple(_structured(bytes(one), f"/{index}") for index, one in enumerate(parts))


# ------------------------------------------------------------------------------------------------ attributes


def _event(given: Mapping[str, Any], data: bytes, at: str, default_type: str) -> OutsideEvent:
    """Return the event of attributes and data. `at` comes before an attribute's name in pointers."""
    if len(data) > DATA_MAX:
        raise TooLarge(f"The data of an event has {len(data)} bytes; at most {DATA_MAX} are accepted.")
    if len(given) > ATTRIBUTES_MAX:
        raise malformed(f"has {len(given)} attributes; at most {ATTRIBUTES_MAX} are accepted", "#")
    for name, value in given.items():
        _check(name, value, at + name)
    if given.get("specversion") != "1.0":
        raise malformed("must be 1.0", f"{at}specversion")
    for name in ("id", "source", "type"):
        if name not in given:
            raise malformed("is required", f"{at}{name}")
    further: dict[str, Attribute] = {name: value for name, value in given.items() if name not in _FIELDS}
    return OutsideEvent(
        id=given["id"],
        source=given["source"],
        type=given["type"],
        data=data,
        content_type=given.get("datacontenttype", default_type),
        subject=given.get("subject"),
        time=_time(given.get("time"), f"{at}time"),
        attributes=further,
    )


_FIELDS: Final = frozenset({"specversion", "id", "source", "type", "datacontenttype", "subject", "time"})
_TEXTS: Final = _FIELDS | {"dataschema"}


def _check(name: str, value: Any, at: str) -> None:
    """Hold one attribute against the type system (§3.1) and what its name promises (§3.2, §3.3)."""
    if _NAME.fullmatch(name) is None or name == "data":
        raise malformed("is no name of an attribute: 1 to 20 of a-z and 0-9, not `data`", at)
    if name in SAID_HERE:
        raise malformed("is an attribute that only AutoBot itself adds", at)
    if isinstance(value, bool) and name not in _TEXTS:
        return
    if isinstance(value, int) and not isinstance(value, bool) and name not in _TEXTS:
        if value not in INTEGER:
            raise malformed("must be a whole number of 32 bits", at)
        return
    if not isinstance(value, str):
        raise malformed("must be a text, a truth value or a whole number", at)
    if name in _TEXTS and not value:
        raise malformed("must not be empty", at)
    if len(value) > LIMITS.get(name, LIMIT):
        raise malformed(f"has more than {LIMITS.get(name, LIMIT)} characters", at)
    if _CONTROL.search(value):
        raise malformed("has a character that no attribute may have", at)
    pattern, what = _SHAPES.get(name, (None, ""))
    if pattern is not None and pattern.fullmatch(value) is None:
        raise malformed(f"must be {what}", at)


_SHAPES: Final[dict[str, tuple[re.Pattern[str], str]]] = {
    "source": (_REFERENCE, "a URI reference"),
    "dataschema": (_ABSOLUTE, "an absolute URI"),
    "datacontenttype": (_MEDIA, "a media type"),
}


def _time(text: str | None, at: str) -> datetime | None:
    if text is None:
        return None
    try:
        return parse_rfc3339(text)
    except ValueError:
        raise malformed("must be an RFC 3339 time with offset", at) from None
