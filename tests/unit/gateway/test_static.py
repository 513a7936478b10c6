"""The web client: its files, its page for every address of its own, nothing outside its folder."""

import gzip
import shutil
from pathlib import Path

import pytest

from autobot.gateway.site import Site
from tests.unit.gateway.edge import Client, edge

pytestmark = pytest.mark.anyio

PAGE = '<!doctype html><base href="__AUTOBOT_BASE__"><meta name="autobot-base" content="__AUTOBOT_BASE__">'
SCRIPT = "console.log(1);\n" * 200


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A built client, with a secret beside it and a link that leads out."""
    built = tmp_path / "dist"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_text(PAGE)
    (built / "assets" / "main-Ab12_cD9.js").write_text(SCRIPT)
    (built / "theme.js").write_text("1")
    (built / "icon.svg").write_text("<svg/>")
    (tmp_path / "secret.txt").write_text("secret")
    (built / "link.txt").symlink_to(tmp_path / "secret.txt")
    return built


@pytest.fixture
def client(folder: Path) -> Client:
    """An edge with that client."""
    return edge(site=Site(static_folder=folder))


@pytest.mark.parametrize("path", ["/", "/chat", "/chat/sessions/01", "/index.html", "/sign-in"])
async def test_every_address_of_the_client_is_its_page(client: Client, path: str) -> None:
    """The client's own addresses all answer its page, with the mount path filled in."""
    reply = await client("GET", path)
    assert reply.status == 200
    assert reply["content-type"] == "text/html; charset=utf-8"
    assert reply["cache-control"] == "no-cache"
    assert b'href="/"' in reply.body
    assert b"__AUTOBOT_BASE__" not in reply.body


async def test_the_page_knows_its_mount_path(folder: Path) -> None:
    """Under a sub-path the page says so; a prefix that is no path is not written into it."""
    client = edge(site=Site(static_folder=folder, public_url="https://home.example/tools/autobot/"))
    reply = await client("GET", "/tools/autobot/chat")
    assert b'content="/tools/autobot/"' in reply.body


async def test_the_page_is_revalidated(client: Client) -> None:
    """The page has a tag, and who has it gets 304."""
    first = await client("GET", "/")
    again = await client("GET", "/chat", headers={"if-none-match": first["etag"]})
    assert again.status == 304


async def test_hashed_files_never_change(client: Client) -> None:
    """A file with its hash in its name may be kept for ever; another is asked for again."""
    script = await client("GET", "/assets/main-Ab12_cD9.js")
    assert script["cache-control"] == "public, max-age=31536000, immutable"
    assert script["content-type"].startswith("text/javascript")
    assert script.body == SCRIPT.encode()
    theme = await client("GET", "/theme.js")
    assert theme["cache-control"] == "no-cache"
    again = await client("GET", "/theme.js", headers={"if-none-match": theme["etag"]})
    assert (again.status, again.body) == (304, b"")


async def test_files_are_sent_packed_where_that_is_accepted(client: Client) -> None:
    """A script is packed once and sent so; its tag is another, and both revalidate."""
    reply = await client("GET", "/assets/main-Ab12_cD9.js", headers={"accept-encoding": "gzip, br"})
    assert reply["content-encoding"] == "gzip"
    assert gzip.decompress(reply.body) == SCRIPT.encode()
    assert reply["vary"] == "accept-encoding"
    headers = {"accept-encoding": "gzip", "if-none-match": reply["etag"]}
    assert (await client("GET", "/assets/main-Ab12_cD9.js", headers=headers)).status == 304


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/assets/../../secret.txt",
        "/..%2fsecret.txt",
        "//secret.txt",
        "/link.txt",
        "/assets/..\\..\\secret.txt",
        "/secret.txt\x00.js",
        "/assets/missing.js",
    ],
)
async def test_nothing_outside_the_folder_is_served(client: Client, path: str) -> None:
    """No spelling of a path, and no link, leads out of the folder."""
    reply = await client("GET", path)
    assert reply.status == 404
    assert b"secret" not in reply.body


