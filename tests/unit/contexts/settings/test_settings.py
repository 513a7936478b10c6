"""Settings: sources over one another, history, revert, the past, and secrets that are never seen."""

import asyncio
from typing import Any

import pytest

from autobot.contexts.settings.domain.definition import Definition
from autobot.contexts.settings.module import build
from autobot.contexts.settings.ports import SECRETS
from autobot.contracts import settings
from autobot.kernel.core.context import Principal
from autobot.kernel.core.errors import (
    AutoBotError,
    ConfigurationError,
    Conflict,
    DataCorrupt,
    Forbidden,
    InvalidInput,
    NotFound,
)
from autobot.kernel.event_store.transaction import Query
from tests.unit.contexts.kit import Ground, context_of

pytestmark = pytest.mark.anyio

ADA = Principal(id="u1", kind="user", role="admin", user_id="u1", username="ada")
EVE = Principal(id="u2", kind="user", role="admin", user_id="u2", username="eve")
SECRET = "sk-very-secret-0123456789"


class World(Ground):
    """Settings with their bus."""

    def __init__(self, file: dict[str, Any] | None = None, environment: dict[str, str] | None = None) -> None:
        super().__init__(settings.EVENTS)
        self.built = build(
            store=self.store,
            codec=self.codec,
            clock=self.clock,
            ids=self.ids,
            vault=self.vault,
            file=file or {},
            environment=environment or {},
        )
        self.settings_bus = self.bus([self.built.module])
        self.reader = self.built.reader

    async def do(self, command: Any, principal: Principal = ADA) -> Any:
        """Run a command and return its answer."""
        self.clock.move(seconds=1)
        return (await self.settings_bus.dispatch(command, context_of(principal))).value

    async def ask(self, query: Any, principal: Principal = ADA) -> Any:
        """Ask a query."""
        return await self.settings_bus.ask(query, context_of(principal))

    async def one(self, key: str, **moment: Any) -> settings.SettingView:
        """Return a setting's view."""
        found: settings.SettingView = await self.ask(settings.GetSetting(key=key, **moment))
        return found


async def test_sources_lie_over_one_another() -> None:
    """Default < file < stored < environment; the view names the source, and the variable that locks."""
    plain, filed = World(), World(file={"MODEL": "from-file"})
    both = World(file={"MODEL": "from-file"}, environment={"MODEL": "from-env"})
    assert ((await plain.one("model.default")).value, (await plain.one("model.default")).source) == (
        None,
        "default",
    )
    assert ((await filed.one("model.default")).value, (await filed.one("model.default")).source) == (
        "from-file",
        "file",
    )
    stored = await filed.do(settings.ChangeSetting(key="model.default", value="stored"))
    assert (stored.value, stored.source, stored.locked_by) == ("stored", "stored", None)
    locked = await both.one("model.default")
    assert (locked.value, locked.source, locked.locked_by) == ("from-env", "environment", "AUTOBOT_MODEL")
    back = await filed.do(settings.ResetSetting(key="model.default"))
    assert (back.value, back.source) == ("from-file", "file")


async def test_what_the_environment_sets_cannot_be_changed() -> None:
    """Change, reset and revert of a locked setting are refused, naming the variable."""
    world = World(environment={"OLLAMA_URL": "http://10.0.0.5:11434", "OPENAI_API_KEY": SECRET})
    for command in (
        settings.ChangeSetting(key="ollama.url", value="http://127.0.0.1:1"),
        settings.ResetSetting(key="ollama.url"),
        settings.RevertSetting(key="ollama.url", position=0),
        settings.ChangeSecret(key="openai.api_key", value="other"),
    ):
        with pytest.raises(Conflict, match="AUTOBOT_"):
            await world.do(command)
    assert await world.store.head() == 0


