"""Executions side by side, and what one said as numbers."""

from __future__ import annotations

from playwright.sync_api import expect


def test_what_differs_stands_above_what_is_equal(guest, seeded):
    page = guest(f"/p/{seeded.project_id}/compare/?ids=1,5")
    expect(page.get_by_role("heading", name="Compare")).to_be_visible()
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="learning_rate"))
    expect(row).to_contain_text("0.1")
    expect(row).to_contain_text("0.9")
    expect(page.get_by_role("rowheader", name="image")).to_have_count(0)
    page.get_by_role("button", name="equal").first.click()
    expect(
        page.get_by_role("rowheader", name="image").or_(page.get_by_role("rowheader", name="epochs")).first
    ).to_be_visible()


def test_the_selection_of_the_list_is_compared(guest, seeded):
    page = guest(seeded.path())
    for number in (2, 4):
        page.get_by_role("checkbox", name=f"Select #{number}").check()
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("heading", name="Compare")).to_be_visible()
    expect(page.get_by_role("link", name="#2").first).to_be_visible()
    expect(page.get_by_role("link", name="#4").first).to_be_visible()


def test_curves_are_drawn_and_have_a_table_beside_them(guest, seeded):
    page = guest(f"/p/{seeded.project_id}/execution/5/metadata/")
    expect(page.locator("canvas").first).to_be_visible()
    expect(page.get_by_role("rowheader", name="accuracy")).to_be_visible()


def test_executions_that_are_not_there_are_said(visit, seeded):
    seen = visit(seeded)
    seen.allow("404")
    page = seen.open(seeded.login(f"/p/{seeded.project_id}/compare/?ids=1,99"))
    expect(page.get_by_role("alert")).to_contain_text("99")
