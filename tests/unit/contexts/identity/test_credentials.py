"""Logout, suspension and expiry hold for the very next request, on every credential and in every process."""

from datetime import timedelta

import pytest

from autobot.contracts import identity
from autobot.kernel.core.context import SYSTEM
from autobot.kernel.core.errors import (
    AutoBotError,
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    Unauthenticated,
)
from tests.unit.contexts.identity.kit import PASSWORD, World
from tests.unit.contexts.kit import with_scopes

pytestmark = pytest.mark.anyio


async def holds(world: World, credential: str) -> bool:
    """Say whether a credential holds in this process and in one that had it in memory; both must agree."""
    found = []
    for process in (world.authenticator, world.another_process()):
        prove = process.key if credential.startswith("ab_") else process.session
        found.append(await prove(credential) is not None)
    assert len(set(found)) == 1
    return found[0]


async def test_logout_works_at_once_everywhere() -> None:
    """A session that was signed out is refused at the next request, also by a process that had it in memory."""
    world = World()
    await world.add("ada")
    token, other = (await world.sign_in("ada")).token, (await world.sign_in("ada")).token
    elsewhere = world.another_process()
    principal = (await elsewhere.session(token)).principal
    assert await world.authenticator.session(token)
    await world.do(identity.SignOut(session=token), principal)
    assert await elsewhere.session(token) is None
    assert not await holds(world, token)
    assert await holds(world, other)
    await world.do(identity.SignOut(session=token), principal)


async def test_nobody_signs_another_out() -> None:
    """The token of somebody else's session ends nothing."""
    world = World()
    await world.add("ada")
    await world.add("eve")
    token = (await world.sign_in("ada")).token
    await world.do(identity.SignOut(session=token), await world.signed_in("eve"))
    assert await holds(world, token)


async def test_suspension_stops_every_credential_at_once() -> None:
    """Sessions, keys and links of a suspended user stop; restored, keys work again and sessions do not."""
    world = World()
    await world.do(identity.FirstStart())
    user_id = await world.add("ada")
    token, key = (await world.sign_in("ada")).token, await world.key(await world.signed_in("ada"))
    made = await world.do(identity.IssueLink(user_id=user_id))
    link = await world.ask(identity.Reveal(sealed=made.sealed_link))
    assert await holds(world, token)
    assert await holds(world, key)
    await world.do(identity.ChangeUser(user_id=user_id, suspended=True, reason="left"))
    assert not await holds(world, token)
    assert not await holds(world, key)
    await world.do(identity.ChangeUser(user_id=user_id, suspended=False))
    assert not await holds(world, token)
    assert await holds(world, key)
    with pytest.raises(Unauthenticated):
        await world.do(identity.SignInWithLink(token=link), identity.VISITOR)


async def test_a_removed_user_leaves_no_credential_and_a_free_name() -> None:
    """After removal nothing of the user proves anything, and the name can be taken by somebody new."""
    world = World()
    await world.do(identity.FirstStart())
    user_id = await world.add("ada")
    token, key = (await world.sign_in("ada")).token, await world.key(await world.signed_in("ada"))
    await world.do(identity.RemoveUser(user_id=user_id))
    assert not await holds(world, token)
    assert not await holds(world, key)
    assert await world.add("Ada") != user_id
    assert not await holds(world, key)
    with pytest.raises(NotFound):
        await world.do(identity.RemoveUser(user_id=user_id))


async def test_a_role_change_holds_at_the_next_request() -> None:
    """A demoted user is a viewer with the next request of the same session and key."""
    world = World()
    await world.do(identity.FirstStart())
    user_id = await world.add("ada", "admin")
    token, key = (await world.sign_in("ada")).token, await world.key(await world.signed_in("ada"))
    assert (await world.authenticator.key(key)).principal.role == "admin"
    await world.do(identity.ChangeUser(user_id=user_id, role="viewer"))
    assert (await world.authenticator.session(token)).principal.role == "viewer"
    assert (await world.authenticator.key(key)).principal.role == "viewer"


async def test_a_session_ends_after_seven_idle_days_and_after_thirty_in_any_case() -> None:
    """Used daily a session lives 30 days; unused it is over after seven; a restart forgets at most what was not written."""
    world = World()
    await world.add("ada")
    idle, busy = (await world.sign_in("ada")).token, (await world.sign_in("ada")).token
    for day in range(1, 30):
        world.clock.move(days=1)
        assert await world.authenticator.session(busy), day
        await world.authenticator.flush()
        assert await holds(world, busy)
    assert not await holds(world, idle)
    world.clock.move(days=1)
    assert not await holds(world, busy)


