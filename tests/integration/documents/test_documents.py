"""Documents of a real server: added, read, found ready; looked at, changed and gone."""

from __future__ import annotations

import http.client
import secrets
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest

from autobot.testing.client import Client, Reply
from autobot.testing.harness import ServerProcess
from tests.integration.documents import files

BASE: Final = "/api/v1/knowledge_base"


def form(
    data: bytes,
    filename: str,
    media_type: str = "application/octet-stream",
    beside: Mapping[str, bytes] | None = None,
    **fields: str,
) -> tuple[bytes, str]:
    """Return a form with a file, others `beside` it by the name of their part, and its content type."""
    mark = secrets.token_hex(12)
    parts = [
        f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    for name, more in (beside or {}).items():
        head = f'--{mark}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}.tsv"\r\n'
        parts.append(head.encode() + b"Content-Type: text/plain\r\n\r\n" + more + b"\r\n")
    head = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n'
    parts.append(head.encode() + f"Content-Type: {media_type}\r\n\r\n".encode() + data + b"\r\n")
    return b"".join(parts) + f"--{mark}--\r\n".encode(), f"multipart/form-data; boundary={mark}"


def upload(client: Client, data: bytes, filename: str, media_type: str = "", **fields: str) -> Reply:
    """Send a file."""
    body, kind = form(data, filename, media_type or "application/octet-stream", **fields)
    return client("POST", f"{BASE}/documents", raw=body, headers={"content-type": kind})


def settled(client: Client, document_id: str) -> Any:
    """Return a document when nothing is done with it any more."""
    path = f"{BASE}/documents/{document_id}"
    view = client("GET", path, headers={"prefer": "wait=25"}).expect(200).json
    assert view["status"] in ("ready", "failed", "cancelled"), view
    return view


def test_a_file_becomes_text_that_can_be_read(client: Client, server: ServerProcess) -> None:
    """An upload is answered at once, ends ready by its words, and shows its text and its original."""
    data = b"# Ferns\n\nFerns grow in the shade.\n"
    accepted = upload(client, data, "ferns.md", "text/markdown", tags="plants,shade").expect(202).json
    view = settled(client, accepted["id"])
    assert (view["status"], view["ready_version"], view["passages"]) == ("ready", 1, 1), view
    assert view["tags"] == ["plants", "shade"]
    text = client.get(f"{BASE}/documents/{accepted['id']}/text").expect(200).json
    assert text["text"] == data.decode()
    original = client.get(f"{BASE}/documents/{accepted['id']}/original").expect(200)
    assert original.body == data
    assert original.headers["content-disposition"].startswith("attachment")


def test_an_empty_document_is_refused(client: Client) -> None:
    """A file, a text or a form without anything but white space is 422, and nothing of it stays."""
    for data in (b"", b" \n\t\r\n", b"\xef\xbb\xbf\n"):
        upload(client, data, "empty.txt").problem(422, "validation")
    for body in (
        {"title": "empty", "text": ""},
        {"title": "empty", "text": " \n "},
        {"text": "without a title"},
        {"title": "neither"},
        {"title": "both", "text": "x", "url": "http://example.org/"},
        {"title": "x", "text": "x", "unknown": 1},
        {"url": "ftp://example.org/"},
        {"url": "http://name:password@example.org/"},
        {"title": "x" * 301, "text": "x"},
    ):
        client.post(f"{BASE}/documents", body).problem(422)
    body, kind = form(b"x", "a.txt", wrong="1")
    client("POST", f"{BASE}/documents", raw=body, headers={"content-type": kind}).problem(422)


def test_a_form_that_breaks_is_refused(client: Client) -> None:
    """A form that ends too early, names no boundary or has no file is refused, and the server goes on."""
    body, kind = form(b"x" * 1000, "a.txt")
    for raw, told, status in (
        (body[:-30], kind, 400),
        (body, "multipart/form-data", 400),
        (b"--b\r\nnothing\r\n\r\nx\r\n--b--\r\n", "multipart/form-data; boundary=b", 400),
        (b"--b--\r\n", "multipart/form-data; boundary=b", 422),
    ):
        client("POST", f"{BASE}/documents", raw=raw, headers={"content-type": told}).problem(status)


def test_a_gigabyte_is_refused_unread(client: Client, server: ServerProcess) -> None:
    """What says that it has 1 GB is refused at once; what does not say so is cut off at the limit, with bounded memory and nothing left."""
    kind = "multipart/form-data; boundary=b"
    with Client(server.local, key=client.key) as other:
        connection = other.connect()
        connection.putrequest("POST", f"{BASE}/documents")
        for name, value in other.headers(
            "POST", {"content-type": kind, "content-length": str(1 << 30)}
        ).items():
            connection.putheader(name, value)
        connection.endheaders()
        assert connection.getresponse().status == 413
        connection.close()
    before = resident(server.pid)
    with Client(server.local, key=client.key) as other:
        connection = other.connect()
        head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
        piece = b"x" * (1 << 20)

        def body() -> Iterator[bytes]:
            yield head
            for _ in range(1024):
                yield piece

        with suppress(OSError):
            connection.request(
                "POST",
                f"{BASE}/documents",
                body(),
                other.headers("POST", {"content-type": kind}),
                encode_chunked=True,
            )
        with suppress(OSError, http.client.HTTPException):
            assert connection.getresponse().status == 413
        connection.close()
    assert resident(server.pid) - before < 64 << 20
    assert list((server.folder / "originals" / "uploads").glob("*")) == []


def resident(pid: int) -> int:
    """Return the bytes of memory that a process has."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


def test_a_private_address_fails_with_its_cause(client: Client, server: ServerProcess) -> None:
    """An address of this machine is taken and fails, whatever its notation; nothing was asked of it."""
    port = server.local.rpartition(":")[2]
    for host in ("127.0.0.1", "localhost", "[::1]", "0x7f.1"):
        made = client.post(f"{BASE}/documents", {"url": f"http://{host}:{port}/"}).expect(202).json
        view = settled(client, made["id"])
        assert (view["status"], view["error"]["code"]) == ("failed", "forbidden"), view
        client.post(f"{BASE}/documents/{made['id']}/retry").expect(202)
        assert settled(client, made["id"])["status"] == "failed"


@pytest.mark.parametrize(
    ("data", "filename", "words"),
    [
        (files.pdf("Herons wade in water."), "herons.pdf", "herons"),
        (files.word(), "birds.docx", "reeds"),
        (
            b"<html><body><h1>Ferns</h1><p>Ferns like shade.</p><script>x</script></body></html>",
            "ferns.html",
            "shade",
        ),
        (b"kind,count\nmagpie,3\n", "counts.csv", "magpie"),
        (b"def heronry(x):\n    return x\n", "birds.py", "heronry"),
        ("אנפה עומדת במים".encode("utf-16"), "hebrew.txt", "אנפה"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_each_kind_is_found_by_what_it_says(client: Client, data: bytes, filename: str, words: str) -> None:
    """A real file of each kind is taken in, read, and found by a word of it."""
    place = client.post(f"{BASE}/collections", {"name": filename}).expect(201).json["id"]
    made = upload(client, data, filename, collection=place).expect(202).json
    assert settled(client, made["id"])["status"] == "ready"
    body = {"query": words, "mode": "lexical", "group": "document", "collection": place}
    found = client.post(f"{BASE}/search", body).expect(200).json["items"]
    assert made["id"] in [one["document_id"] for one in found]


def test_doing_it_again_under_one_key_is_done_once(client: Client) -> None:
    """The same file under the same idempotency key is answered alike, and one original stays."""
    key = secrets.token_hex(16)
    answers = []
    for _ in range(2):
        body, kind = form(b"once and only once", "once.txt")
        fields = {"content-type": kind, "idempotency-key": f'"{key}"'}
        answers.append(client("POST", f"{BASE}/documents", raw=body, headers=fields).expect(202))
    assert answers[0].json == answers[1].json
    assert answers[1].headers["idempotent-replayed"] == "true"
    assert (
        client.get(f"{BASE}/documents/{answers[0].json['id']}/original").expect(200).body
        == b"once and only once"
    )