async def test_history_says_who_when_what_and_why() -> None:
    """Changes are listed newest first with author, time, value and reason, in pages."""
    world = World()
    first = await world.do(settings.ChangeSetting(key="model.default", value="a", reason="try it"))
    await world.do(settings.ChangeSetting(key="model.default", value="b"), EVE)
    await world.do(settings.ResetSetting(key="model.default", reason="bad"), EVE)
    page = await world.ask(settings.ListSettingHistory(key="model.default", limit=2))
    assert [(one.by, one.value, one.reason) for one in page.items] == [("eve", None, "bad"), ("eve", "b", "")]
    rest = await world.ask(settings.ListSettingHistory(key="model.default", limit=2, cursor=page.next_cursor))
    assert [(one.by, one.value, one.reason) for one in rest.items] == [("ada", "a", "try it")]
    assert rest.next_cursor is None
    assert rest.items[0].at == first.updated_at
    assert first.updated_by == "ada"


async def test_an_earlier_value_comes_back() -> None:
    """A revert stores again what was stored at that position; nothing was stored then: a reset."""
    world = World()
    await world.do(settings.ChangeSetting(key="chat.system_prompt", value="one"))
    await world.do(settings.ChangeSetting(key="chat.system_prompt", value="two"))
    page = await world.ask(settings.ListSettingHistory(key="chat.system_prompt"))
    back = await world.do(settings.RevertSetting(key="chat.system_prompt", position=page.items[1].position))
    assert (back.value, back.source) == ("one", "stored")
    gone = await world.do(settings.RevertSetting(key="chat.system_prompt", position=0))
    assert (gone.value, gone.source) == ("", "default")


async def test_the_past_is_kept() -> None:
    """As of a time or a position a setting shows what was stored then; both together, or a naive time, are refused."""
    world = World()
    before = world.clock.now()
    await world.do(settings.ChangeSetting(key="model.default", value="a"))
    between = world.clock.now()
    await world.do(settings.ChangeSetting(key="model.default", value="b"))
    assert (await world.one("model.default", at=before)).value is None
    assert (await world.one("model.default", at=between)).value == "a"
    assert (await world.one("model.default", position=1)).value == "a"
    assert (await world.one("model.default", position=99)).value == "b"
    with pytest.raises(InvalidInput):
        await world.one("model.default", at=before, position=1)
    with pytest.raises(InvalidInput):
        await world.one("model.default", at=before.replace(tzinfo=None))


async def test_a_secret_is_encrypted_masked_and_readable_by_the_product_alone() -> None:
    """A stored secret stands nowhere in clear, is shown as set, and reaches the provider as it was."""
    world = World()
    assert (await world.one("openai.api_key")).value is None
    view = await world.do(settings.ChangeSecret(key="openai.api_key", value=SECRET))
    assert (view.value, view.secret, view.source) == (settings.MASK, True, "stored")
    assert await world.reader.current("openai.api_key") == SECRET
    (entry,) = (await world.ask(settings.ListSettingHistory(key="openai.api_key"))).items
    assert entry.value == settings.MASK
    assert SECRET not in await world.everything_stored()
    assert SECRET not in repr(await world.ask(settings.ListSettings()))
    by_environment = World(environment={"OPENAI_API_KEY": SECRET})
    assert SECRET not in repr(await by_environment.ask(settings.ListSettings()))
    assert (await by_environment.one("openai.api_key")).value == settings.MASK
    assert await by_environment.reader.current("openai.api_key") == SECRET


async def test_a_replaced_secret_is_gone() -> None:
    """The row of a replaced or reset secret is removed, and a revert to it says that it is not kept."""
    world = World()
    await world.do(settings.ChangeSecret(key="openai.api_key", value="first-secret"))
    await world.do(settings.ChangeSecret(key="openai.api_key", value="second-secret"))
    with pytest.raises(Conflict, match="not kept"):
        await world.do(settings.RevertSetting(key="openai.api_key", position=1))
    assert await world.reader.current("openai.api_key") == "second-secret"
    same = await world.do(settings.RevertSetting(key="openai.api_key", position=2))
    assert same.value == settings.MASK
    await world.do(settings.ResetSetting(key="openai.api_key"))
    assert await world.reader.current("openai.api_key") is None
    assert await world.store.query(Query(table=SECRETS)) == []


