"""`/api/v1/auth`: signing in and out, one's own account, API keys, users.

Signing in and setting a password take no idempotency key: an answer that is kept for retries would hold a
session, and a fingerprint that leaves the password out could not tell two attempts apart. Repeating either
is harmless.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from http.cookies import SimpleCookie
from typing import Annotated, Final

from annotated_types import Len
from fastapi import APIRouter, Query
from starlette.responses import Response

from autobot.contracts import identity
from autobot.gateway.access import needs, public, signed_in
from autobot.gateway.exchange import Call, Context, Exchange
from autobot.gateway.middleware.authentication import COOKIE, session_cookie
from autobot.gateway.middleware.rate_limit import LOGIN, RouteClass, admit
from autobot.gateway.rest.answers import json_answer, no_content
from autobot.gateway.routing import router as new_router
from autobot.gateway.site import Site
from autobot.kernel.commands.ports import Dispatcher
from autobot.kernel.core.context import CallContext
from autobot.kernel.resilience.rate_limit.limiter import Limiter

Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(max_length=500)]
GraceDays = Annotated[int, Query(ge=0, le=30)]
UserId = Annotated[str | None, Query(max_length=64)]
SECRET: Final = {"cache-control": "no-store"}
SESSION_SECONDS: Final = 30 * 24 * 3600
"""How long a browser keeps the cookie; the server ends the session by its own rules."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Body of a sign-in by password."""

    username: identity.GivenName
    password: identity.GivenPassword = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkLogin:
    """Body of a sign-in by link: the part of the link after `#token=`."""

    token: identity.Token = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who signed in."""

    id: str
    username: str
    role: identity.UserRole


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedInAnswer:
    """The session is in the cookie; `csrf_token` goes into X-CSRF-Token of every write."""

    user: Account
    csrf_token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordChange:
    """Body of a password change; `current` is needed when there is one."""

    new: identity.NewPassword = field(repr=False)
    current: identity.GivenPassword | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeAnswer(identity.MeView):
    """Who asks; `csrf_token` in a browser session only."""

    csrf_token: str | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """Body of a new API key."""

    name: identity.KeyName
    scopes: Annotated[tuple[identity.Scope, ...], Len(1, 50)]
    expires_at: datetime | None = None
    user_id: identity.Id | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownKey(identity.KeyView):
    """A new key with its secret, shown this once."""

    key: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUser:
    """Body of a new user. Without a password the answer carries a sign-in link."""

    username: identity.Username
    role: identity.UserRole = "user"
    password: identity.NewPassword | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownUser(identity.UserView):
    """A new user; `sign_in_link` works once, for 24 hours."""

    sign_in_link: str | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class UserChange:
    """Body of a change: what is left out stays."""

    role: identity.UserRole | None = None
    suspended: bool | None = None
    reason: identity.Reason = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownLink:
    """A sign-in link; it works once."""

    user_id: str
    sign_in_link: str = field(repr=False)
    expires_at: str


def router(bus: Dispatcher, limiter: Limiter, site: Site, login: RouteClass = LOGIN) -> APIRouter:
    """Return the routes over the bus. `login` limits attempts per address and name."""
    routes = new_router("/api/v1/auth", "auth")
    _sign_in_routes(routes, bus, limiter, login)
    _account_routes(routes, bus, limiter, login)
    _key_routes(routes, bus)
    _user_routes(routes, bus, site)
    _user_commands(routes, bus, site)
    return routes


def sign_in_link(call: Exchange, site: Site, token: str) -> str:
    """Return the address that signs in with `token`. The token stands in the fragment, which no server logs."""
    origin = site.origin or (f"{call.scheme}://{call.host}" if call.host else "")
    return f"{origin}{call.address('/sign-in')}#token={token}"


def _visitor(context: CallContext) -> CallContext:
    return replace(context, principal=identity.VISITOR)


def _cookie(call: Exchange, token: str, seconds: int) -> str:
    jar: SimpleCookie = SimpleCookie()
    jar[COOKIE] = token
    made = jar[COOKIE]
    made["path"] = call.base or "/"
    made["max-age"] = str(seconds)
    made["httponly"] = True
    made["samesite"] = "Lax"
    if call.scheme == "https":
        made["secure"] = True
    return made.OutputString()


def _signed_in(call: Exchange, session: identity.SignedInSession) -> Response:
    user = session.user
    answer = SignedInAnswer(
        user=Account(id=user.id, username=user.username, role=user.role), csrf_token=session.csrf_token
    )
    return json_answer(answer, 200, {**SECRET, "set-cookie": _cookie(call, session.token, SESSION_SECONDS)})


def _session_of(call: Exchange) -> str | None:
    """Return the session token of a request that a session proved."""
    if call.proven is None or call.proven.csrf is None:
        return None
    return session_cookie(call.fields.get(b"cookie", b""))


def _sign_in_routes(routes: APIRouter, bus: Dispatcher, limiter: Limiter, limit: RouteClass) -> None:
    @routes.post("/login", response_model=SignedInAnswer, summary="Sign in by name and password")
    @public
    async def login(body: Login, call: Call) -> Response:
        await admit(limiter, call, limit, call.client, body.username.strip().casefold())
        command = identity.SignIn(username=body.username, password=body.password)
        answer = await bus.dispatch(command, _visitor(call.called))
        return _signed_in(call, answer.value)

    @routes.post("/link", response_model=SignedInAnswer, summary="Sign in by a one-time link")
    @public
    async def link(body: LinkLogin, call: Call) -> Response:
        await admit(limiter, call, limit, call.client, "")
        answer = await bus.dispatch(identity.SignInWithLink(token=body.token), _visitor(call.called))
        return _signed_in(call, answer.value)

    @routes.post("/logout", status_code=204, summary="End this session")
    @signed_in
    async def logout(call: Call) -> Response:
        token = _session_of(call)
        if token is not None:
            call.settled(await bus.dispatch(identity.SignOut(session=token), call.called))
        answer = no_content()
        answer.headers["set-cookie"] = _cookie(call, "", 0)
        return answer


def _account_routes(routes: APIRouter, bus: Dispatcher, limiter: Limiter, limit: RouteClass) -> None:
    @routes.get("/me", response_model=MeAnswer, summary="Who am I")
    @signed_in
    async def me(call: Call) -> Response:
        view: identity.MeView = await bus.ask(identity.Me(), call.called)
        csrf = call.proven.csrf if call.proven else None
        answer = MeAnswer(
            id=view.id,
            username=view.username,
            role=view.role,
            kind=view.kind,
            scopes=view.scopes,
            has_password=view.has_password,
            csrf_token=csrf,
        )
        return json_answer(answer, 200, SECRET)

    @routes.post(
        "/password", status_code=204, summary="Set one's own password; every other session of the user ends"
    )
    @needs("identity:password")
    async def password(body: PasswordChange, call: Call) -> Response:
        await admit(limiter, call, limit, call.client, call.called.principal.id)
        command = identity.SetPassword(new=body.new, current=body.current, session=_session_of(call))
        call.settled(await bus.dispatch(command, call.called))
        return no_content()


def _key_routes(routes: APIRouter, bus: Dispatcher) -> None:
    @routes.get("/keys", response_model=identity.KeyPage, summary="List API keys")
    @needs("identity:keys")
    async def list_keys(
        context: Context, limit: Limit = 50, cursor: Cursor = None, user_id: UserId = None
    ) -> Response:
        query = identity.ListKeys(limit=limit, cursor=cursor, user_id=user_id)
        return json_answer(await bus.ask(query, context))

    @routes.post("/keys", response_model=ShownKey, status_code=201, summary="Make an API key")
    @needs("identity:keys")
    async def create_key(body: NewKey, call: Call) -> Response:
        command = identity.CreateKey(
            name=body.name, scopes=body.scopes, expires_at=body.expires_at, user_id=body.user_id
        )
        answer = await bus.dispatch(command, call.called, key=call.key)
        call.settled(answer)
        made: identity.KeyMade = answer.value
        secret = await bus.ask(identity.Reveal(sealed=made.sealed_key), call.called)
        key = made.key
        shown = ShownKey(
            id=key.id,
            name=key.name,
            prefix=key.prefix,
            scopes=key.scopes,
            created_at=key.created_at,
            expires_at=key.expires_at,
            last_used_at=key.last_used_at,
            user_id=key.user_id,
            key=secret,
        )
        return json_answer(shown, 201, SECRET)

    @routes.delete("/keys/{key_id}", status_code=204, summary="Revoke an API key for good")
    @needs("identity:keys")
    async def revoke_key(key_id: str, call: Call) -> Response:
        call.settled(await bus.dispatch(identity.RevokeKey(key_id=key_id), call.called, key=call.key))
        return no_content()


def _user_routes(routes: APIRouter, bus: Dispatcher, site: Site) -> None:
    @routes.get("/users", response_model=identity.UserPage, summary="List users")
    @needs("identity:users")
    async def list_users(
        context: Context,
        limit: Limit = 50,
        cursor: Cursor = None,
        q: Annotated[str | None, Query(min_length=1, max_length=200)] = None,
    ) -> Response:
        return json_answer(
            await bus.ask(identity.ListUsers(limit=limit, cursor=cursor, name_or_id=q), context)
        )

    @routes.get(
        "/people",
        response_model=identity.PersonView,
        summary="Find somebody to share with",
        description="The one who has exactly this name, without regard to case, or this id; 404 when nobody has it. "
        "Nothing but name and id is told, and there is no list.",
    )
    @needs("identity:people")
    async def find_person(
        context: Context, name: Annotated[str, Query(min_length=1, max_length=200)]
    ) -> Response:
        return json_answer(await bus.ask(identity.FindPerson(name_or_id=name), context))

    @routes.post("/users", response_model=ShownUser, status_code=201, summary="Add a user")
    @needs("identity:users")
    async def add_user(body: NewUser, call: Call) -> Response:
        command = identity.AddUser(username=body.username, role=body.role, password=body.password)
        answer = await bus.dispatch(command, call.called, key=call.key)
        call.settled(answer)
        made: identity.UserMade = answer.value
        link = None
        if made.sealed_link is not None:
            token = await bus.ask(identity.Reveal(sealed=made.sealed_link), call.called)
            link = sign_in_link(call, site, token)
        user = made.user
        shown = ShownUser(
            id=user.id,
            username=user.username,
            role=user.role,
            suspended=user.suspended,
            created_at=user.created_at,
            has_password=user.has_password,
            sign_in_link=link,
        )
        return json_answer(shown, 201, SECRET)


def _user_commands(routes: APIRouter, bus: Dispatcher, site: Site) -> None:
    @routes.patch(
        "/users/{user_id}", response_model=identity.UserView, summary="Change a role, suspend or restore"
    )
    @needs("identity:users")
    async def change_user(user_id: str, body: UserChange, call: Call) -> Response:
        command = identity.ChangeUser(
            user_id=user_id, role=body.role, suspended=body.suspended, reason=body.reason
        )
        answer = await bus.dispatch(command, call.called, key=call.key)
        call.settled(answer)
        return json_answer(answer.value)

    @routes.delete(
        "/users/{user_id}",
        status_code=204,
        summary="Remove a user with every credential and all that belongs to them",
        description="Credentials stop working at once. The saga at `Location` erases what belonged to the user; with "
        "`grace_days` it waits so long before it removes anything, and until then stopping it keeps the user.",
    )
    @needs("identity:users")
    async def remove_user(user_id: str, call: Call, grace_days: GraceDays = 0) -> Response:
        command = identity.RemoveUser(user_id=user_id, grace_days=grace_days)
        answer = await bus.dispatch(command, call.called, key=call.key)
        call.settled(answer)
        started: identity.RemovalStarted = answer.value
        gone = no_content()
        gone.headers["location"] = call.address(f"/api/v1/sagas/{started.removal_id}")
        return gone

    @routes.post(
        "/users/{user_id}/link",
        response_model=ShownLink,
        status_code=201,
        summary="Make a one-time sign-in link; an earlier one stops working",
    )
    @needs("identity:users")
    async def issue_link(user_id: str, call: Call) -> Response:
        answer = await bus.dispatch(identity.IssueLink(user_id=user_id), call.called, key=call.key)
        call.settled(answer)
        made: identity.LinkMade = answer.value
        token = await bus.ask(identity.Reveal(sealed=made.sealed_link), call.called)
        shown = ShownLink(
            user_id=made.user_id, sign_in_link=sign_in_link(call, site, token), expires_at=made.expires_at
        )
        return json_answer(shown, 201, SECRET)
