"""A browser in front of a live server, signed in, that forgives nothing: any console error,
failed request or violation of the content security policy fails the test."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from playwright.sync_api import Browser, BrowserContext, Page, expect

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


@pytest.fixture
def open_page(browser: Browser, live_server, complaints, sign_in) -> Iterator[Callable[..., Page]]:
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
