"""The real edge over the real contexts on the memory store: what tests of the REST routes share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autobot.contexts.actions.module import Call, action_run, run_starter
from autobot.contexts.actions.module import build as build_actions
from autobot.contexts.identity.module import authenticator
from autobot.contexts.identity.module import build as build_identity
from autobot.contexts.settings.module import build as build_settings
from autobot.contracts import actions, identity, settings
from autobot.gateway.access import Proven
from autobot.gateway.app import create_app
from autobot.gateway.rest import actions as actions_routes
from autobot.gateway.rest import auth as auth_routes
from autobot.gateway.rest import settings as settings_routes
from autobot.gateway.site import Site
from autobot.kernel.commands.authorize import Rule, Verdict
from autobot.kernel.core.context import SYSTEM, Principal
from autobot.kernel.resilience.rate_limit.limiter import MemoryLimiter
from autobot.kernel.sagas import facts
from autobot.kernel.sagas.engine import RunEngine
from tests.unit.contexts.kit import CHAT_RULES, Ground, context_of
from tests.unit.gateway.edge import Client, Reply, parts

PASSWORD = "correct horse battery"
RULES = (
    *CHAT_RULES,
    Rule(action="system:read", **dict.fromkeys(("admin", "operator", "user", "viewer"), Verdict.ALLOW)),
    Rule(action="system:operate", admin=Verdict.ALLOW),
    Rule(action="system:diagnose", admin=Verdict.ALLOW),
)


def make(principal: Principal, credential: str, csrf: str | None, expires: float | None) -> Proven:
    """Make the edge's form of a proof."""
    return Proven(principal=principal, credential=credential, csrf=csrf, expires=expires)


class Product(Ground):
    """Identity, settings and actions behind the edge."""

    def __init__(self, site: Site | None = None, environment: Mapping[str, str] | None = None) -> None:
        super().__init__((*identity.EVENTS, *settings.EVENTS, *actions.EVENTS, *facts.EVENTS))
        self.work = {"run_diagnostics": self.diagnose, "create_backup": self.back_up}
        self.failure: Exception | None = None
        common: dict[str, Any] = {"store": self.store, "clock": self.clock, "ids": self.ids}
        people = build_identity(
            **common,
            codec=self.codec,
            passwords=self.passwords,
            tokens=self.tokens,
            vault=self.vault,
            actions_of=self.actions_of,
        )
        chosen = build_settings(
            **common, codec=self.codec, vault=self.vault, file={}, environment=environment or {}
        )
        acts = build_actions(
            **common,
            work=self.work,
            allowed=lambda who, what: self.authorizer.verdict(who, what) is not Verdict.DENY,
        )
        self.product_bus = self.bus([people, chosen.module, acts], RULES)
        self.site = site or Site()
        limiter = MemoryLimiter(self.clock)
        app = create_app(
            parts(
                clock=self.clock,
                authenticator=authenticator(store=self.store, codec=self.codec, clock=self.clock, make=make),
                authorizer=self.authorizer,
                limiter=limiter,
                site=self.site,
                routers=(
                    auth_routes.router(self.product_bus, limiter, self.site),
                    settings_routes.router(self.product_bus),
                    actions_routes.router(self.product_bus),
                ),
            )
        )
        self.call = Client(app)
        self.app = app

    async def diagnose(self, call: Call) -> dict[str, Any]:
        """A short action."""
        if self.failure is not None:
            raise self.failure
        return {"asked_by": call.context.principal.username}

    async def back_up(self, call: Call) -> dict[str, Any]:
        """A long action."""
        return {"with_key": call.parameters.with_key}

    def engine(self) -> tuple[RunEngine, Any]:
        """Return what carries runs, and what starts them."""

        async def frame(channel: str, body: dict[str, Any]) -> None:
            return

        run = action_run(
            bus=self.product_bus, store=self.store, codec=self.codec, clock=self.clock, work=self.work
        )
        engine = RunEngine([run], self.store, self.codec, self.clock, frame)
        return engine, run_starter(self.codec, engine.accept)

    async def user(self, username: str, role: identity.UserRole = "user") -> str:
        """Add a user with a password; returns the id."""
        command = identity.AddUser(username=username, role=role, password=PASSWORD)
        return str((await self.product_bus.dispatch(command, context_of(SYSTEM))).value.user.id)

    async def browser(self, username: str, password: str = PASSWORD) -> Browser:
        """Sign in as a browser does."""
        browser = Browser(self)
        reply = await browser.sign_in(username, password)
        assert reply.status == 200, reply.body
        return browser

    async def key(self, username: str, *scopes: str) -> dict[str, str]:
        """Return the header fields of a new API key of a user."""
        context = context_of(SYSTEM)
        found = await self.product_bus.ask(identity.ListUsers(name_or_id=username), context)
        command = identity.CreateKey(name="test", scopes=scopes or ("*",), user_id=found.items[0].id)
        made = (await self.product_bus.dispatch(command, context)).value
        secret = await self.product_bus.ask(identity.Reveal(sealed=made.sealed_key), context)
        return {"authorization": f"Bearer {secret}"}


class Browser:
    """Keeps the cookie and sends the CSRF proof."""

    def __init__(self, product: Product) -> None:
        self.product = product
        self.cookie = ""
        self.csrf = ""

    async def sign_in(self, username: str, password: str) -> Reply:
        """Sign in by name and password."""
        body = {"username": username, "password": password}
        return self.took(await self.product.call("POST", "/api/v1/auth/login", json_body=body))

    def took(self, reply: Reply) -> Reply:
        """Take the session of a sign-in's answer."""
        if reply.status == 200:
            self.cookie = reply["set-cookie"].partition(";")[0]
            self.csrf = reply.json["csrf_token"]
        return reply

    async def __call__(self, method: str, path: str, json_body: Any = None, **more: Any) -> Reply:
        """Send a request of the session."""
        headers = {"cookie": self.cookie, "x-csrf-token": self.csrf, **more.pop("headers", {})}
        return await self.product.call(method, path, json_body=json_body, headers=headers, **more)
