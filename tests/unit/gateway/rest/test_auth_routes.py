"""`/api/v1/auth` over the real edge and the real context."""

import pytest

from autobot.contracts import identity
from autobot.gateway.site import Site
from autobot.kernel.core.context import SYSTEM
from tests.unit.contexts.kit import context_of
from tests.unit.gateway.rest.site import PASSWORD, Browser, Product

pytestmark = pytest.mark.anyio


async def test_sign_in_sets_a_cookie_that_no_script_reads() -> None:
    """The session is in an HttpOnly, SameSite cookie; the body carries user and CSRF token, and nothing is cached."""
    product = Product()
    await product.user("ada", "operator")
    reply = await product.call(
        "POST", "/api/v1/auth/login", json_body={"username": "ada", "password": PASSWORD}
    )
    assert reply.status == 200
    assert set(reply.json) == {"user", "csrf_token"}
    assert (reply.json["user"]["username"], reply.json["user"]["role"]) == ("ada", "operator")
    cookie = reply["set-cookie"]
    assert cookie.startswith("autobot_session=")
    for attribute in ("HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=2592000"):
        assert attribute in cookie
    assert "Secure" not in cookie
    assert reply["cache-control"] == "no-store"


async def test_the_cookie_is_secure_and_scoped_under_https_and_a_sub_path() -> None:
    """Behind a TLS proxy with a sub-path the cookie is Secure and goes to that path alone."""
    product = Product(Site(public_url="https://home.example/tools/autobot", trusted_proxies=("203.0.113.9",)))
    await product.user("ada")
    reply = await product.call(
        "POST",
        "/tools/autobot/api/v1/auth/login",
        json_body={"username": "ada", "password": PASSWORD},
        headers={"x-forwarded-proto": "https", "x-forwarded-for": "198.51.100.7"},
    )
    assert reply.status == 200
    assert "Secure" in reply["set-cookie"]
    assert "Path=/tools/autobot" in reply["set-cookie"]


async def test_a_failed_sign_in_is_a_problem_without_a_cookie() -> None:
    """Wrong name and wrong password are answered by the same 401, bare fields apart."""
    product = Product()
    await product.user("ada")
    replies = [
        await product.call(
            "POST", "/api/v1/auth/login", json_body={"username": name, "password": "wrong one"}
        )
        for name in ("ada", "nobody")
    ]
    assert [one.status for one in replies] == [401, 401]
    assert [one["content-type"] for one in replies] == ["application/problem+json"] * 2
    bodies = [
        {k: v for k, v in one.json.items() if k not in ("instance", "correlation_id")} for one in replies
    ]
    assert bodies[0] == bodies[1]
    assert all("set-cookie" not in one for one in replies)


async def test_sign_in_is_limited_per_address_and_name() -> None:
    """The eleventh attempt on a name within a minute is refused before the password is looked at."""
    product = Product()
    await product.user("ada")
    for _ in range(10):
        body = {"username": "ada", "password": "wrong one"}
        assert (await product.call("POST", "/api/v1/auth/login", json_body=body)).status == 401
    before = len(product.passwords.verified)
    for name in ("ada", "ADA", " ada "):
        refused = await product.call(
            "POST", "/api/v1/auth/login", json_body={"username": name, "password": PASSWORD}
        )
        assert refused.status == 429
        assert int(refused["retry-after"]) > 0
    assert len(product.passwords.verified) == before
    other = await product.call("POST", "/api/v1/auth/login", json_body={"username": "bob", "password": "x"})
    assert other.status == 401


async def test_a_link_signs_in_once() -> None:
    """The token of a printed link signs in; the second use is a 401."""
    product = Product()
    started = (await product.product_bus.dispatch(identity.FirstStart(), context_of(SYSTEM))).value
    token = await product.product_bus.ask(identity.Reveal(sealed=started.sealed_link), context_of(SYSTEM))
    first = await product.call("POST", "/api/v1/auth/link", json_body={"token": token})
    again = await product.call("POST", "/api/v1/auth/link", json_body={"token": token})
    assert (first.status, again.status) == (200, 401)
    browser = Browser(product)
    browser.took(first)
    me = await browser("GET", "/api/v1/auth/me")
    assert (me.json["username"], me.json["role"], me.json["kind"]) == ("admin", "admin", "user")
    assert (me.json["has_password"], me.json["csrf_token"]) == (False, browser.csrf)