async def test_writing_when_a_key_was_used_never_revives_it() -> None:
    """A use that is written after the revocation changes nothing: the key stays revoked."""
    world = World()
    await world.add("ada")
    ada = await world.signed_in("ada")
    key = await world.key(ada)
    elsewhere = world.another_process()
    assert await elsewhere.key(key)
    (row,) = (await world.ask(identity.ListKeys(), ada)).items
    await world.do(identity.RevokeKey(key_id=row.id), ada)
    await elsewhere.flush()
    assert not await holds(world, key)
    assert (await world.ask(identity.ListKeys(), ada)).items == ()


async def test_lists_say_when_a_key_was_last_used() -> None:
    """After a flush the list shows the last use, and the prefix but not the key."""
    world = World()
    await world.add("ada")
    ada = await world.signed_in("ada")
    key = await world.key(ada, "chat:*")
    (before,) = (await world.ask(identity.ListKeys(), ada)).items
    world.clock.move(hours=1)
    await world.authenticator.key(key)
    assert await world.authenticator.flush() >= 1
    (after,) = (await world.ask(identity.ListKeys(), ada)).items
    assert (before.last_used_at, after.last_used_at) == (None, "2026-03-01T13:00:00.000000Z")
    assert key.startswith(after.prefix)
    assert len(after.prefix) == 11


async def test_a_key_expires() -> None:
    """A key holds until its expiry and not at it, in memory or not."""
    world = World()
    await world.add("ada")
    key = await world.key(await world.signed_in("ada"), expires_at=world.clock.now() + timedelta(hours=1))
    assert (await world.authenticator.key(key)).expires == world.clock.monotonic() + 3600
    world.clock.move(minutes=59, seconds=59)
    assert await holds(world, key)
    world.clock.move(seconds=1)
    assert not await holds(world, key)


@pytest.mark.parametrize("expiry", [timedelta(0), timedelta(days=-1), None])
async def test_an_expiry_lies_in_the_future_and_has_a_zone(expiry: timedelta | None) -> None:
    """An expiry in the past, now, or without a time zone is refused with its place."""
    world = World()
    await world.add("ada")
    now = world.clock.now()
    moment = now.replace(tzinfo=None, year=2030) if expiry is None else now + expiry
    with pytest.raises(InvalidInput) as caught:
        await world.key(await world.signed_in("ada"), expires_at=moment)
    assert caught.value.errors[0].pointer == "#/expires_at"


async def test_a_key_acts_for_its_owner_under_its_own_id() -> None:
    """A key's principal has the owner's role and objects, its own id and scopes, and may ask who it is."""
    world = World()
    user_id = await world.add("ada", "operator")
    key = await world.key(await world.signed_in("ada"), "chat:read")
    principal = (await world.authenticator.key(key)).principal
    assert (principal.kind, principal.role, principal.user_id) == ("key", "operator", user_id)
    assert principal.id != user_id
    me = await world.ask(identity.Me(), principal)
    assert (me.scopes, me.kind, me.username, me.has_password) == (("chat:read",), "key", "ada", True)
    for denied in (identity.ListKeys(), identity.ListUsers()):
        with pytest.raises(Forbidden):
            await world.ask(denied, principal)


@pytest.mark.parametrize(
    ("role", "scope", "fits"),
    [
        ("viewer", "*", True),
        ("viewer", "chat:read", True),
        ("viewer", "chat:*", True),
        ("viewer", "chat:write", False),
        ("viewer", "metrics:*", False),
        ("user", "chat:write", True),
        ("user", "identity:users", False),
        ("operator", "metrics:read", True),
        ("admin", "identity:users", True),
        ("admin", "nothing:here", False),
    ],
)
async def test_scopes_lie_within_the_owners_role(role: identity.UserRole, scope: str, fits: bool) -> None:
    """A key gets only scopes of which its owner's role may do something; others are named."""
    world = World()
    await world.add("ada", role)
    ada = await world.signed_in("ada")
    if fits:
        assert await world.key(ada, scope)
        return
    with pytest.raises(InvalidInput) as caught:
        await world.key(ada, "chat:read", scope)
    assert [one.pointer for one in caught.value.errors] == ["#/scopes/1"]


