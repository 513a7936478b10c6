"""Any order of sign-ins, suspensions, removals and expiries: a plain model says which credentials hold."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from autobot.contracts import identity
from autobot.kernel.core.errors import Conflict, NotFound, Unauthenticated
from tests.unit.contexts.identity.kit import PASSWORD, World

ROLES: st.SearchStrategy[Any] = st.sampled_from(["admin", "operator", "user", "viewer"])


@dataclass
class Person:
    """What the model knows of a user."""

    id: str
    name: str
    role: str
    suspended: bool = False
    removed: bool = False

    @property
    def active(self) -> bool:
        """Whether credentials may hold."""
        return not self.suspended and not self.removed


@dataclass
class Credential:
    """What the model knows of a session or key."""

    token: str
    person: Person
    kind: str
    ends: Any = None
    id: str = ""
    dead: bool = False
    last_used: Any = None


class Lives(RuleBasedStateMachine):
    """Drives the context and a model side by side; two processes prove every credential after each step."""

    people = Bundle("people")
    credentials = Bundle("credentials")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.world = World()
        self.other = self.world.another_process()
        self.everyone: list[Person] = []
        self.known: list[Credential] = []
        self.count = 0
        started = self.run(self.world.do(identity.FirstStart(password=PASSWORD)))
        self.everyone.append(Person(started.user_id, "admin", "admin"))

    def run(self, work: Any) -> Any:
        """Run to the end."""
        return self.runner.run(work)

    def teardown(self) -> None:
        """Close the loop."""
        self.runner.close()

    # ------------------------------------------------------------------------------------------- steps

    @rule(target=people, role=ROLES)
    def add(self, role: Any) -> Person:
        """Somebody comes."""
        self.count += 1
        person = Person("", f"user{self.count}", role)
        person.id = self.run(self.world.add(person.name, role))
        self.everyone.append(person)
        return person

    @rule(target=people)
    def the_first(self) -> Person:
        """The first administrator is one of the people."""
        return self.everyone[0]

    @rule(target=credentials, person=people)
    def sign_in(self, person: Person) -> Any:
        """Signing in works exactly for the active."""
        try:
            session = self.run(self.world.sign_in(person.name))
        except Unauthenticated:
            assert not person.active
            return multiple()
        assert person.active
        now = self.world.clock.now()
        return self.note(
            Credential(session.token, person, "session", now + timedelta(days=30), last_used=now)
        )

    @rule(target=credentials, person=people, days=st.sampled_from([None, 2, 20]))
    def make_key(self, person: Person, days: int | None) -> Any:
        """A key is made exactly for the active."""
        ends = self.world.clock.now() + timedelta(days=days) if days else None
        command = identity.CreateKey(name="k", scopes=("*",), expires_at=ends, user_id=person.id)
        try:
            made = self.run(self.world.do(command))
        except (Conflict, NotFound):
            assert not person.active
            return multiple()
        assert person.active
        token = self.run(self.world.ask(identity.Reveal(sealed=made.sealed_key)))
        return self.note(Credential(token, person, "key", ends, made.key.id))

    def note(self, credential: Credential) -> Credential:
        """Remember a credential."""
        self.known.append(credential)
        return credential

    @rule(credential=consumes(credentials))
    def give_up(self, credential: Credential) -> None:
        """Sign out, or revoke: the credential is dead for good."""
        if credential.kind == "key":
            try:
                self.run(self.world.do(identity.RevokeKey(key_id=credential.id)))
            except NotFound:
                assert credential.dead
        elif (proof := self.run(self.world.authenticator.session(credential.token))) is not None:
            self.run(self.world.do(identity.SignOut(session=credential.token), proof.principal))
        credential.dead = True

    @rule(person=people, role=st.none() | ROLES, suspended=st.none() | st.booleans())
    def change(self, person: Person, role: Any, suspended: bool | None) -> None:
        """Role and suspension change, unless nobody could administrate any more."""
        command = identity.ChangeUser(user_id=person.id, role=role, suspended=suspended)
        try:
            self.run(self.world.do(command))
        except NotFound:
            assert person.removed
            return
        except Conflict:
            assert self.administrators() == [person]
            return
        if suspended and not person.suspended:
            self.end_sessions(person)
        person.role = role or person.role
        person.suspended = person.suspended if suspended is None else suspended

    @rule(person=people)
    def remove(self, person: Person) -> None:
        """A user goes, unless it is the last administrator."""
        try:
            self.run(self.world.do(identity.RemoveUser(user_id=person.id)))
        except NotFound:
            assert person.removed
        except Conflict:
            assert self.administrators() == [person]
        else:
            assert not person.removed
            person.removed = True
            for one in self.known:
                one.dead = one.dead or one.person is person

    @rule(person=people)
    def set_password(self, person: Person) -> None:
        """An administrator sets the password: all sessions of the user end."""
        try:
            self.run(self.world.do(identity.SetPassword(new=PASSWORD, user_id=person.id)))
        except NotFound:
            assert person.removed
        else:
            self.end_sessions(person)

    @rule(days=st.sampled_from([1, 3, 8]))
    def days_pass(self, days: int) -> None:
        """Time passes; uses are written now and then, as a process does."""
        self.run(self.world.authenticator.flush())
        self.run(self.other.flush())
        self.world.clock.move(days=days)

    def end_sessions(self, person: Person) -> None:
        """All sessions of a person are over."""
        for one in self.known:
            if one.person is person and one.kind == "session":
                one.dead = True

    def administrators(self) -> list[Person]:
        """Who can administrate."""
        return [one for one in self.everyone if one.active and one.role == "admin"]

    # -------------------------------------------------------------------------------------- invariants

    @invariant()
    def somebody_administrates(self) -> None:
        """There is always an active administrator."""
        assert self.administrators()

    @invariant()
    def credentials_hold_exactly_when_they_should(self) -> None:
        """Both processes agree with the model on every credential, and on whom it proves."""
        now = self.world.clock.now()
        for one in self.known:
            expected = one.person.active and not one.dead and (one.ends is None or now < one.ends)
            if one.kind == "session":
                expected = expected and now < one.last_used + timedelta(days=7)
                one.dead = one.dead or now >= one.last_used + timedelta(days=7)
            for process in (self.world.authenticator, self.other):
                proof = self.run((process.key if one.kind == "key" else process.session)(one.token))
                assert (proof is not None) == expected, (one.kind, one.person)
                if proof is not None:
                    assert (proof.principal.user_id, proof.principal.role) == (one.person.id, one.person.role)
            if expected:
                one.last_used = now


def test_credentials_hold_exactly_when_they_should() -> None:
    """In any order of lives, in two processes, a credential holds exactly when the plain model says so."""
    run_state_machine_as_test(
        Lives, settings=settings(max_examples=60, stateful_step_count=20, deadline=None)
    )
