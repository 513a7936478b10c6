"""Signing in: by password, by link; what ends a session; what an attacker learns."""

import asyncio

import pytest

from autobot.contracts import identity, settings
from autobot.kernel.core.context import ANONYMOUS, SYSTEM
from autobot.kernel.core.errors import AutoBotError, Unauthenticated
from tests.unit.contexts.identity.kit import PASSWORD, World

pytestmark = pytest.mark.anyio


async def test_first_start_makes_one_administrator_with_a_link() -> None:
    """The first start makes `admin`, who signs in once by the link and is an administrator."""
    world = World()
    started = await world.do(identity.FirstStart())
    assert started.created
    token = await world.ask(identity.Reveal(sealed=started.sealed_link))
    session = await world.do(identity.SignInWithLink(token=token), identity.VISITOR)
    assert (session.user.username, session.user.role) == ("admin", "admin")
    users = await world.ask(identity.ListUsers())
    assert [one.username for one in users.items] == ["admin"]


async def test_first_start_by_password_needs_no_link() -> None:
    """Unattended set-up: the given password signs in, and there is no link that could leak."""
    world = World()
    started = await world.do(identity.FirstStart(password="admin"))
    assert started.sealed_link is None
    session = await world.sign_in("admin", "admin")
    assert session.user.role == "admin"


async def test_later_starts_show_a_link_until_one_was_used() -> None:
    """A start after an unused link shows a new one, the old one is dead; once used, no start shows any."""
    world = World()
    first = await world.do(identity.FirstStart())
    second = await world.do(identity.FirstStart())
    assert (second.created, second.user_id) == (False, first.user_id)
    old = await world.ask(identity.Reveal(sealed=first.sealed_link))
    new = await world.ask(identity.Reveal(sealed=second.sealed_link))
    with pytest.raises(Unauthenticated):
        await world.do(identity.SignInWithLink(token=old), identity.VISITOR)
    await world.do(identity.SignInWithLink(token=new), identity.VISITOR)
    assert (await world.do(identity.FirstStart())).sealed_link is None


async def test_two_first_starts_make_one_administrator() -> None:
    """Two processes that start at once on empty data agree on one administrator."""
    world = World()
    answers = await asyncio.gather(*(world.do(identity.FirstStart()) for _ in range(5)))
    assert len({one.user_id for one in answers}) == 1
    assert [one.created for one in answers].count(True) == 1
    assert len((await world.ask(identity.ListUsers())).items) == 1


async def test_a_link_works_once_however_many_use_it_at_once() -> None:
    """Of ten uses of a link at the same moment one signs in."""
    world = World()
    started = await world.do(identity.FirstStart())
    token = await world.ask(identity.Reveal(sealed=started.sealed_link))
    command = identity.SignInWithLink(token=token)
    results = await asyncio.gather(
        *(world.do(command, identity.VISITOR) for _ in range(10)), return_exceptions=True
    )
    assert [isinstance(one, identity.SignedInSession) for one in results].count(True) == 1
    assert all(isinstance(one, identity.SignedInSession | Unauthenticated) for one in results)


async def test_a_link_expires_after_24_hours() -> None:
    """One second before the end a link works; at the end it does not."""
    world = World()
    user_id = await world.add("ada", password=None)
    made = await world.do(identity.IssueLink(user_id=user_id))
    token = await world.ask(identity.Reveal(sealed=made.sealed_link))
    world.clock.move(hours=24)
    with pytest.raises(Unauthenticated):
        await world.do(identity.SignInWithLink(token=token), identity.VISITOR)
    made = await world.do(identity.IssueLink(user_id=user_id))
    token = await world.ask(identity.Reveal(sealed=made.sealed_link))
    world.clock.move(hours=24, seconds=-1)
    assert await world.do(identity.SignInWithLink(token=token), identity.VISITOR)


@pytest.mark.parametrize("name", ["ada", "nobody", "gone", "away", "linked", "ADA "])
async def test_every_failed_sign_in_looks_and_costs_the_same(name: str) -> None:
    """Wrong password, unknown, removed, suspended, without password: one verification and one answer for all."""
    world = World()
    await world.do(identity.FirstStart())
    await world.add("ada")
    await world.do(identity.RemoveUser(user_id=await world.add("gone")))
    await world.do(identity.ChangeUser(user_id=await world.add("away"), suspended=True))
    await world.add("linked", password=None)
    world.passwords.verified.clear()
    with pytest.raises(Unauthenticated) as caught:
        await world.sign_in(name, "wrong password")
    assert str(caught.value) == "The name or the password is wrong."
    assert len(world.passwords.verified) == 1


async def test_a_suspended_user_cannot_sign_in_with_the_right_password() -> None:
    """The right password of a suspended user is answered like a wrong one."""
    world = World()
    await world.do(identity.FirstStart())
    await world.do(identity.ChangeUser(user_id=await world.add("ada"), suspended=True))
    with pytest.raises(Unauthenticated, match="name or the password"):
        await world.sign_in("ada")


