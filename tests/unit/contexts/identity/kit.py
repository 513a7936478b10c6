"""The identity context as its tests use it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from autobot.contexts.identity.module import authenticator, build
from autobot.contracts import identity
from autobot.kernel.commands.decision import Answer
from autobot.kernel.core.context import SYSTEM, Principal
from tests.unit.contexts.kit import Ground, context_of

PASSWORD = "correct horse battery"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A proof as an edge keeps it."""

    principal: Principal
    credential: str
    csrf: str | None
    expires: float | None


def make(principal: Principal, credential: str, csrf: str | None, expires: float | None) -> Proof:
    """Make a proof."""
    return Proof(principal=principal, credential=credential, csrf=csrf, expires=expires)


class World(Ground):
    """Identity with its bus and authenticator."""

    def __init__(self) -> None:
        super().__init__(identity.EVENTS)
        self.module = build(
            store=self.store,
            codec=self.codec,
            clock=self.clock,
            ids=self.ids,
            passwords=self.passwords,
            tokens=self.tokens,
            vault=self.vault,
            actions_of=self.actions_of,
        )
        self.identity_bus = self.bus([self.module])
        self.authenticator = self.another_process()

    def another_process(self) -> Any:
        """Return an authenticator with a memory of its own over the same store."""
        return authenticator(store=self.store, codec=self.codec, clock=self.clock, make=make)

    async def do(self, command: Any, principal: Principal = SYSTEM, key: str | None = None) -> Any:
        """Run a command and return its answer."""
        return (await self.answer(command, principal, key)).value

    async def answer(
        self, command: Any, principal: Principal = SYSTEM, key: str | None = None
    ) -> Answer[Any]:
        """Run a command and return the bus's answer."""
        return await self.identity_bus.dispatch(command, context_of(principal), key=key)

    async def ask(self, query: Any, principal: Principal = SYSTEM) -> Any:
        """Ask a query."""
        return await self.identity_bus.ask(query, context_of(principal))

    async def add(
        self, username: str, role: identity.UserRole = "user", password: str | None = PASSWORD
    ) -> str:
        """Add a user and return the id."""
        made = await self.do(identity.AddUser(username=username, role=role, password=password))
        return str(made.user.id)

    async def sign_in(self, username: str, password: str = PASSWORD) -> identity.SignedInSession:
        """Sign in and return the session."""
        command = identity.SignIn(username=username, password=password)
        session: identity.SignedInSession = await self.do(command, identity.VISITOR)
        return session

    async def signed_in(self, username: str) -> Principal:
        """Sign in and return the principal that the session proves."""
        proof = await self.authenticator.session((await self.sign_in(username)).token)
        assert proof is not None
        principal: Principal = proof.principal
        return principal

    async def key(self, principal: Principal, *scopes: str, **fields: Any) -> str:
        """Make an API key and return it."""
        made = await self.do(identity.CreateKey(name="test", scopes=scopes or ("*",), **fields), principal)
        return str(await self.ask(identity.Reveal(sealed=made.sealed_key), principal))
