"""Makes people on a running server."""

from __future__ import annotations

import itertools
from contextlib import ExitStack
from typing import Final

from autobot.testing.client import Client
from autobot.testing.harness import PASSWORD, ServerProcess
from tests.integration.product.people import Person

NAMES: Final = itertools.count(1)


class Host:
    """People on one server. The administrator signs in once, as sign-ins are limited per name."""

    def __init__(self, server: ServerProcess, closing: ExitStack) -> None:
        self.server, self._closing = server, closing
        self.admin = Person(self._new())
        self.admin.client.sign_in("admin", PASSWORD).expect(200)
        self.admin.id = self.admin.client.get("/api/v1/auth/me").expect(200).json["id"]

    def _new(self, key: str = "") -> Client:
        return self._closing.enter_context(self.server.client(key=key))

    def __call__(self, role: str = "user") -> Person:
        """Add somebody with a password and sign in as them."""
        name = f"{role}-{next(NAMES)}"
        body = {"username": name, "role": role, "password": PASSWORD}
        made = self.admin.client.post("/api/v1/auth/users", body).expect(201).json
        person = Person(self._new(), id=made["id"], name=name)
        person.client.sign_in(name, PASSWORD).expect(200)
        return person

    def again(self, person: Person) -> Person:
        """Return the same person at another browser, not signed in."""
        return Person(self._new(), id=person.id, name=person.name)

    def by_key(self, person: Person, *scopes: str) -> Person:
        """Return a program that uses a new key of this person."""
        body = {"name": "a program", "scopes": list(scopes or ("*",))}
        key = person.client.post("/api/v1/auth/keys", body).expect(201).json["key"]
        return Person(self._new(key), id=person.id, name=person.name)

    def nobody(self) -> Person:
        """Return a visitor."""
        return Person(self._new(), name="nobody")
