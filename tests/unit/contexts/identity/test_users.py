"""Users: who may manage them, and what never happens to the last administrator."""

import asyncio
from typing import Any

import pytest

from autobot.contracts import identity
from autobot.kernel.core.errors import (
    AlreadyExists,
    AutoBotError,
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
)
from tests.unit.contexts.identity.kit import World

pytestmark = pytest.mark.anyio


async def names(world: World) -> list[str]:
    """Return the names of all users."""
    return [one.username for one in (await world.ask(identity.ListUsers())).items]


@pytest.mark.parametrize(
    "command",
    [
        lambda user_id: identity.RemoveUser(user_id=user_id),
        lambda user_id: identity.ChangeUser(user_id=user_id, suspended=True),
        lambda user_id: identity.ChangeUser(user_id=user_id, role="operator"),
        lambda user_id: identity.ChangeUser(user_id=user_id, role="user", suspended=True),
    ],
)
async def test_the_last_administrator_stays(command: Any) -> None:
    """The last administrator is not removed, suspended or demoted; a second one makes it possible."""
    world = World()
    admin = (await world.do(identity.FirstStart())).user_id
    await world.add("ada", "operator")
    with pytest.raises(Conflict, match="last administrator"):
        await world.do(command(admin))
    second = await world.add("eve", "admin")
    await world.do(identity.ChangeUser(user_id=second, suspended=True))
    with pytest.raises(Conflict, match="last administrator"):
        await world.do(command(admin))
    await world.do(identity.ChangeUser(user_id=second, suspended=False))
    await world.do(command(admin))


async def test_two_administrators_cannot_remove_each_other_at_once() -> None:
    """Of two removals at the same moment that would leave nobody, one is refused."""
    world = World()
    first = (await world.do(identity.FirstStart())).user_id
    second = await world.add("eve", "admin")
    results = await asyncio.gather(
        world.do(identity.RemoveUser(user_id=first)),
        world.do(identity.RemoveUser(user_id=second)),
        return_exceptions=True,
    )
    assert [isinstance(one, Conflict) for one in results].count(True) == 1
    assert len(await names(world)) == 1


@pytest.mark.parametrize("taken", ["ada", "ADA", "Ada"])
async def test_names_are_unique_without_regard_to_case(taken: str) -> None:
    """A name that somebody has in any spelling is refused."""
    world = World()
    await world.add("ada")
    with pytest.raises(AlreadyExists):
        await world.add(taken)


async def test_one_name_is_taken_once_however_many_want_it() -> None:
    """Of ten additions of one name at the same moment one goes through."""
    world = World()
    results = await asyncio.gather(
        *(world.add("ada", password=None) for _ in range(10)), return_exceptions=True
    )
    assert [isinstance(one, str) for one in results].count(True) == 1
    assert all(isinstance(one, str | AlreadyExists) for one in results)
    assert await names(world) == ["ada"]


@pytest.mark.parametrize(
    "bad",
    [
        {"username": ""},
        {"username": " ada"},
        {"username": "a" * 65},
        {"username": "a\nb"},
        {"username": "аda"},
        {"username": "ada", "role": "root"},
        {"username": "ada", "password": "short"},
        {"username": "ada", "password": "x" * 1025},
    ],
)
async def test_bad_input_changes_nothing(bad: dict[str, Any]) -> None:
    """A name, role or password outside its limits is refused with its place, and nobody is added."""
    world = World()
    with pytest.raises(InvalidInput) as caught:
        await world.do(identity.AddUser(**bad))
    assert caught.value.errors
    assert await names(world) == []
    assert await world.store.head() == 0


@pytest.mark.parametrize("role", ["operator", "user", "viewer"])
async def test_only_administrators_manage_users(role: identity.UserRole) -> None:
    """Every other role is refused each command on users, and the list."""
    world = World()
    admin = (await world.do(identity.FirstStart())).user_id
    await world.add("ada", role)
    ada = await world.signed_in("ada")
    for command in (
        identity.AddUser(username="eve", role="admin"),
        identity.ChangeUser(user_id=ada.user_id, role="admin"),
        identity.ChangeUser(user_id=admin, suspended=True),
        identity.RemoveUser(user_id=admin),
        identity.IssueLink(user_id=admin),
        identity.FirstStart(),
    ):
        with pytest.raises(Forbidden):
            await world.do(command, ada)
    with pytest.raises(Forbidden):
        await world.ask(identity.ListUsers(), ada)


@pytest.mark.parametrize("role", ["operator", "user", "viewer"])
async def test_nobody_reaches_anothers_credentials(role: identity.UserRole) -> None:
    """Another user's keys and password look as if they did not exist; an administrator reaches them."""
    world = World()
    await world.do(identity.FirstStart())
    await world.add("ada")
    ada = await world.signed_in("ada")
    await world.key(ada)
    await world.add("eve", role)
    eve = await world.signed_in("eve")
    (key,) = (await world.ask(identity.ListKeys(), ada)).items
    for command in (
        identity.RevokeKey(key_id=key.id),
        identity.CreateKey(name="x", scopes=("*",), user_id=ada.user_id),
        identity.SetPassword(new="taken over by eve", user_id=ada.user_id),
    ):
        with pytest.raises(NotFound):
            await world.do(command, eve)
    with pytest.raises(NotFound):
        await world.ask(identity.ListKeys(user_id=ada.user_id), eve)
    assert (await world.ask(identity.ListKeys(), eve)).items == ()
    await world.add("root", "admin")
    root = await world.signed_in("root")
    assert (await world.ask(identity.ListKeys(user_id=ada.user_id), root)).items == (key,)
    await world.do(identity.SetPassword(new="reset by the admin", user_id=ada.user_id), root)
    await world.do(identity.RevokeKey(key_id=key.id), root)
    assert await world.sign_in("ada", "reset by the admin")


