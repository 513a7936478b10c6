"""Documents with every role apart: whichever gateway takes a file and whichever backend is asked, it is one library."""

from __future__ import annotations

import os
import signal
from typing import Final

import pytest

from autobot.testing.installation import Installation

pytestmark = pytest.mark.needs_program("initdb")
DOCUMENTS: Final = "/api/v1/knowledge_base/documents"
WAIT: Final = {"prefer": "wait=20"}


def test_a_document_is_the_same_from_every_side(installation: Installation) -> None:
    """A file that a gateway took is indexed by a backend, and text, original and state are there from each."""
    text = "The heron waits in the shallow water.\n" * 2000
    body = {"title": "Herons", "text": text}
    made = installation.admin.post(DOCUMENTS, body).expect(202).json
    for _ in range(4):
        with installation.client() as client:
            view = client("GET", f"{DOCUMENTS}/{made['id']}", headers=WAIT).expect(200).json
            assert view["status"] == "ready", view
            assert client.get(f"{DOCUMENTS}/{made['id']}/original").expect(200).text == text
            read = client.get(f"{DOCUMENTS}/{made['id']}/text?length=1000000").expect(200).json
            assert (read["text"], read["total"]) == (text, len(text))
            again = client.post(DOCUMENTS, body).expect(202).json
            assert (again["id"], again["existing"]) == (made["id"], True)


def test_another_backend_takes_over_the_work(installation: Installation) -> None:
    """When the backend that indexes is killed, another one goes on with the queue."""
    admin = installation.admin

    def backends() -> dict[str, int]:
        found = {name: pid for name, pid in installation.processes().items() if name.startswith("backend")}
        return found if len(found) == 2 else {}

    pids = installation.until(backends, "two backends")
    made = [
        admin.post(DOCUMENTS, {"title": f"Fern {one}", "text": f"Fern {one} grows. " * 200}).expect(202).json
        for one in range(6)
    ]
    os.kill(min(pids.values()), signal.SIGKILL)
    for one in made:
        for _ in range(4):
            view = admin("GET", f"{DOCUMENTS}/{one['id']}", headers=WAIT)
            if view.status == 200 and view.json["status"] == "ready":
                break
        assert view.expect(200).json["status"] == "ready", view.json
        assert view.json["version"] == 1
