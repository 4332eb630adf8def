"""What holds on each page, full and empty: accessible, in light and dark, at the width of a phone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from browsing import DESK, PHONE
from playwright.sync_api import Page, expect

AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"
RUN = """async () => {
    const found = await axe.run(document, { resultTypes: ["violations"] });
    const where = (each) => each.nodes.map((node) => node.html).slice(0, 3).join(" | ");
    return found.violations.map((each) => `${each.id}: ${each.help}: ${where(each)}`);
}"""

PAGES: dict[str, tuple[str, Callable[[Page], Any]]] = {
    "projects": ("/", lambda page: page.get_by_role("heading", name="Projects")),
    "list": ("/p/{project}/executions/", lambda page: page.get_by_role("checkbox", name="Select #7")),
    "details": ("/p/{project}/execution/5/", lambda page: page.get_by_text("--learning_rate=0.9")),
    "error": ("/p/{project}/execution/6/", lambda page: page.get_by_role("heading", name="Its command ended")),
    "log": ("/p/{project}/execution/7/log/", lambda page: page.get_by_text("of the log").first),
    "outputs": ("/p/{project}/execution/7/outputs/", lambda page: page.get_by_text('"answer": 42')),
    "no outputs": ("/p/{project}/execution/5/outputs/", lambda page: page.get_by_role("heading", level=1)),
    "metadata": ("/p/{project}/execution/5/metadata/", lambda page: page.locator("canvas").first),
    "compare": ("/p/{project}/compare/?ids=1,5,6", lambda page: page.get_by_role("heading", name="Compare")),
    "tasks": ("/p/{project}/tasks/", lambda page: page.get_by_role("heading", level=1)),
    "later": ("/p/{project}/pipelines/", lambda page: page.get_by_role("heading", level=1)),
    "nowhere": ("/p/a/b/c/", lambda page: page.get_by_role("heading", name="There is no such page")),
}


@pytest.fixture
def shown(visit, seeded) -> Callable[..., Page]:
    """A page, once what it is about is there."""

    def look(name: str, **how: Any) -> Page:
        path, sign = PAGES[name]
        page = visit(seeded, **how).open(seeded.login(path.format(project=seeded.project_id)))
        expect(sign(page)).to_be_visible()
        return page

    return look


def violations(page: Page) -> list[str]:
    page.add_script_tag(path=AXE)
    found: list[str] = page.evaluate(RUN)
    return found


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_it_is_accessible(shown, name, dark):
    assert violations(shown(name, dark=dark, bypass_csp=True)) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_box_without_a_session_and_an_empty_project_are_accessible(visit, server, dark):
    seen = visit(server, dark=dark, bypass_csp=True)
    page = seen.open("/")
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    assert violations(page) == []
    page = seen.open(server.login(server.path()))
    expect(page.get_by_text("No execution of newsroom yet")).to_be_visible()
    assert violations(page) == []


@pytest.mark.parametrize("name", PAGES)
def test_it_fits_a_phone(shown, name):
    page = shown(name, size=PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    assert page.evaluate("document.querySelector('main').getBoundingClientRect().right") <= PHONE[0]


@pytest.mark.parametrize("name", PAGES)
def test_it_makes_few_nodes(shown, name):
    assert shown(name, size=DESK).evaluate("document.querySelectorAll('*').length") <= 2500
