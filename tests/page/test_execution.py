"""One execution: details, log, outputs, and what may be wrong with each."""

from __future__ import annotations

import shutil

import pytest
from playwright.sync_api import expect

from localhai.testing import Canned


def test_an_error_shows_the_code_and_the_last_lines_first(guest, seeded):
    page = guest(seeded.path(seeded.project.execution("6")))
    expect(page.get_by_role("heading", name="Its command ended with exit code 3")).to_be_visible()
    expect(page.get_by_text("ValueError: the data has no column 'label'")).to_be_visible()
    expect(page.get_by_text("default 0.5")).to_be_visible()


def test_details_say_what_ran(guest, seeded):
    page = guest(seeded.path(seeded.project.execution("5")))
    expect(page.get_by_text("python train.py --epochs=3 --learning_rate=0.9")).to_be_visible()
    expect(page.get_by_text("python:3.11-slim")).to_be_visible()
    assert page.title().startswith("#5 train")


def test_the_address_of_the_api_and_of_a_counter_lead_to_it(guest, seeded):
    execution = seeded.project.execution("5")
    for reference in (execution.id, "5"):
        page = guest(f"/p/{seeded.project_id}/execution/{reference}/")
        expect(page.get_by_role("heading", level=1)).to_contain_text("#5 train")


def test_every_kind_of_output_has_a_preview(guest, seeded):
    page = guest(seeded.path(seeded.project.execution("7"), "outputs/"))
    shown = {
        "report.md": page.get_by_role("heading", name="A report"),
        "table.csv": page.get_by_role("cell", name="ada"),
        "facts.json": page.get_by_text('"answer": 42'),
        "notes.txt": page.get_by_text("plain words"),
        "picture.svg": page.locator("img"),
        "page.html": page.locator("iframe[sandbox]"),
        "model.bin": page.get_by_text("no preview").or_(page.get_by_text("download", exact=False)).first,
    }
    for name, found in shown.items():
        page.get_by_role("button", name=name).click()
        expect(page.get_by_role("heading", name=name)).to_be_visible()
        expect(found).to_be_visible()


def test_an_output_is_downloaded_as_it_is(guest, seeded):
    page = guest(seeded.path(seeded.project.execution("7"), "outputs/"))
    page.get_by_role("button", name="page.html").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "page.html"
    assert download.value.path().read_text() == "<h1>A page</h1>"


def test_an_execution_that_is_not_there_is_said(visit, seeded):
    seen = visit(seeded)
    seen.allow("404")
    page = seen.open(seeded.login(f"/p/{seeded.project_id}/execution/999/"))
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_role("link", name="All executions")).to_be_visible()


def test_a_project_and_a_page_that_are_not_there_are_said(visit, seeded):
    seen = visit(seeded)
    seen.allow("404")
    page = seen.open(seeded.login("/p/0190-none/executions/"))
    expect(page.get_by_role("alert")).to_be_visible()
    seen.open("/p/a/b/c/d/", page)
    expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()


@pytest.fixture
def made(server):
    server.engine.behave(Canned(output="said\n", files={"model.txt": "weights"}), step="train")
    return server.run()


def test_an_output_whose_bytes_are_gone_is_said(visit, server, made):
    for path in server.home.folder.rglob("model.txt"):
        path.unlink()
    seen = visit(server)
    seen.allow("410")
    page = seen.open(server.login(server.path(made, "outputs/")))
    expect(page.get_by_role("button", name="model.txt")).to_be_visible()
    expect(page.get_by_role("alert")).to_contain_text("is not in the store any more")


def test_a_folder_that_was_removed_by_hand_leaves_the_record(visit, server, made):
    shutil.rmtree(made.folder)
    seen = visit(server)
    seen.allow("404|410")
    for tab in ("", "log/", "outputs/"):
        page = seen.open(server.login(server.path(made, tab)))
        expect(page.get_by_role("heading", level=1)).to_contain_text("#1 train")
    assert not [found for found in seen.problems if "status of 500" in found]


def test_a_log_without_a_line_and_an_execution_without_outputs(visit, server):
    execution = server.run("evaluate")
    seen = visit(server)
    page = seen.open(server.login(server.path(execution, "outputs/")))
    expect(page.get_by_text("It left no outputs")).to_be_visible()
