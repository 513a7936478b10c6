"""The only door of the identity context."""

from __future__ import annotations

from typing import Any, Final

from autobot.contexts.identity.handlers.authenticate import Authenticator, MakeProof, P
from autobot.contexts.identity.handlers.keys import ActionsOf, KeyHandlers
from autobot.contexts.identity.handlers.removal import RemovalHandlers
from autobot.contexts.identity.handlers.sign_in import SignInHandlers
from autobot.contexts.identity.handlers.users import UserHandlers
from autobot.contexts.identity.ports.directory import Directory
from autobot.contexts.identity.ports.sealing import Sealer
from autobot.contexts.identity.ports.secrets import Passwords, Tokens, Vault
from autobot.contexts.identity.process import NAME as REMOVAL
from autobot.contexts.identity.process import removal_starter, user_removal
from autobot.contexts.identity.read_model import IdentityQueries
from autobot.contracts import identity
from autobot.kernel.commands.authorize import Rule, Verdict
from autobot.kernel.commands.decision import CommandSpec, Module, QuerySpec
from autobot.kernel.core.clock import Clock
from autobot.kernel.core.ids import IdSource
from autobot.kernel.event_store.codec import EventCodec
from autobot.kernel.event_store.ports import EventStore

REMOVE: Final = "identity:remove"
"""What only the saga of a removal does."""
__all__ = ["REMOVAL", "RULES", "authenticator", "build", "removal_starter", "user_removal"]

_ALL: Final[dict[str, Any]] = dict.fromkeys(("admin", "operator", "user", "viewer"), Verdict.ALLOW)
_OWN: Final[dict[str, Any]] = {
    "admin": Verdict.ALLOW,
    "operator": Verdict.OWN,
    "user": Verdict.OWN,
    "viewer": Verdict.OWN,
}

RULES: Final = (
    Rule(action=identity.SIGN_IN, **_ALL),
    Rule(action="identity:sign_out", **_ALL),
    Rule(action="identity:me", **_ALL),
    Rule(action="identity:reveal", **_ALL),
    Rule(action="identity:password", **_OWN),
    Rule(action="identity:keys", **_OWN),
    Rule(action="identity:users", admin=Verdict.ALLOW),
    # One at a time, by the whole name: nobody but administrators reads the list.
    Rule(action="identity:people", admin=Verdict.ALLOW, operator=Verdict.ALLOW, user=Verdict.ALLOW),
    Rule(action=REMOVE),
)


def build(
    *,
    store: EventStore,
    codec: EventCodec,
    clock: Clock,
    ids: IdSource,
    passwords: Passwords,
    tokens: Tokens,
    vault: Vault,
    actions_of: ActionsOf,
) -> Module:
    """Return the context.

    `actions_of` answers which actions a role may do; it is first called when a key is made, so it can ask
    the table that is compiled from all modules' rules. The codec must know `identity.EVENTS`.
    """
    directory, sealer = Directory(store, codec), Sealer(vault, clock)
    users = UserHandlers(
        directory=directory, passwords=passwords, tokens=tokens, sealer=sealer, clock=clock, ids=ids
    )
    sign_in = SignInHandlers(directory=directory, passwords=passwords, tokens=tokens, clock=clock, ids=ids)
    keys = KeyHandlers(
        directory=directory, tokens=tokens, sealer=sealer, actions_of=actions_of, clock=clock, ids=ids
    )
    return Module(
        name="identity",
        commands=(
            *_user_commands(users),
            *_removal_commands(RemovalHandlers(directory, clock, ids)),
            *_credential_commands(users, sign_in, keys),
        ),
        queries=_queries(IdentityQueries(directory, sealer), users),
        events=identity.EVENTS,
        rules=RULES,
    )


def authenticator(
    *, store: EventStore, codec: EventCodec, clock: Clock, make: MakeProof[P]
) -> Authenticator[P]:
    """Return what proves credentials; `make` makes the edge's own form of a proof. Flush it once a minute."""
    return Authenticator(Directory(store, codec), store, codec, clock, make)


def _user_commands(users: UserHandlers) -> tuple[CommandSpec, ...]:
    manage = "identity:users"
    return (
        CommandSpec(
            command=identity.FirstStart,
            action=manage,
            handler=users.first_start,
            answer=identity.FirstStarted,
            secret=frozenset({"password"}),
        ),
        CommandSpec(
            command=identity.AddUser,
            action=manage,
            handler=users.add,
            answer=identity.UserMade,
            secret=frozenset({"password"}),
        ),
        CommandSpec(
            command=identity.ChangeUser, action=manage, handler=users.change, answer=identity.UserView
        ),
        CommandSpec(
            command=identity.IssueLink, action=manage, handler=users.issue_link, answer=identity.LinkMade
        ),
    )


def _removal_commands(removal: RemovalHandlers) -> tuple[CommandSpec, ...]:
    return (
        CommandSpec(
            command=identity.RemoveUser,
            action="identity:users",
            handler=removal.request,
            answer=identity.RemovalStarted,
        ),
        CommandSpec(command=identity.TakeUser, action=REMOVE, handler=removal.take, answer=identity.Nothing),
        CommandSpec(command=identity.KeepUser, action=REMOVE, handler=removal.keep, answer=identity.Nothing),
        CommandSpec(
            command=identity.EraseUser, action=REMOVE, handler=removal.erase, answer=identity.Nothing
        ),
    )


def _credential_commands(
    users: UserHandlers, sign_in: SignInHandlers, keys: KeyHandlers
) -> tuple[CommandSpec, ...]:
    return (
        CommandSpec(
            command=identity.SetPassword,
            action="identity:password",
            handler=users.set_password,
            answer=identity.Nothing,
            owner=users.owner,
            secret=frozenset({"new", "current", "session"}),
        ),
        CommandSpec(
            command=identity.SignIn,
            action=identity.SIGN_IN,
            handler=sign_in.by_password,
            answer=identity.SignedInSession,
            secret=frozenset({"password"}),
        ),
        CommandSpec(
            command=identity.SignInWithLink,
            action=identity.SIGN_IN,
            handler=sign_in.by_link,
            answer=identity.SignedInSession,
            secret=frozenset({"token"}),
        ),
        CommandSpec(
            command=identity.SignOut,
            action="identity:sign_out",
            handler=sign_in.end,
            answer=identity.Nothing,
            secret=frozenset({"session"}),
        ),
        CommandSpec(
            command=identity.CreateKey,
            action="identity:keys",
            handler=keys.create,
            answer=identity.KeyMade,
            owner=users.owner,
        ),
        CommandSpec(
            command=identity.RevokeKey,
            action="identity:keys",
            handler=keys.revoke,
            answer=identity.Nothing,
            owner=keys.owner,
        ),
    )


def _queries(queries: IdentityQueries, users: UserHandlers) -> tuple[QuerySpec, ...]:
    return (
        QuerySpec(query=identity.Me, action="identity:me", handler=queries.me),
        QuerySpec(query=identity.Reveal, action="identity:reveal", handler=queries.reveal),
        QuerySpec(query=identity.ListUsers, action="identity:users", handler=queries.users),
        QuerySpec(query=identity.FindPerson, action="identity:people", handler=queries.person),
        QuerySpec(query=identity.ListKeys, action="identity:keys", handler=queries.keys, owner=users.owner),
    )
