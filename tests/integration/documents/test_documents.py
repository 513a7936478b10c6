"""Documents of a real server: added, read, found ready; looked at, changed and gone."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any, Final

import pytest

from autobot.testing.client import Client, Reply
from autobot.testing.harness import ServerProcess

BASE: Final = "/api/v1/knowledge_base"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """AutoBot as it is with nothing installed."""
    with ServerProcess(tmp_path_factory.mktemp("documents") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def client(server: ServerProcess) -> Iterator[Client]:
    """Its administrator's program."""
    with Client(server.local, key=server.key("knowledge:*")) as asking:
        yield asking


def form(
    data: bytes, filename: str, media_type: str = "application/octet-stream", **fields: str
) -> tuple[bytes, str]:
    """Return a form with a file, and its content type."""
    mark = secrets.token_hex(12)
    parts = [
        f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
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