async def test_a_key_makes_no_key_that_may_do_more() -> None:
    """With `identity:keys` alone a key cannot make one for chat; with `chat:*` as well it can for chat:read."""
    world = World()
    await world.add("ada")
    ada = await world.signed_in("ada")
    with pytest.raises(Forbidden):
        await world.key(with_scopes(ada, "identity:keys"), "chat:read")
    with pytest.raises(Forbidden):
        await world.key(with_scopes(ada, "identity:keys", "chat:*"), "*")
    narrow = with_scopes(ada, "identity:keys", "identity:reveal", "chat:*")
    assert await world.key(narrow, "chat:read")


async def test_a_key_cannot_set_a_password() -> None:
    """Whoever finds a key, even with every scope, cannot take the account over."""
    world = World()
    await world.add("ada", password=None)
    user_id = (await world.ask(identity.ListUsers(name_or_id="ada"))).items[0].id
    key = await world.key(SYSTEM, user_id=user_id)
    principal = (await world.authenticator.key(key)).principal
    with pytest.raises(Forbidden):
        await world.do(identity.SetPassword(new="taken over by me"), principal)


async def test_a_password_change_ends_all_other_sessions() -> None:
    """The session that changed the password goes on; every other one, and an open sign-in link, is dead."""
    world = World()
    user_id = await world.add("ada")
    here, there = (await world.sign_in("ada")).token, (await world.sign_in("ada")).token
    made = await world.do(identity.IssueLink(user_id=user_id))
    link = await world.ask(identity.Reveal(sealed=made.sealed_link))
    ada = (await world.authenticator.session(here)).principal
    command = identity.SetPassword(new="another long one", current=PASSWORD, session=here)
    await world.do(command, ada)
    assert await holds(world, here)
    assert not await holds(world, there)
    with pytest.raises(Unauthenticated):
        await world.do(identity.SignInWithLink(token=link), identity.VISITOR)
    with pytest.raises(Unauthenticated):
        await world.sign_in("ada")
    assert await world.sign_in("ada", "another long one")
    await world.do(command, ada)
    assert await holds(world, here)


async def test_ones_own_password_needs_the_current_one() -> None:
    """Without the current password, or with a wrong one, nothing changes."""
    world = World()
    await world.add("ada")
    ada = await world.signed_in("ada")
    for current in (None, "wrong password"):
        with pytest.raises(InvalidInput) as caught:
            await world.do(identity.SetPassword(new="another long one", current=current), ada)
        assert caught.value.errors[0].pointer == "#/current"
    assert await world.sign_in("ada")


async def test_a_sign_in_that_meets_a_suspension_loses() -> None:
    """A session begun from a state that changed before its commit is decided anew, and refused."""
    world = World()
    await world.do(identity.FirstStart())
    user_id = await world.add("ada")

    async def suspend() -> None:
        if len(world.passwords.verified) == 1:
            await world.do(identity.ChangeUser(user_id=user_id, suspended=True))

    world.passwords.then = suspend
    world.passwords.verified.clear()
    with pytest.raises(Unauthenticated):
        await world.sign_in("ada")
    assert len(world.passwords.verified) == 2


@pytest.mark.parametrize(
    "hostile", ["", "x", "ab_", "ab_" + "x" * 43, "é" * 50, "\x00", "ab_\udcff", "x" * 5000]
)
async def test_hostile_tokens_prove_nothing(hostile: str) -> None:
    """Whatever text comes as a token, the answer is no, never an error."""
    world = World()
    await world.add("ada")
    assert await world.authenticator.key(hostile) is None
    assert await world.authenticator.session(hostile) is None


async def test_one_kind_of_token_is_not_the_other() -> None:
    """A session token is no key and a key no session token."""
    world = World()
    await world.add("ada")
    token, key = (await world.sign_in("ada")).token, await world.key(await world.signed_in("ada"))
    assert await world.authenticator.key(token) is None
    assert await world.authenticator.session(key) is None


async def test_the_system_makes_keys_for_the_administrator() -> None:
    """`autobot keys create` without a user gives a key of the first administrator; on empty data it says so."""
    world = World()
    with pytest.raises(AutoBotError, match="no user yet"):
        await world.key(SYSTEM)
    await world.do(identity.FirstStart())
    key = await world.key(SYSTEM)
    assert (await world.authenticator.key(key)).principal.username == "admin"


async def test_a_suspended_user_gets_no_key() -> None:
    """A key for a suspended user is refused."""
    world = World()
    await world.do(identity.FirstStart())
    user_id = await world.add("ada")
    await world.do(identity.ChangeUser(user_id=user_id, suspended=True))
    with pytest.raises(Conflict):
        await world.key(SYSTEM, user_id=user_id)