async def test_writes_of_a_session_need_the_csrf_token() -> None:
    """Without the token, or with another one, a write of a browser session is a 403; with it, it passes."""
    product = Product()
    await product.user("ada")
    browser = await product.browser("ada")
    for wrong in ("", "0" * 64):
        headers = {"x-csrf-token": wrong}
        assert (await browser("POST", "/api/v1/auth/logout", headers=headers)).status == 403
    assert (await browser("GET", "/api/v1/auth/me")).status == 200
    assert (await browser("POST", "/api/v1/auth/logout")).status == 204


async def test_logout_works_at_the_next_request() -> None:
    """After logout the cookie is taken from the browser, and proves nothing where it was kept."""
    product = Product()
    await product.user("ada")
    browser = await product.browser("ada")
    reply = await browser("POST", "/api/v1/auth/logout")
    assert "Max-Age=0" in reply["set-cookie"]
    assert (await browser("GET", "/api/v1/auth/me")).status == 401


async def test_suspension_works_at_the_next_request() -> None:
    """A suspended user's session and key are refused at once; the administrator's go on."""
    product = Product()
    await product.user("root", "admin")
    user_id = await product.user("ada")
    ada, root, key = await product.browser("ada"), await product.browser("root"), await product.key("ada")
    assert (await product.call("GET", "/api/v1/auth/me", headers=key)).status == 200
    change = await root("PATCH", f"/api/v1/auth/users/{user_id}", {"suspended": True, "reason": "left"})
    assert (change.status, change.json["suspended"]) == (200, True)
    assert (await ada("GET", "/api/v1/auth/me")).status == 401
    assert (await product.call("GET", "/api/v1/auth/me", headers=key)).status == 401
    assert (await root("GET", "/api/v1/auth/me")).status == 200


async def test_a_key_is_shown_once() -> None:
    """Creation shows the key; the list shows its prefix; a retry with the same idempotency key shows it again."""
    product = Product()
    await product.user("ada")
    browser = await product.browser("ada")
    body = {"name": "laptop", "scopes": ["chat:*"], "expires_at": "2027-01-01T00:00:00Z"}
    headers = {"idempotency-key": '"make-a-key-for-the-laptop"'}
    made = await browser("POST", "/api/v1/auth/keys", body, headers=headers)
    again = await browser("POST", "/api/v1/auth/keys", body, headers=headers)
    assert (made.status, made["cache-control"]) == (201, "no-store")
    assert (again.json, again["idempotent-replayed"]) == (made.json, "true")
    secret = made.json["key"]
    assert secret.startswith("ab_")
    assert secret not in await product.everything_stored()
    listed = (await browser("GET", "/api/v1/auth/keys")).json
    assert [one["prefix"] for one in listed["items"]] == [secret[:11]]
    assert secret not in str(listed)
    me = await product.call("GET", "/api/v1/auth/me", headers={"authorization": f"Bearer {secret}"})
    assert (me.json["kind"], me.json["scopes"], me.json["csrf_token"]) == ("key", ["chat:*"], None)
    other = await browser("POST", "/api/v1/auth/keys", {**body, "name": "other"}, headers=headers)
    assert other.status == 422
    gone = await browser("DELETE", f"/api/v1/auth/keys/{made.json['id']}")
    assert gone.status == 204
    assert (
        await product.call("GET", "/api/v1/auth/me", headers={"authorization": f"Bearer {secret}"})
    ).status == 401


async def test_nobody_revokes_anothers_key() -> None:
    """Another user's key is a 404; one's own is revoked."""
    product = Product()
    await product.user("ada")
    await product.user("eve")
    ada, eve = await product.browser("ada"), await product.browser("eve")
    made = await ada("POST", "/api/v1/auth/keys", {"name": "k", "scopes": ["*"]})
    assert (await eve("DELETE", f"/api/v1/auth/keys/{made.json['id']}")).status == 404
    assert (await eve("GET", "/api/v1/auth/keys", query=f"user_id={made.json['user_id']}")).status == 404
    assert (await ada("DELETE", f"/api/v1/auth/keys/{made.json['id']}")).status == 204


