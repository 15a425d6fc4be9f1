"""The page `/docs` in a real browser: it shows the document, and loads nothing from other hosts."""

import json
import shutil
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from _support.servers import Server
from hallmarket.server.http.openapi_examples import ID

PATIENCE_MS = 120_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, headless."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.fail("The tests need a browser; install it first (Debian: apt-get install chromium).")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-dev-shm-usage"]
        running = playwright.chromium.launch(executable_path=chromium, args=arguments, timeout=PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        yield running
        running.close()


def open_docs(browser: Browser, server: Server, width: int) -> tuple[Page, list[str], list[str]]:
    """The loaded page, the URLs that it requested, and its errors."""
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.set_default_timeout(PATIENCE_MS)
    asked: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(f"{server.url}/docs")
    page.wait_for_selector(".opblock-summary-path")
    return page, asked, wrong


@pytest.mark.parametrize("width", [1280, 390])
def test_page_shows_the_document_and_asks_nobody_else(server: Server, browser: Browser, width: int) -> None:
    """The page shows every operation on wide and narrow screens, and requests nothing from other hosts."""
    page, asked, wrong = open_docs(browser, server, width)
    document = httpx.get(f"{server.url}/openapi.json", trust_env=False).json()
    operations = sum(len(item) for item in document["paths"].values())
    expect(page.locator(".opblock")).to_have_count(operations)
    page.locator(".opblock-summary-path", has_text="get-token").click()
    page.wait_for_selector(".opblock-body .responses-table")
    page.locator(".try-out__btn").click()
    page.locator(".execute").click()
    page.wait_for_selector(".live-responses-table")
    expect(page.locator(".live-responses-table")).to_contain_text("unauthenticated")
    page.locator(".auth-wrapper .authorize").click()
    page.wait_for_selector(".modal-ux")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.close()
    assert not wrong, wrong
    # A `data:` URL is no request.
    assert {urlsplit(url).netloc for url in asked if not url.startswith("data:")} == {urlsplit(server.url).netloc}


def test_what_need_not_be_given_is_not_sent(server: Server, browser: Browser) -> None:
    """ "Try it out" of a purchase sends what the user fills in, not the examples' organization and key."""
    page, _, wrong = open_docs(browser, server, 1280)
    buying = page.locator(".opblock", has=page.locator("[data-path='/elements/common/purchase-asset']"))
    buying.locator(".opblock-summary-control").click()
    buying.locator(".try-out__btn").click()
    buying.locator("textarea").wait_for()
    assert [field.input_value() for field in buying.locator(".parameters input").all()] == ["", ""]
    assert json.loads(buying.locator("textarea").input_value()) == {"assetType": "file", "assetId": ID}
    page.close()
    assert not wrong, wrong


def test_page_may_load_from_its_own_origin_only(server: Server) -> None:
    """The page has a strict Content-Security-Policy."""
    with server.client("") as client:
        for path in ("/docs", "/docs/page.js", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css"):
            response = client.get(path)
            assert response.status_code == 200, path
            policy = dict(part.split(" ", 1) for part in response.headers["content-security-policy"].split("; "))
            assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
            assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
            assert response.headers["x-content-type-options"] == "nosniff"


def test_nothing_else_is_served_as_part_of_the_page(server: Server) -> None:
    """The page's folder serves only the files of the page."""
    with server.client("") as client:
        for name in ("docs.py", "..%2fdocs.py", "%2e%2e", "index.css", "swagger-ui.js"):
            assert client.get(f"/docs/{name}").status_code == 404
        for path in ("/schema", "/schema/swagger", "/schema/openapi.json", "/swagger", "/redoc"):
            assert client.get(path).status_code == 404  # the framework's pages, which load from other hosts
