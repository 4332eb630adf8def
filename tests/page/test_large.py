"""Much of everything: rows, lines, keys, and values that nobody expected."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from page_data import PageData
from page_server import PageServer, page_server
from playwright.sync_api import Page, expect

ROWS, LINES, KEYS = 5000, 300_000, 12_000
NODES = 2500


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageServer]:
    with page_server(tmp_path_factory.mktemp("large")) as made:
        data = PageData(made.home, made.project.folder.path, made.project.folder.name)
        data.long_log(LINES)
        data.execution(metadata=[{f"key {number}": number for number in range(KEYS)}], title="many keys")
        data.execution(metadata=[{"a\nb": 1, "": 2, "x" * 5000: 3}], title="odd keys")
        data.execution(metadata=[{"text": "y" * 5_000_000}], parameters={"note": "z" * 5_000_000}, title="a long value")
        data.many(ROWS)
        yield made


@pytest.fixture
def look(visit: Callable[..., Any], large: PageServer) -> Callable[..., Page]:
    return lambda path, **how: visit(large, **how).open(large.login(path))


def nodes(page: Page) -> int:
    found: int = page.evaluate("document.querySelectorAll('*').length")
    return found


def test_a_list_of_thousands_is_scrolled_sorted_and_filtered(look, large):
    page = look(large.path(), size=(2400, 900))
    expect(page.get_by_text(f"{ROWS + 4:,} executions")).to_be_visible()
    grid = page.get_by_role("grid")
    grid.evaluate("element => element.scrollTo(0, element.scrollHeight)")
    expect(page.get_by_role("checkbox", name="Select #1", exact=True)).to_be_visible()
    assert nodes(page) <= NODES
    page.get_by_placeholder("Filter").fill("metric_0<0.5 parameter_1>5")
    expect(page.get_by_text(f"of {ROWS + 4:,}")).to_be_visible()
    page.get_by_role("columnheader", name="metric_0").get_by_role("button").first.click()
    expect(page).to_have_url(re.compile("sort=.*metric_0"))
    expect(page.locator("[aria-rowindex='2']")).to_contain_text(re.compile(r"0\.49\d"))
    assert nodes(page) <= NODES


def test_a_log_of_hundreds_of_thousands_of_lines_is_read_at_its_end_and_searched(look, large):
    execution = large.project.execution("1")
    page = look(large.path(execution, "log/"))
    expect(page.get_by_text(f"{LINES:,} lines")).to_be_visible()
    assert nodes(page) <= NODES
    page.keyboard.press("Shift+G")
    expect(page.get_by_text(f"{LINES}", exact=True)).to_be_visible()
    page.get_by_placeholder("Search").fill(f"step {LINES // 2} of")
    expect(page.get_by_text("1/1").or_(page.get_by_text("1 of 1"))).to_be_visible()


def test_a_line_is_marked_by_its_address(look, large):
    execution = large.project.execution("1")
    page = look(large.path(execution, "log/"))
    expect(page.get_by_text(f"{LINES:,} lines")).to_be_visible()
    page.goto(f"{large.url}{large.path(execution, 'log/')}#L123456-123460")
    page.reload()
    expect(page.get_by_text("line 123,456 to 123,460 marked")).to_be_visible()
    expect(page.get_by_text("123456", exact=True)).to_be_visible()


@pytest.mark.parametrize("reference", ["2", "3", "4"], ids=["many keys", "odd keys", "a long value"])
@pytest.mark.parametrize("tab", ["", "metadata/"])
def test_odd_metadata_is_shown_within_limits(look, large, reference, tab):
    page = look(large.path(large.project.execution(reference), tab))
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"#{reference} train")
    expect(page.get_by_role("alert")).to_have_count(0)
    assert nodes(page) <= NODES
