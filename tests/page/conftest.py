"""The page in a real Chromium, one for all tests; servers over the fake engine on threads of this process."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))  # where `machine` is, which finds the browser

from browsing import Visit, visiting
from machine.browser import find
from page_server import PageServer, page_server
from playwright.sync_api import Browser, sync_playwright

from localhai.server.page.bundle import FOLDER

IS_BUILT = (FOLDER / "manifest.json").exists()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A checkout whose page is not built has its shell tested, and nothing of the page."""
    for item in items:
        if not IS_BUILT and "tests/page/" in item.nodeid and "shell" not in item.nodeid:
            item.add_marker(pytest.mark.skip(reason="the page is not built: make page"))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = find(os.environ)
    assert chromium is not None, "no Chromium: scripts/ensure-chromium"
    with sync_playwright() as playwright:
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        started = playwright.chromium.launch(executable_path=chromium, args=options)
        yield started
        started.close()


@pytest.fixture
def visits() -> Iterator[ExitStack]:
    """The visits of this test."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def server(tmp_path: Path, visits: ExitStack) -> Iterator[PageServer]:
    """A server of this test's own, with an empty project. Who visits it has left before it ends."""
    with page_server(tmp_path) as made:
        yield made
        visits.close()


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageServer]:
    """A server that tests only look at: a few executions of each kind (seeding.py)."""
    from page_seed import seed

    with page_server(tmp_path_factory.mktemp("seeded")) as made:
        seed(made)
        yield made


@pytest.fixture
def visit(browser: Browser, visits: ExitStack) -> Callable[..., Visit]:
    """Visits a server: `visit(server, size=PHONE, dark=True)`. What goes wrong in the browser fails the test."""
    return lambda server, **how: visits.enter_context(visiting(browser, server.url, **how))


@pytest.fixture
def guest(visit: Callable[..., Visit], seeded: PageServer) -> Callable[..., Any]:
    """Opens a path of the seeded server as a person who was let in; gives the tab."""

    def opened(path: str, **how: Any) -> Any:
        return visit(seeded, **how).open(seeded.login(path))

    return opened
