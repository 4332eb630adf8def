"""What changes while somebody looks."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

from localhai.testing import Canned, FakeContainer

SUPPORT = Path(__file__).parents[1] / "support"
ELSEWHERE = """\
import sys, pathlib
from msgspec.structs import replace
from localhai.app.open_project import OpenProject
from localhai.executions.home import Home
from localhai.settings import Settings
from localhai.testing import FakeEngine
home, project, gate = map(pathlib.Path, sys.argv[1:])
engine = FakeEngine()
def train(container):
    for number in range(1, 1000):
        container.out('{"epoch": %d}\\n' % number)
        container.sleep(0.2)
        if gate.exists():
            return 0
engine.behave(train, step="train")
with Home(replace(Settings.load(environ={}), home=home), engine=engine) as home:
    OpenProject.at(project, home=home).run("train")
"""


@pytest.fixture
def another_process(server, tmp_path):
    """Starts an execution in a process of its own; ends it when told."""
    gate = tmp_path / "gate"
    words = [sys.executable, "-c", ELSEWHERE, str(server.home.folder), str(server.project.folder.path), str(gate)]
    process = subprocess.Popen(words, env={**os.environ})

    def end() -> None:
        gate.touch()
        assert process.wait(60) == 0

    yield end
    end()


def row(page, number: int):
    return page.get_by_role("row").filter(has=page.get_by_role("checkbox", name=f"Select #{number}"))


def test_the_list_is_live_while_another_process_runs(visit, server, another_process):
    page = visit(server).open(server.login(server.path()))
    expect(row(page, 1)).to_contain_text("started")
    expect(page.get_by_role("columnheader", name="epoch", exact=True)).to_be_visible()
    expect(row(page, 1).get_by_role("gridcell", name=re.compile(r"^(9|\d\d)$"))).to_be_visible()
    another_process()
    expect(row(page, 1)).to_contain_text("complete")


def test_a_log_is_followed_while_another_process_writes_it(visit, server, another_process):
    page = visit(server).open(server.login(server.path()))
    expect(row(page, 1)).to_contain_text("started")
    page.goto(f"{server.url}/p/{server.project_id}/execution/1/log/")
    expect(page.get_by_text('{"epoch": 5}')).to_be_visible()
    another_process()
    expect(page.get_by_text("complete · exit code 0")).to_be_visible()


def test_ten_tabs_are_all_live_and_all_go_on(visit, server):
    server.run("evaluate")
    seen = visit(server)
    tabs = [seen.open(server.login(server.path()))]
    expect(row(tabs[0], 1)).to_be_visible()
    tabs += [seen.open(server.path()) for _ in range(9)]
    for page in tabs:
        expect(row(page, 1)).to_be_visible()
    server.run("evaluate")
    for page in reversed(tabs):
        page.bring_to_front()
        expect(row(page, 2)).to_be_visible()
    tabs[0].close()  # which may be the one that holds the stream
    server.run("evaluate")
    for page in tabs[1:]:
        page.bring_to_front()
        expect(row(page, 3)).to_be_visible()
        row(page, 3).get_by_text("evaluate").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("#3 evaluate")


def test_a_server_that_was_restarted_in_between_is_found_again(visit, server):
    server.run("evaluate")
    seen = visit(server)
    seen.allow("ERR_CONNECTION|ERR_INCOMPLETE|ERR_EMPTY|Failed to load resource|network error|Failed to fetch")
    page = seen.open(server.login(server.path()))
    expect(row(page, 1)).to_be_visible()
    server.stop()
    expect(page.get_by_text("localhai does not answer: what you see is from before")).to_be_visible()
    expect(row(page, 1)).to_be_visible()
    server.run("evaluate")
    server.start()
    expect(row(page, 2)).to_be_visible(timeout=30_000)
    expect(page.get_by_text("localhai does not answer")).to_have_count(0)


def test_an_execution_is_stopped_from_its_page(visit, server):
    def endless(container: FakeContainer) -> int:
        container.out("begins\n")
        container.sleep(600)
        return 0

    server.engine.behave(endless, step="train")
    thread = server.begin("train")
    page = visit(server).open(server.login(server.path()))
    expect(row(page, 1)).to_contain_text("started")
    row(page, 1).get_by_text("train").click()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("stopped · exit code 143")).to_be_visible(timeout=30_000)
    thread.join(60)
    assert server.project.execution("1").status == "stopped"


def test_what_scrolled_away_is_not_moved_by_what_comes(visit, server):
    server.engine.behave(Canned(output='{"loss": 1}\n'), step="train")
    for _ in range(40):
        server.run("evaluate")
    page = visit(server).open(server.login(server.path()))
    expect(row(page, 40)).to_be_visible()
    grid = page.get_by_role("grid")
    grid.evaluate("element => element.scrollTo(0, 400)")
    expect(page.get_by_role("checkbox", name="Select #40")).to_have_count(0)
    before = page.get_by_role("grid").locator("a.counter").all_inner_texts()
    server.run("evaluate")
    expect(page.get_by_text("1 new")).to_be_visible()
    assert page.get_by_role("grid").locator("a.counter").all_inner_texts() == before