async def test_unknown_ids_are_not_found() -> None:
    """Commands on users and keys that do not exist say so."""
    world = World()
    await world.do(identity.FirstStart())
    for command in (
        identity.ChangeUser(user_id="nobody", role="admin"),
        identity.RemoveUser(user_id="nobody"),
        identity.IssueLink(user_id="nobody"),
        identity.SetPassword(new="another long one", user_id="nobody"),
        identity.CreateKey(name="x", scopes=("*",), user_id="nobody"),
        identity.RevokeKey(key_id="nothing"),
    ):
        with pytest.raises(NotFound):
            await world.do(command)
    assert (await world.ask(identity.ListUsers(name_or_id="nobody"))).items == ()


async def test_role_and_suspension_change_together_or_not_at_all() -> None:
    """One change of both is one commit; changing nothing writes no fact."""
    world = World()
    admin = (await world.do(identity.FirstStart())).user_id
    user_id = await world.add("ada")
    view = await world.do(identity.ChangeUser(user_id=user_id, role="viewer", suspended=True))
    assert (view.role, view.suspended) == ("viewer", True)
    before = await world.store.head()
    await world.do(identity.ChangeUser(user_id=user_id, role="viewer", suspended=True))
    assert await world.store.head() == before
    with pytest.raises(Conflict):
        await world.do(identity.ChangeUser(user_id=admin, role="viewer", suspended=True))
    assert await world.store.head() == before


async def test_lists_page_through_everyone_once() -> None:
    """Pages of two hold every user once, in order of adding; a forged cursor is refused."""
    world = World()
    for name in ("ada", "bob", "cyd", "dan", "eve"):
        world.clock.move(seconds=1)
        await world.add(name, password=None)
    seen: list[str] = []
    cursor = None
    while True:
        page = await world.ask(identity.ListUsers(limit=2, cursor=cursor))
        seen += [one.username for one in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == ["ada", "bob", "cyd", "dan", "eve"]
    with pytest.raises(AutoBotError):
        await world.ask(identity.ListUsers(cursor="forged"))
    found = await world.ask(identity.ListUsers(name_or_id="CYD"))
    assert [one.username for one in found.items] == ["cyd"]


async def test_repeating_a_command_with_its_key_does_it_once() -> None:
    """A retried AddUser answers as the first did, link included, and adds nobody."""
    world = World()
    command = identity.AddUser(username="ada")
    first = await world.answer(command, key="add-ada-0123456789")
    again = await world.answer(command, key="add-ada-0123456789")
    assert (again.replayed, again.value) == (True, first.value)
    assert await names(world) == ["ada"]


async def test_a_users_row_is_the_fold_of_its_stream() -> None:
    """After a life of changes the row that requests are checked against equals the folded stream."""
    world = World()
    await world.do(identity.FirstStart())
    user_id = await world.add("ada")
    await world.do(identity.ChangeUser(user_id=user_id, role="admin"))
    await world.do(identity.ChangeUser(user_id=user_id, suspended=True))
    await world.do(identity.ChangeUser(user_id=user_id, suspended=False))
    await world.do(identity.SetPassword(new="another long one", user_id=user_id))
    from autobot.contexts.identity.ports.directory import Directory

    directory = Directory(world.store, world.codec)
    folded, _ = await directory.load(user_id)
    assert await directory.user(user_id) == folded


async def test_people_are_found_by_the_whole_name_alone() -> None:
    """Name and id of the one with exactly this name or id, to those who may share; a part, a suspended one, a viewer: nothing."""
    world = World()
    ada = await world.add("Ada", "user")
    await world.add("eve", "user")
    await world.add("vic", "viewer")
    asking = await world.signed_in("eve")
    for name in ("ada", "ADA", ada):
        assert await world.ask(identity.FindPerson(name_or_id=name), asking) == identity.PersonView(
            id=ada, username="Ada"
        )
    for name in ("ad", "a", "%", "*", "adam", ada[:-1]):
        with pytest.raises(NotFound):
            await world.ask(identity.FindPerson(name_or_id=name), asking)
    with pytest.raises(Forbidden):
        await world.ask(identity.ListUsers(), asking)
    with pytest.raises(Forbidden):
        await world.ask(identity.FindPerson(name_or_id="ada"), await world.signed_in("vic"))
    await world.do(identity.ChangeUser(user_id=ada, suspended=True))
    with pytest.raises(NotFound):
        await world.ask(identity.FindPerson(name_or_id="ada"), asking)