async def test_names_do_not_regard_case_and_passwords_do_not_regard_composition() -> None:
    """`Ada` signs in as `ADA`; an accent may be typed composed or decomposed."""
    world = World()
    await world.add("Ada", password="café au lait")
    session = await world.sign_in("ADA", "cafe\u0301 au lait")
    assert session.user.username == "Ada"


async def test_a_visitor_may_sign_in_and_nothing_else() -> None:
    """Who has not signed in is refused every other command and query; the nameless context even that one."""
    world = World()
    user_id = await world.add("ada")
    for message in (
        identity.AddUser(username="eve", role="admin"),
        identity.FirstStart(),
        identity.IssueLink(user_id=user_id),
        identity.CreateKey(name="x", scopes=("*",), user_id=user_id),
        identity.SetPassword(new="new password", user_id=user_id),
    ):
        with pytest.raises(AutoBotError):
            await world.do(message, identity.VISITOR)
    for query in (identity.Me(), identity.ListUsers(), identity.ListKeys(user_id=user_id)):
        with pytest.raises(AutoBotError):
            await world.ask(query, identity.VISITOR)
    with pytest.raises(Unauthenticated):
        await world.do(identity.SignIn(username="ada", password=PASSWORD), ANONYMOUS)


async def test_no_secret_is_stored_in_clear() -> None:
    """After every kind of secret was used, none of them stands anywhere in the store."""
    world = World()
    started = await world.do(identity.FirstStart(), key="start-key-0123456789")
    link = await world.ask(identity.Reveal(sealed=started.sealed_link))
    by_link = await world.do(identity.SignInWithLink(token=link), identity.VISITOR)
    await world.add("ada")
    session = await world.sign_in("ada")
    proof = await world.authenticator.session(session.token)
    made = await world.answer(
        identity.CreateKey(name="k", scopes=("*",)), proof.principal, "key-key-0123456789"
    )
    key = await world.ask(identity.Reveal(sealed=made.value.sealed_key), proof.principal)
    stored = await world.everything_stored()
    for secret in (link, by_link.token, by_link.csrf_token, session.token, session.csrf_token, key, PASSWORD):
        assert secret not in stored


async def test_a_sealed_answer_opens_for_its_principal_alone_and_for_a_day() -> None:
    """A retry of the same principal shows the key again within 24 h; nobody else ever, and later nobody."""
    world = World()
    await world.do(identity.FirstStart())
    await world.add("ada")
    await world.add("eve")
    ada, eve = await world.signed_in("ada"), await world.signed_in("eve")
    command = identity.CreateKey(name="k", scopes=("*",))
    first = await world.answer(command, ada, "the-same-key-of-ada")
    again = await world.answer(command, ada, "the-same-key-of-ada")
    assert again.replayed
    shown = await world.ask(identity.Reveal(sealed=again.value.sealed_key), ada)
    assert shown == await world.ask(identity.Reveal(sealed=first.value.sealed_key), ada)
    for stranger in (eve, SYSTEM):
        with pytest.raises(AutoBotError):
            await world.ask(identity.Reveal(sealed=first.value.sealed_key), stranger)
    world.clock.move(hours=24)
    with pytest.raises(AutoBotError):
        await world.ask(identity.Reveal(sealed=first.value.sealed_key), ada)


async def test_an_older_hash_is_made_anew_at_the_next_sign_in() -> None:
    """When the cost was raised, signing in stores a hash of the new cost, and both work."""
    world = World()
    await world.add("ada")
    world.passwords.raise_cost()
    before = world.passwords.hashed
    await world.sign_in("ada")
    assert world.passwords.hashed == before + 1
    await world.sign_in("ada")
    assert world.passwords.hashed == before + 1


async def test_sign_ins_and_their_failures_leave_audit_records() -> None:
    """Who tried to sign in from where, and how it ended, stands in the audit chain."""
    world = World()
    await world.add("ada")
    await world.sign_in("ada")
    with pytest.raises(Unauthenticated):
        await world.sign_in("ada", "wrong password")
    records = [one.entry for one in await world.store.audit() if one.entry.action == "identity:sign_in"]
    assert [(one.outcome, one.client) for one in records] == [
        ("accepted", "192.0.2.1"),
        ("unauthenticated", "192.0.2.1"),
    ]


def test_no_repr_shows_a_secret() -> None:
    """Whatever carries a secret leaves it out of its repr, so that no log line or traceback shows it."""
    secret = "a-secret-of-some-length"
    carriers = (
        identity.SignIn(username="ada", password=secret),
        identity.SignInWithLink(token=secret),
        identity.SignOut(session=secret),
        identity.SetPassword(new=secret, current=secret, session=secret),
        identity.AddUser(username="ada", password=secret),
        identity.FirstStart(password=secret),
        settings.ChangeSecret(key="openai.api_key", value=secret),
    )
    assert all(secret not in repr(one) for one in carriers)
