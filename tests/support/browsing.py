"""One visit of the page in a real Chromium, which notices what a person would not: errors, and requests elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

QUIET = frozenset({"log", "info", "debug"})
WAIT = 30_000.0  # milliseconds for what takes a few on a machine that does nothing else
DESK, PHONE = (1280, 800), (360, 740)


@dataclass
class Visit:
    """A browser of its own (no session, nothing stored) at one server; `problems` fail the test at its end."""

    context: BrowserContext
    url: str
    problems: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    _allowed: list[re.Pattern[str]] = field(default_factory=list)

    def allow(self, pattern: str) -> None:
        """What the browser says of this is expected."""
        self._allowed.append(re.compile(pattern))

    def tab(self) -> Page:
        """Another tab, watched."""
        page = self.context.new_page()
        page.set_default_timeout(WAIT)
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.problems.append(f"error of the page: {error}"))
        page.on("dialog", lambda dialog: self.problems.append(f"dialog: {dialog.message}"))
        page.on("popup", lambda popup: self.problems.append(f"popup: {popup.url}"))
        return page

    def open(self, path: str, page: Page | None = None) -> Page:
        """A page of the server, in a tab of its own unless one is given."""
        page = page or self.tab()
        page.goto(self.url + path)
        return page

    def unexpected(self) -> list[str]:
        """What went wrong and was not allowed."""
        return [found for found in self.problems if not any(pattern.search(found) for pattern in self._allowed)]

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type not in QUIET:
            self.problems.append(f"console {message.type}: {message.text} ({message.location.get('url', '')})")

    def _asked(self, request: Request) -> None:
        self.requests.append(request.url)
        parts = urlsplit(request.url)
        if parts.scheme in {"data", "blob", "about"}:
            return
        if f"{parts.scheme}://{parts.netloc}" != self.url:
            self.problems.append(f"request elsewhere: {request.url}")


@contextmanager
def visiting(
    browser: Browser, url: str, *, size: tuple[int, int] = DESK, dark: bool = False, bypass_csp: bool = False
) -> Iterator[Visit]:
    """A visit; fails at its end with what went wrong."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
        locale="en-GB",
        timezone_id="UTC",
        accept_downloads=True,
        bypass_csp=bypass_csp,
    )
    visit = Visit(context, url)
    context.on("request", visit._asked)
    try:
        yield visit
        if found := visit.unexpected():
            pytest.fail("\n".join(found), pytrace=False)
    finally:
        context.close()
