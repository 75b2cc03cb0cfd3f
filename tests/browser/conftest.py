"""A browser in front of a live server, signed in, that forgives nothing: any console error,
failed request or violation of the content security policy fails the test."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.signals import request_finished, request_started
from playwright.sync_api import Browser, BrowserContext, Page, expect

from core.embedded.processes import wait_until
from tests.cast import make_client

# What is expected is there within a second, or is looked for as long as elements to click are.
expect.set_options(timeout=30_000)

REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`));
"""


class Complaints(list[str]):
    """What a browser complained about, of every page that was watched."""

    def watch(self, page: Page) -> Page:
        page.add_init_script(REPORT_VIOLATIONS)
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.append(f"error: {error}"))
        page.on("requestfailed", lambda request: self._fail(request.url, str(request.failure)))
        return page

    def _hear(self, message) -> None:
        if message.type in {"error", "warning"}:
            self.append(f"{message.type}: {message.text}")

    def _fail(self, url: str, failure: str) -> None:
        # A page that is left takes its running requests with it.
        if "ERR_ABORTED" not in failure:
            self.append(f"failed: {url} {failure}")


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    found = Complaints()
    yield found
    assert found == []


@pytest.fixture
def sign_in(live_server) -> Callable[[BrowserContext, User], None]:
    def act(context: BrowserContext, user: User) -> None:
        cookie = make_client(user).cookies[settings.SESSION_COOKIE_NAME].value
        context.add_cookies(
            [{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}]
        )

    return act


class Requests:
    """How many are being served by this process."""

    def __init__(self) -> None:
        self.n, self.lock = 0, threading.Lock()

    def begin(self, **_: object) -> None:
        with self.lock:
            self.n += 1

    def end(self, **_: object) -> None:
        with self.lock:
            self.n -= 1


@pytest.fixture
def requests() -> Iterator[Requests]:
    counted = Requests()
    request_started.connect(counted.begin)
    request_finished.connect(counted.end)
    yield counted
    request_started.disconnect(counted.begin)
    request_finished.disconnect(counted.end)


@pytest.fixture
def open_page(
    browser: Browser, live_server, complaints, sign_in, requests
) -> Iterator[Callable[..., Page]]:
    """Open a path, as a user or as nobody, with options of the browser's context."""
    contexts: list[BrowserContext] = []

    def act(path: str, user: User | None = None, **options: Any) -> Page:
        context = browser.new_context(base_url=live_server.url, **options)
        contexts.append(context)
        if user is not None:
            sign_in(context, user)
        page: Page = complaints.watch(context.new_page())
        page.goto(path)
        return page

    yield act
    for context in contexts:
        context.close()
    # Pages ask for news by themselves. Tables that a request reads cannot be emptied, and one that
    # reads several may wait for those that are being emptied: a deadlock.
    assert wait_until(lambda: requests.n == 0, seconds=60) is True


class EmptyPage(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>shop</title>")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def shop() -> Iterator[str]:
    """The address of a page on an origin of its own."""
    server = HTTPServer(("127.0.0.1", 0), EmptyPage)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def page(browser, shop):
    """A page of the shop, which may fail as browsers let it."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(shop)
    yield page
    context.close()
