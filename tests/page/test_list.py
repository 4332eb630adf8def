"""The list of executions."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect


@pytest.fixture
def page(guest, seeded):
    return guest(seeded.path())


def counters(page) -> list[str]:
    """Of the rows that are shown, from the top."""
    return page.get_by_role("grid").locator("a.counter").all_inner_texts()


def test_it_shows_facts_parameters_and_metrics(page):
    row = page.get_by_role("row").filter(has=page.get_by_role("checkbox", name="Select #5"))
    expect(row).to_contain_text("complete")
    expect(row).to_contain_text("0.9")
    expect(row).to_contain_text("0.9153")
    expect(page.get_by_role("columnheader", name="learning_rate")).to_be_visible()
    assert page.title() == "Executions of newsroom · localhai"


def test_it_sorts_by_a_metric(page):
    page.get_by_role("columnheader", name="loss").get_by_role("button").first.click()
    expect(page).to_have_url(re.compile("sort="))
    shown = counters(page)
    assert shown[:5] in (["1", "2", "3", "4", "5"], ["5", "4", "3", "2", "1"])


def test_it_filters_by_words_and_numbers_and_the_filter_is_in_the_address(page, guest):
    page.get_by_placeholder("Filter").fill("step:train learning_rate<0.6 status:complete")
    expect(page.get_by_text("3 of 7")).to_be_visible()
    assert sorted(counters(page)) == ["1", "2", "3"]
    again = guest(page.url.replace(page.url.split("/p/")[0], ""))
    expect(again.get_by_text("3 of 7")).to_be_visible()


def test_keys_move_select_and_open(page):
    page.get_by_role("grid").focus()
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.get_by_role("row", selected=True)).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Log", exact=False)).to_be_visible()
    page.keyboard.press("u")
    expect(page.get_by_role("grid")).to_be_visible()


def test_a_click_on_a_row_opens_it_and_back_returns(page):
    page.get_by_role("row").filter(has=page.get_by_role("checkbox", name="Select #6")).get_by_text("train").click()
    expect(page.get_by_role("heading", name="Its command ended with exit code 3")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("grid")).to_be_visible()


def test_what_is_selected_can_be_tagged_and_deleted(visit, server):
    for _ in range(3):
        server.run("evaluate")
    page = visit(server).open(server.login(server.path()))
    page.get_by_role("checkbox", name="Select #2").check()
    page.get_by_role("button", name="Tag", exact=True).click()
    page.get_by_role("dialog").get_by_role("textbox").fill("kept")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page.get_by_role("gridcell", name="kept")).to_be_visible()
    assert list(server.project.execution("2").record.tags) == ["kept"]

    page.get_by_role("checkbox", name="Select #2").uncheck()
    page.get_by_role("checkbox", name="Select #1").check()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("checkbox", name="Select #1")).to_have_count(0)
    assert [execution.counter for execution in server.project.executions()] == [3, 2]


def test_an_empty_project_teaches_three_commands(visit, server):
    page = visit(server).open(server.login(server.path()))
    expect(page.get_by_text("No execution of newsroom yet")).to_be_visible()
    expect(page.get_by_text("localhai run STEP", exact=True)).to_be_visible()
    server.run("evaluate")
    expect(page.get_by_role("checkbox", name="Select #1")).to_be_visible()
