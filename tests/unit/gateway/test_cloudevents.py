"""The CloudEvents dialect: what the bytes of a request say, and which forms leave."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from autobot.contracts.schemas import DATA_MAX, OutsideEvent
from autobot.gateway.dialects.cloudevents import BATCH, STRUCTURED, header_value, read_events
from autobot.gateway.dialects.cloudevents_answer import binary, chosen
from autobot.gateway.problem import Refused
from autobot.kernel.core.errors import Malformed, TooLarge

LEAST: dict[str, Any] = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t"}


def structured(body: Any, media: str = STRUCTURED) -> tuple[OutsideEvent, ...]:
    """Read a body in structured or batch mode."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_events([(b"content-type", media.encode())], raw)[1]


def plain(body: bytes = b"", media: str = "", **attributes: str) -> OutsideEvent:
    """Read a request in binary mode."""
    fields = {**LEAST, **attributes}
    lines = [(f"ce-{name}".encode(), value.encode()) for name, value in fields.items() if value != "-"]
    if media:
        lines.append((b"content-type", media.encode()))
    mode, (event,) = read_events(lines, body)
    assert mode == "binary"
    return event


@pytest.mark.parametrize(
    ("field", "text"),
    [
        (b"plain", "plain"),
        (b"Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),
        (b'"quoted \\"%41\\\\"', 'quoted "A\\'),
        (b"%2541", "%41"),
        (b"a%22b%25c", 'a"b%c'),
        (b"  space around\t", "space around"),
        (b"in between", "in between"),
        (b"%e2%82%ac", "€"),
        (b'"', '"'),
    ],
)
def test_a_header_field_is_decoded_once(field: bytes, text: str) -> None:
    """Fields are unquoted, then percent-decoded one round as UTF-8."""
    assert header_value(field, "#") == text


@pytest.mark.parametrize(
    "field", [b"%C0%A0", b"%ED%A0%80", b"%ff", b"100%", b"%4", b"%zz", "€".encode(), b"\xff"]
)
def test_what_is_no_text_is_refused(field: bytes) -> None:
    """Invalid UTF-8, percent signs without digits and bytes outside ASCII are malformed."""
    with pytest.raises(Malformed):
        header_value(field, "#")


def test_modes_say_the_same() -> None:
    """An event in binary, structured and batch mode is read as the same event, byte for byte of its data."""
    data = b'{"n": 1.10, "big": 12345678901234567890123}'
    event = plain(data, "application/json", subject="a%20b", time="2026-01-31T12:00:00+01:00", comext="x")
    said = '"specversion":"1.0","id":"1","source":"/s","type":"t","datacontenttype":"application/json",'
    said += '"subject":"a b","time":"2026-01-31T11:00:00Z","comext":"x","data":' + data.decode()
    assert structured(b"{" + said.encode() + b"}") == (event,)
    assert structured(b"[{" + said.encode() + b"}]", BATCH) == (event,)
    assert event.data == data
    assert event.attributes == {"comext": "x"}


def test_data_of_every_kind() -> None:
    """JSON stays JSON, text becomes its bytes, Base64 what it stands for; without data there are none."""
    assert structured(LEAST)[0].data == b""
    assert structured({**LEAST, "data": None})[0].data == b"null"
    assert structured({**LEAST, "data": "text"})[0].data == b'"text"'
    assert structured({**LEAST, "datacontenttype": "text/plain", "data": "grüße"})[0].data == "grüße".encode()
    assert structured({**LEAST, "datacontenttype": "image/png", "data_base64": "AP8="})[0].data == b"\x00\xff"
    assert plain(b"\x00\xff", "image/png").data == b"\x00\xff"
    assert plain(b"x").content_type == "application/octet-stream"
    assert plain().content_type == "application/json"


def test_attributes_keep_their_types() -> None:
    """Truth values and whole numbers of structured mode stay what they are; null is as if it were not there."""
    (event,) = structured({**LEAST, "flag": True, "count": -5, "nothing": None, "dataschema": "urn:x:1"})
    assert event.attributes == {"flag": True, "count": -5, "dataschema": "urn:x:1"}


def test_an_empty_batch_is_a_batch() -> None:
    """A batch may have no events."""
    assert structured([], BATCH) == ()


BROKEN: dict[str, tuple[Any, str]] = {
    "no id": ({k: v for k, v in LEAST.items() if k != "id"}, "#/id"),
    "null id": ({**LEAST, "id": None}, "#/id"),
    "empty source": ({**LEAST, "source": ""}, "#/source"),
    "source with a space": ({**LEAST, "source": "a b"}, "#/source"),
    "number as type": ({**LEAST, "type": 1}, "#/type"),
    "no version": ({k: v for k, v in LEAST.items() if k != "specversion"}, "#/specversion"),
    "old version": ({**LEAST, "specversion": "0.3"}, "#/specversion"),
    "upper case": ({**LEAST, "comExt": "x"}, "#/comExt"),
    "long name": ({**LEAST, "a" * 21: "x"}, "#/" + "a" * 21),
    "hyphen": ({**LEAST, "com-ext": "x"}, "#/com-ext"),
    "object as attribute": ({**LEAST, "ext": {}}, "#/ext"),
    "fraction as attribute": ({**LEAST, "ext": 1.5}, "#/ext"),
    "large number": ({**LEAST, "ext": 2**31}, "#/ext"),
    "control character": ({**LEAST, "ext": "a\x07"}, "#/ext"),
    "bad time": ({**LEAST, "time": "yesterday"}, "#/time"),
    "time without offset": ({**LEAST, "time": "2026-01-31T12:00:00"}, "#/time"),
    "relative dataschema": ({**LEAST, "dataschema": "/x"}, "#/dataschema"),
    "bad media type": ({**LEAST, "datacontenttype": "json"}, "#/datacontenttype"),
    "both data": ({**LEAST, "data": 1, "data_base64": "AA=="}, "#"),
    "bad base64": ({**LEAST, "data_base64": "A"}, "#/data_base64"),
    "base64 no text": ({**LEAST, "data_base64": 1}, "#/data_base64"),
    "text that is none": ({**LEAST, "datacontenttype": "text/plain", "data": {}}, "#/data"),
    "json in base64 that is none": ({**LEAST, "data_base64": "AP8="}, "#/data_base64"),
    "what only we say": ({**LEAST, "position": 7}, "#/position"),
    "no object": ([LEAST], "#"),
    "no JSON": (b"{", "#"),
    "no UTF-8": (b'{"id":"\xff"}', "#"),
    "not a number": (b'{"specversion":"1.0","id":"1","source":"/s","type":"t","data":NaN}', "#"),
    "half a surrogate": (b'{"specversion":"1.0","id":"\\ud800","source":"/s","type":"t"}', "#"),
    "too deep": (b"[" * 100_000, "#"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_event_is_malformed_where_it_is(name: str) -> None:
    """What breaks a rule of CloudEvents is refused with a pointer; in a batch with the number of the event."""
    body, pointer = BROKEN[name]
    with pytest.raises(Malformed) as refused:
        structured(body)
    assert [one.pointer for one in refused.value.errors] == [pointer]
    if isinstance(body, dict):
        with pytest.raises(Malformed) as refused:
            structured([LEAST, body], BATCH)
        assert [one.pointer for one in refused.value.errors] == ["#/1" + pointer[1:]]


@pytest.mark.parametrize(
    ("body", "media", "attributes"),
    [
        (b"", "", {"specversion": "-"}),
        (b"", "", {"id": "-"}),
        (b"", "", {"datacontenttype": "text/plain"}),
        (b"", "", {"data": "x"}),
        (b"{", "application/json", {}),
        (b'"\xff"', "application/json", {}),
        (b"x", "nonsense", {}),
        (b"", "", {"subject": "%C0%A0"}),
    ],
)
def test_a_broken_request_in_binary_mode_is_malformed(
    body: bytes, media: str, attributes: dict[str, str]
) -> None:
    """Missing attributes, `ce-datacontenttype`, JSON that is none and text that is none are refused."""
    with pytest.raises(Malformed):
        plain(body, media, **attributes)


def test_an_attribute_that_is_there_twice_is_malformed() -> None:
    """Two fields of one name do not become one."""
    lines = [(f"ce-{name}".encode(), value.encode()) for name, value in LEAST.items()]
    with pytest.raises(Malformed):
        read_events([*lines, (b"ce-id", b"2")], b"")


def test_sizes_are_bounded() -> None:
    """Data of 64 KiB and more is taken up to the limit; beyond it, and beyond a batch's number, it is too large."""
    assert len(plain(b"x" * DATA_MAX, "text/plain").data) == DATA_MAX >= 65_536
    with pytest.raises(TooLarge):
        plain(b"x" * (DATA_MAX + 1), "text/plain")
    with pytest.raises(TooLarge):
        structured([LEAST] * 1_001, BATCH)
    with pytest.raises(Malformed):
        structured({**LEAST, **{f"e{number}": "x" for number in range(40)}})
    with pytest.raises(Malformed):
        structured({**LEAST, "ext": "x" * 1_025})


def test_other_forms_of_the_family_are_not_read() -> None:
    """A CloudEvents format that is not read here is refused by its media type."""
    with pytest.raises(Refused) as refused:
        structured(LEAST, "application/cloudevents+avro")
    assert refused.value.kind.status == 415


def test_binary_mode_leaves_encoded() -> None:
    """Header fields of an event in binary mode are percent-encoded, and read back to the same text."""
    fields, body = binary({"id": 'ä "%" 😀', "flag": True, "data": "text", "datacontenttype": "text/plain"})
    assert fields == {"ce-id": "%C3%A4%20%22%25%22%20%F0%9F%98%80", "ce-flag": "true"}
    assert header_value(fields["ce-id"].encode(), "#") == 'ä "%" 😀'
    assert body == b"text"


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, "a/one"), (b"*/*", "a/one"), (b"a/*", "a/one"), (b"b/two", "b/two"), (b"text/html, b/*;q=0.1", "b/two"),
        (b"a/one;q=0.1, b/two;q=0.2", "b/two"), (b"a/one;q=0, */*", "b/two"), (b"A/ONE", "a/one"), (b"text/html", None),
        (b"a/one;q=0", None), (b"a/one;q=x", None),
    ],
)  # fmt: skip
def test_accept_chooses_the_form(accept: bytes | None, form: str | None) -> None:
    """The most exact range decides, the higher quality wins, nothing acceptable is 406."""
    if form is not None:
        assert chosen(accept, ("a/one", "b/two")) == form
        return
    with pytest.raises(Refused) as refused:
        chosen(accept, ("a/one", "b/two"))
    assert refused.value.kind.status == 406


@pytest.mark.parametrize(
    ("data", "media", "body"),
    [
        (msgspec.Raw(b'{"a": 1.0}'), "application/json", b'{"a": 1.0}'),
        ({"a": [1, "\u00fc"]}, "application/vnd.shop+json", '{"a":[1,"\u00fc"]}'.encode()),
        ("said", "application/json", b'"said"'),
        ("said", "text/plain", b"said"),
        (None, "application/json", b"null"),
    ],
)
def test_binary_mode_gives_data_in_its_own_type(data: Any, media: str, body: bytes) -> None:
    """JSON leaves as JSON, whether it is there as it was stored or as a value that another role sent; text as text."""
    assert binary({"id": "1", "data": data, "datacontenttype": media})[1] == body