async def test_an_administrator_lets_people_in() -> None:
    """A user without a password comes with a link whose token is in the fragment; the link signs in."""
    product = Product()
    await product.user("root", "admin")
    root = await product.browser("root")
    made = await root("POST", "/api/v1/auth/users", {"username": "ada", "role": "viewer"})
    assert (made.status, made.json["role"], made.json["has_password"]) == (201, "viewer", False)
    address, _, token = made.json["sign_in_link"].partition("#token=")
    assert address == "http://autobot.test/sign-in"
    assert token not in await product.everything_stored()
    assert (await product.call("POST", "/api/v1/auth/link", json_body={"token": token})).status == 200
    twice = await root("POST", "/api/v1/auth/users", {"username": "ADA", "role": "viewer"})
    assert (twice.status, twice.json["code"]) == (409, "already-exists")
    link = await root("POST", f"/api/v1/auth/users/{made.json['id']}/link")
    assert (link.status, "#token=" in link.json["sign_in_link"]) == (201, True)
    listed = await root("GET", "/api/v1/auth/users", query="limit=1")
    assert [one["username"] for one in listed.json["items"]] == ["root"]
    rest = await root("GET", "/api/v1/auth/users", query=f"cursor={listed.json['next_cursor']}")
    assert [one["username"] for one in rest.json["items"]] == ["ada"]
    assert (await root("DELETE", f"/api/v1/auth/users/{made.json['id']}")).status == 204
    assert (await root("DELETE", f"/api/v1/auth/users/{made.json['id']}")).status == 404


async def test_the_last_administrator_stays() -> None:
    """Removing or demoting oneself as the last administrator is a 409 that says what to do."""
    product = Product()
    user_id = await product.user("root", "admin")
    root = await product.browser("root")
    for method, body in (("DELETE", None), ("PATCH", {"role": "user"}), ("PATCH", {"suspended": True})):
        reply = await root(method, f"/api/v1/auth/users/{user_id}", body)
        assert (reply.status, bool(reply.json["hint"])) == (409, True)


async def test_a_password_change_keeps_this_session_alone() -> None:
    """The session that changed the password goes on, another one ends; a wrong current password is a 422."""
    product = Product()
    await product.user("ada")
    here, there = await product.browser("ada"), await product.browser("ada")
    wrong = await here("POST", "/api/v1/auth/password", {"current": "wrong one", "new": "another long one"})
    assert (wrong.status, wrong.json["errors"][0]["pointer"]) == (422, "#/current")
    short = await here("POST", "/api/v1/auth/password", {"current": PASSWORD, "new": "short"})
    assert short.status == 422
    done = await here("POST", "/api/v1/auth/password", {"current": PASSWORD, "new": "another long one"})
    assert done.status == 204
    assert (await here("GET", "/api/v1/auth/me")).status == 200
    assert (await there("GET", "/api/v1/auth/me")).status == 401
    assert await product.browser("ada", "another long one")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/auth/me"),
        ("POST", "/api/v1/auth/logout"),
        ("POST", "/api/v1/auth/password"),
        ("GET", "/api/v1/auth/keys"),
        ("POST", "/api/v1/auth/keys"),
        ("DELETE", "/api/v1/auth/keys/x"),
        ("GET", "/api/v1/auth/users"),
        ("POST", "/api/v1/auth/users"),
        ("PATCH", "/api/v1/auth/users/x"),
        ("DELETE", "/api/v1/auth/users/x"),
        ("POST", "/api/v1/auth/users/x/link"),
        ("GET", "/api/v1/settings"),
        ("PUT", "/api/v1/settings/model.default"),
        ("POST", "/api/v1/actions/process"),
        ("GET", "/api/v1/actions/types"),
        ("GET", "/api/v1/actions/x"),
    ],
)
async def test_everything_else_needs_a_credential(method: str, path: str) -> None:
    """Without a credential, with a forged one, or with an empty cookie, the answer is a 401 problem."""
    product = Product()
    body = {} if method in ("POST", "PUT", "PATCH") else None
    forged = ({}, {"authorization": "Bearer ab_" + "x" * 43}, {"cookie": "autobot_session=forged"})
    for headers in forged:
        reply = await product.call(method, path, json_body=body, headers=headers)
        assert (reply.status, reply.json["code"]) == (401, "unauthenticated")
        assert "www-authenticate" in reply


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/v1/auth/login", {"username": "", "password": "x"}),
        ("/api/v1/auth/login", {"username": "a"}),
        ("/api/v1/auth/login", {"username": 5, "password": "x"}),
        ("/api/v1/auth/login", {"username": "a" * 300, "password": "x"}),
        ("/api/v1/auth/login", ["a"]),
        ("/api/v1/auth/link", {"token": "a b"}),
        ("/api/v1/auth/link", {"token": "x" * 300}),
    ],
)
async def test_bad_bodies_are_validation_problems(path: str, body: object) -> None:
    """What breaks the schema of a sign-in is a 422 with pointers."""
    reply = await Product().call("POST", path, json_body=body)
    assert (reply.status, reply.json["code"]) == (422, "validation")
    assert reply.json["errors"]
