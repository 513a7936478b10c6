"""A tab that was open while the pages were built anew."""

from __future__ import annotations

import re

from playwright.sync_api import Route, expect

from tests.e2e.browser import Visit

NEWER = '<script type="module" crossorigin src="./assets/index-Newer123.js"></script>'


def test_a_page_that_is_gone_from_the_server_is_taken_from_its_newer_build(admin: Visit) -> None:
    """Going to a page whose file the server has no more loads it with the build that is there, and says so once."""
    admin.watch.expects(r"404|dynamically imported module")
    page, came, gone = admin.page, list[str](), True

    def file(route: Route) -> None:
        """Let the first page through; of the others nothing is left until the newer build is found."""
        came.append(route.request.url)
        if gone and len(came) > 1:
            route.fulfill(status=404, body="")
        else:
            route.continue_()

    def newest(route: Route) -> None:
        nonlocal gone
        gone = False
        route.fulfill(content_type="text/html", body=NEWER)

    page.route(re.compile(r"/assets/View-[^/]+\.js"), file)
    page.route("**/index.html", newest)
    admin.go("/chat")
    expect(page.get_by_role("textbox", name="Message")).to_be_visible()
    page.get_by_role("link", name="Sagas").first.click()
    expect(page.get_by_role("heading", name="Sagas", level=1)).to_be_visible()
    expect(page.get_by_text("The pages were renewed").first).to_be_visible()
    assert not gone
    page.reload()
    expect(page.get_by_role("heading", name="Sagas", level=1)).to_be_visible()
    expect(page.get_by_text("The pages were renewed")).to_have_count(0)


def test_without_a_server_the_page_says_so_and_stays(admin: Visit) -> None:
    """A page that could not be fetched for want of the server says so; nothing is loaded again."""
    admin.watch.expects(r"404|dynamically imported module|ERR_")
    page, came = admin.page, list[str]()

    def file(route: Route) -> None:
        came.append(route.request.url)
        if len(came) > 1:
            route.abort()
        else:
            route.continue_()

    page.route(re.compile(r"/assets/View-[^/]+\.js"), file)
    page.route("**/index.html", lambda route: route.abort())
    admin.go("/chat")
    expect(page.get_by_role("textbox", name="Message")).to_be_visible()
    page.get_by_role("link", name="Sagas").first.click()
    expect(page.get_by_text("This page could not be loaded")).to_be_visible()
    expect(page.get_by_role("button", name="Reload")).to_be_visible()