async def test_a_secret_of_another_key_file_is_named_as_such() -> None:
    """Data without its key file: reading the secret says so, and everything else works."""
    world = World()
    await world.do(settings.ChangeSecret(key="openai.api_key", value=SECRET))
    from autobot.adapters.vault.vault import AesVault

    elsewhere = build(
        store=world.store,
        codec=world.codec,
        clock=world.clock,
        ids=world.ids,
        vault=AesVault(b"x" * 32),
        file={},
        environment={},
    )
    with pytest.raises(DataCorrupt, match="another key file"):
        await elsewhere.reader.current("openai.api_key")
    assert await elsewhere.reader.current("model.default") is None


async def test_a_secret_and_a_value_are_not_mixed_up() -> None:
    """A secret is refused by the command that would store it in clear, and a value by the other."""
    world = World()
    with pytest.raises(InvalidInput):
        await world.do(settings.ChangeSetting(key="openai.api_key", value=SECRET))
    with pytest.raises(InvalidInput):
        await world.do(settings.ChangeSecret(key="model.default", value="x"))
    assert await world.store.head() == 0


async def test_readers_see_the_newest_commit() -> None:
    """A value that was changed, by this process or another, counts at the next read."""
    world = World()
    elsewhere = build(
        store=world.store,
        codec=world.codec,
        clock=world.clock,
        ids=world.ids,
        vault=world.vault,
        file={},
        environment={},
    ).reader
    for value in ("a", "b", "c"):
        await world.do(settings.ChangeSetting(key="model.default", value=value))
        assert await world.reader.current("model.default") == value
        assert await elsewhere.current("model.default") == value
    await world.do(settings.ChangeSetting(key="model.failover", value=["x", "y"]))
    assert await elsewhere.current("model.failover") == ["x", "y"]
    with pytest.raises(NotFound):
        await world.reader.current("no.such")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("ollama.url", "ftp://host"),
        ("ollama.url", "127.0.0.1:11434"),
        ("ollama.url", "http://"),
        ("ollama.url", "http://user:pw@host"),
        ("ollama.url", "http://host/?a=b"),
        ("ollama.url", "http://ho st"),
        ("ollama.url", "http://host:99999"),
        ("ollama.url", "http://one,two"),
        ("ollama.url", "http://one,"),
        ("ollama.url", "http://one,http://one/"),
        ("ollama.url", "http://one/a,http://two/b"),
        ("model.concurrency", ["llama3=0"]),
        ("ollama.url", "http://[::1"),
        ("ollama.url", 5),
        ("ollama.url", None),
        ("model.default", ""),
        ("model.default", " x"),
        ("model.default", "x" * 201),
        ("model.file", "model.bin"),
        ("model.failover", "a,b"),
        ("model.failover", [1]),
        ("model.failover", ["a"] * 11),
        ("model.windows", ["llama=0"]),
        ("model.windows", ["llama"]),
        ("limits.login_per_minute", 0),
        ("limits.login_per_minute", 1001),
        ("limits.login_per_minute", True),
        ("limits.login_per_minute", 1.5),
        ("limits.login_per_minute", "5"),
        ("chat.system_prompt", {"a": 1}),
    ],
)
async def test_a_value_of_the_wrong_form_changes_nothing(key: str, value: Any) -> None:
    """A value outside its setting's type or limits is refused with a pointer to it."""
    world = World()
    with pytest.raises(InvalidInput) as caught:
        await world.do(settings.ChangeSetting(key=key, value=value))
    assert caught.value.errors[0].pointer == "#/value"
    assert await world.store.head() == 0


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("ollama.url", "https://ollama.example:8443/base"),
        ("ollama.url", "http://[::1]:11434"),
        ("ollama.url", "http://one:11434, http://two:11434"),
        ("openai.base_url", "http://one/v1,http://two/v1/"),
        ("model.concurrency", ["llama3=4", "openai:gpt=2+16"]),
        ("model.default", "qwen3:8b"),
        ("model.file", "/models/tiny model.gguf"),
        ("model.failover", ["qwen3:8b", "gpt-5"]),
        ("model.windows", ["qwen3:8b=32768"]),
        ("limits.login_per_minute", 1),
        ("chat.system_prompt", ""),
    ],
)
async def test_a_value_of_the_right_form_counts(key: str, value: Any) -> None:
    """Values at the edge of what is allowed are stored and read as they were."""
    world = World()
    assert (await world.do(settings.ChangeSetting(key=key, value=value))).value == value
    assert await world.reader.current(key) == value