async def test_an_address_with_a_point_is_the_page_for_who_goes_there(client: Client) -> None:
    """Objects may have points in their names; a script or a picture that is not there stays a 404, for all in /assets."""
    browser = {"accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
    page = await client("GET", "/settings/model.default", headers=browser)
    assert (page.status, page["content-type"]) == (200, "text/html; charset=utf-8")
    for path, accept in (("/settings/model.default", "*/*"), ("/missing.png", "image/png")):
        assert (await client("GET", path, headers={"accept": accept})).status == 404
    assert (await client("GET", "/assets/missing.js", headers=browser)).status == 404


@pytest.mark.parametrize(
    "path", ["/api", "/api/x", "/v1/x", "/metrics", "/problems/x/y", "/docs/x.png", "/api/v1"]
)
async def test_addresses_of_the_api_are_never_the_page(client: Client, path: str) -> None:
    """A wrong address of the API is a problem, not a page that says 200."""
    reply = await client("GET", path)
    assert reply.status == 404
    assert reply["content-type"] == "application/problem+json"


async def test_only_reading_is_allowed(client: Client) -> None:
    """A page cannot be posted to."""
    reply = await client("POST", "/chat", body=b"")
    assert reply.status == 405
    assert reply["allow"] == "GET, HEAD, OPTIONS"


async def test_without_a_build_the_page_says_what_to_do() -> None:
    """A server without a client names the command that builds it."""
    reply = await edge()("GET", "/")
    assert reply.status == 503
    assert b"make run" in reply.body
    assert reply["cache-control"] == "no-store"


def rebuilt(folder: Path, script: str, text: str) -> None:
    """Exchange the build as `make run` does: one whole folder for another."""
    fresh = folder.with_name("next")
    (fresh / "assets").mkdir(parents=True)
    (fresh / "assets" / script).write_text(text)
    (fresh / "theme.js").write_text("2")
    (fresh / "index.html").write_text(f'{PAGE}<script src="./assets/{script}"></script>')
    shutil.rmtree(folder)
    fresh.rename(folder)


async def test_a_build_put_in_place_meanwhile_is_served_at_once(client: Client, folder: Path) -> None:
    """Who opens the page after a build gets that build's page and its files, without a new start of the server."""
    assert b"next-" not in (await client("GET", "/")).body
    assert (await client("GET", "/theme.js")).body == b"1"
    rebuilt(folder, "next-Zz98_yX7.js", "two")
    assert b"assets/next-Zz98_yX7.js" in (await client("GET", "/chat")).body
    assert (await client("GET", "/assets/next-Zz98_yX7.js")).body == b"two"
    assert (await client("GET", "/theme.js")).body == b"2"


async def test_a_file_of_a_new_build_is_there_for_who_got_its_page_elsewhere(
    client: Client, folder: Path
) -> None:
    """Another process may have shown the new page: a file that only that build has is found all the same."""
    await client("GET", "/")
    rebuilt(folder, "next-Zz98_yX7.js", "two")
    assert (await client("GET", "/assets/next-Zz98_yX7.js")).body == b"two"


async def test_open_tabs_keep_what_they_had_of_the_build_before(client: Client, folder: Path) -> None:
    """A file of the build before that somebody read stays; one that nobody read is gone, as a 404."""
    (folder / "assets" / "rare-Ab12_cD9.js").write_text("rare")
    await client("GET", "/assets/main-Ab12_cD9.js")
    rebuilt(folder, "next-Zz98_yX7.js", "two")
    await client("GET", "/")
    assert (await client("GET", "/assets/main-Ab12_cD9.js")).body == SCRIPT.encode()
    assert (await client("GET", "/assets/rare-Ab12_cD9.js")).status == 404


async def test_a_half_written_build_changes_nothing(client: Client, folder: Path) -> None:
    """A page that names files which are not there yet, and a folder that is being emptied, leave the last whole build."""
    before = await client("GET", "/")
    (folder / "index.html").write_text(f'{PAGE}<script src="./assets/later-Zz98_yX7.js"></script>')
    assert (await client("GET", "/")).body == before.body
    shutil.rmtree(folder)
    assert (await client("GET", "/chat")).body == before.body


async def test_a_build_made_after_the_start_is_found(tmp_path: Path) -> None:
    """A server that began without a client shows it as soon as it is built."""
    built = tmp_path / "dist"
    client = edge(site=Site(static_folder=built))
    assert (await client("GET", "/")).status == 503
    built.mkdir()
    rebuilt(built, "next-Zz98_yX7.js", "two")
    assert (await client("GET", "/")).status == 200
