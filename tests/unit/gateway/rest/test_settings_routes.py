"""`/api/v1/settings` over the real edge and the real context."""

from typing import Any

import pytest

from autobot.contracts import settings
from tests.unit.gateway.rest.site import Product

pytestmark = pytest.mark.anyio


async def test_a_setting_is_read_changed_and_reset() -> None:
    """A value is stored with its source and author, and taken away again; the unversioned path is the same."""
    product = Product()
    await product.user("root", "admin")
    root = await product.browser("root")
    before = await root("GET", "/api/v1/settings/model.default")
    assert (before.status, before.json["value"], before.json["source"]) == (200, None, "default")
    put = await root("PUT", "/api/settings/model.default", {"value": "qwen3:8b", "reason": "faster"})
    assert (put.json["value"], put.json["source"], put.json["updated_by"]) == ("qwen3:8b", "stored", "root")
    assert (await root("GET", "/api/v1/settings/model.default")).json == put.json
    gone = await root("DELETE", "/api/v1/settings/model.default", query="reason=slow")
    assert (gone.status, gone.json["value"], gone.json["source"]) == (200, None, "default")
    history = (await root("GET", "/api/v1/settings/model.default/history")).json["items"]
    assert [(one["value"], one["reason"], one["by"]) for one in history] == [
        (None, "slow", "root"),
        ("qwen3:8b", "faster", "root"),
    ]


async def test_lists_are_searched() -> None:
    """`?q=` keeps the settings that match; a list carries what a form needs."""
    product = Product()
    await product.user("root", "admin")
    root = await product.browser("root")
    page = (await root("GET", "/api/v1/settings", query="q=sign-in")).json
    (one,) = page["items"]
    assert (one["key"], one["type"], one["default"], one["minimum"], one["restart"], one["secret"]) == (
        "limits.login_per_minute",
        "integer",
        10,
        1,
        True,
        False,
    )
    assert page["next_cursor"] is None


async def test_whole_lists_are_paged_too() -> None:
    """`limit` and `cursor` cut a list that is at hand as a whole; a cursor of another list is refused."""
    product = Product()
    await product.user("root", "admin")
    root = await product.browser("root")
    whole = [one["key"] for one in (await root("GET", "/api/v1/settings")).json["items"]]
    found: list[str] = []
    query = "limit=3"
    while query:
        page = (await root("GET", "/api/v1/settings", query=query)).json
        found += [one["key"] for one in page["items"]]
        query = page["next_cursor"] and f"limit=3&cursor={page['next_cursor']}"
    assert found == whole
    assert len(whole) > 3
    for wrong in ("cursor=forged", "cursor=WyJub3BlIl0", "limit=0", "limit=201", "limit=x"):
        assert (await root("GET", "/api/v1/settings", query=wrong)).status == 422


async def test_the_past_and_the_way_back() -> None:
    """`?position=` and `?at=` show what was stored; a revert stores it again."""
    product = Product()
    await product.user("root", "admin")
    root = await product.browser("root")
    first = await root("PUT", "/api/v1/settings/chat.system_prompt", {"value": "one"})
    product.clock.move(minutes=5)
    await root("PUT", "/api/v1/settings/chat.system_prompt", {"value": "two"})
    position = first["x-log-position"]
    path = "/api/v1/settings/chat.system_prompt"
    assert (await root("GET", path, query=f"position={position}")).json["value"] == "one"
    assert (await root("GET", path, query="at=2026-03-01T12:01:00Z")).json["value"] == "one"
    assert (await root("GET", path, query="at=2026-03-01T11:00:00%2B00:00")).json["source"] == "default"
    back = await root("POST", f"{path}/revert", {"position": int(position)})
    assert (back.status, back.json["value"]) == (200, "one")
    for query in (
        "at=yesterday",
        "at=2026-03-01T12:00:00",
        "position=-1",
        "at=2026-03-01T12:00:00Z&position=1",
    ):
        assert (await root("GET", path, query=query)).status == 422


async def test_a_secret_goes_in_and_never_comes_out() -> None:
    """A secret is stored by the same PUT, shown as set, and stands in no answer and nowhere in the store."""
    product = Product()
    await product.user("root", "admin")
    root = await product.browser("root")
    path, secret = "/api/v1/settings/openai.api_key", "sk-0123456789-secret"
    put = await root("PUT", path, {"value": secret}, headers={"idempotency-key": '"put-secret-0123456"'})
    assert (put.status, put.json["value"], put.json["secret"]) == (200, settings.MASK, True)
    answers = [
        put,
        await root("GET", path),
        await root("GET", f"{path}/history"),
        await root("GET", "/api/v1/settings"),
    ]
    assert all(secret.encode() not in one.body for one in answers)
    assert secret not in await product.everything_stored()
    assert (await root("PUT", path, {"value": 5})).status == 422


async def test_what_the_environment_sets_is_locked() -> None:
    """A locked setting names its variable; changing it is a 409 with the way out."""
    product = Product(environment={"OLLAMA_URL": "http://10.0.0.5:11434"})
    await product.user("root", "admin")
    root = await product.browser("root")
    view = (await root("GET", "/api/v1/settings/ollama.url")).json
    assert (view["source"], view["locked_by"]) == ("environment", "AUTOBOT_OLLAMA_URL")
    refused = await root("PUT", "/api/v1/settings/ollama.url", {"value": "http://127.0.0.1:1"})
    assert (refused.status, "AUTOBOT_OLLAMA_URL" in refused.json["hint"]) == (409, True)


@pytest.mark.parametrize(
    ("key", "body", "status"),
    [
        ("ollama.url", {"value": "nonsense"}, 422),
        ("ollama.url", {}, 422),
        ("ollama.url", {"value": {"a": 1}}, 422),
        ("limits.login_per_minute", {"value": 10**30}, 422),
        ("limits.login_per_minute", {"value": True}, 422),
        ("no.such", {"value": 1}, 404),
        ("UPPER", {"value": 1}, 422),
    ],
)
async def test_bad_values_are_problems(key: str, body: Any, status: int) -> None:
    """A value that the setting refuses is a 422 with a pointer, an unknown setting a 404; nothing is stored."""
    product = Product()
    await product.user("root", "admin")
    root = await product.browser("root")
    head = await product.store.head()
    reply = await root("PUT", f"/api/v1/settings/{key}", body)
    assert (reply.status, reply["content-type"]) == (status, "application/problem+json")
    assert await product.store.head() == head


async def test_other_roles_do_not_change_settings() -> None:
    """A user's session and an operator's key are refused the write; the operator reads."""
    product = Product()
    await product.user("ada")
    await product.user("olga", "operator")
    ada, key = await product.browser("ada"), await product.key("olga")
    path = "/api/v1/settings/model.default"
    assert (await ada("PUT", path, {"value": "x"})).status == 403
    assert (await ada("GET", path)).status == 403
    assert (await product.call("PUT", path, json_body={"value": "x"}, headers=key)).status == 403
    assert (await product.call("GET", path, headers=key)).status == 200