@pytest.mark.parametrize(
    ("file", "environment", "place"),
    [
        ({"OLLAMA_URL": "nonsense"}, {}, "ollama_url in autobot.toml"),
        ({"MODEL": 5}, {}, "model in autobot.toml"),
        ({}, {"OPENAI_BASE_URL": "nonsense"}, "AUTOBOT_OPENAI_BASE_URL"),
        ({}, {"MODEL_FILE": "model.bin"}, "AUTOBOT_MODEL_FILE"),
    ],
)
async def test_a_bad_given_value_stops_the_start(file: Any, environment: Any, place: str) -> None:
    """A bad value in file or environment stops the start, naming the place."""
    with pytest.raises(ConfigurationError, match=place):
        World(file=file, environment=environment)


async def test_a_bad_given_secret_is_not_shown() -> None:
    """The message about a bad key in the environment does not hold the key."""
    with pytest.raises(ConfigurationError) as caught:
        World(environment={"OPENAI_API_KEY": "has spaces in it"})
    assert "has spaces" not in str(caught.value)


async def test_settings_are_found_by_words() -> None:
    """A search keeps the settings in which all words occur, whatever the case."""
    world = World()
    found = (await world.ask(settings.ListSettings(search="OLLAMA address"))).items
    assert [one.key for one in found] == ["ollama.url"]
    assert (await world.ask(settings.ListSettings(search="no such word"))).items == ()
    everything = [one.key for one in (await world.ask(settings.ListSettings())).items]
    assert everything == sorted(everything)
    assert "model.concurrency" in everything


@pytest.mark.parametrize(("role", "reads"), [("operator", True), ("user", False), ("viewer", False)])
async def test_only_administrators_change_settings(role: Any, reads: bool) -> None:
    """Operators read, administrators read and write, others do neither."""
    world = World()
    who = Principal(id="u3", kind="user", role=role, user_id="u3")
    with pytest.raises(Forbidden):
        await world.do(settings.ChangeSetting(key="model.default", value="x"), who)
    if reads:
        assert await world.ask(settings.ListSettings(), who)
        return
    for query in (settings.ListSettings(), settings.GetSetting(key="model.default")):
        with pytest.raises(Forbidden):
            await world.ask(query, who)


async def test_changes_at_once_all_count_once() -> None:
    """Ten changes at the same moment are ten facts, and the last one is what counts."""
    world = World()
    await asyncio.gather(
        *(world.do(settings.ChangeSetting(key="model.default", value=f"m{index}")) for index in range(10)),
        return_exceptions=False,
    )
    page = await world.ask(settings.ListSettingHistory(key="model.default"))
    assert len(page.items) == 10
    assert (await world.one("model.default")).value == page.items[0].value


async def test_the_same_value_again_is_no_fact() -> None:
    """Storing what is stored, and resetting what is not, writes nothing."""
    world = World()
    await world.do(settings.ResetSetting(key="model.default"))
    await world.do(settings.ChangeSetting(key="model.default", value="x"))
    await world.do(settings.ChangeSetting(key="model.default", value="x"))
    assert await world.store.head() == 1


@pytest.mark.parametrize("key", ["no.such", "nodot", "UPPER.case", "a..b", "../x", "x" * 100])
async def test_unknown_keys_are_refused(key: str) -> None:
    """A key that is none, or that no setting has, is refused in reading and writing."""
    world = World()
    for message in (settings.ChangeSetting(key=key, value=1), settings.ResetSetting(key=key)):
        with pytest.raises(AutoBotError):
            await world.do(message)
    with pytest.raises(AutoBotError):
        await world.one(key)


@pytest.mark.parametrize(
    "broken",
    [
        {"type": "integer", "default": "x"},
        {"type": "enum"},
        {"type": "string", "choices": ("a",)},
        {"type": "secret", "default": "x"},
        {"type": "integer", "default": 5, "maximum": 4},
    ],
)
async def test_a_definition_is_checked_against_itself(broken: Any) -> None:
    """A setting whose default breaks its own limits, or whose type and choices disagree, cannot be written."""
    with pytest.raises(ValueError, match=r"a\.b"):
        Definition(key="a.b", group="G", title="T", description="D", **broken)
