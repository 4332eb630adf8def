"""A sweep on the real engine, as a person sees it: `localhai page`, and a terminal beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from browsing import visiting
from playwright.sync_api import expect

pytestmark = pytest.mark.docker

YAML = """\
- step:
    name: train
    image: python:3.11-slim
    command: python train.py {parameters}
    parameters:
      - {name: rate, type: float, default: 1.0}
- task:
    name: rates
    step: train
    type: grid_search
    parameters:
      - {name: rate, style: multiple, rules: {items: [1.0, 2.0, 4.0]}}
"""
TRAIN = """\
import json, sys, time
rate = float(sys.argv[1].partition("=")[2])
for epoch in range(1, 6):
    print(json.dumps({"epoch": epoch, "loss": 1 / (epoch * rate)}), flush=True)
    time.sleep(0.1)
open("/valohai/outputs/model.txt", "w").write("weights")
"""


@pytest.fixture
def localhai(tmp_path: Path, home_folder: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a command in a project; the server in the background ends with the test."""
    (tmp_path / "news").mkdir()
    (tmp_path / "news" / "valohai.yaml").write_text(YAML)
    (tmp_path / "news" / "train.py").write_text(TRAIN)
    environment = {**os.environ, "LOCALHAI_HOME": str(home_folder)}

    def start(*words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "localhai", *words]
        return subprocess.Popen(
            command,
            cwd=tmp_path / "news",
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    yield start
    start("page", "--stop").communicate(timeout=120)


def test_a_sweep_is_seen_live_and_its_best_is_found(browser, localhai):
    opened, said = localhai("page", "--json").communicate(timeout=120)
    assert opened, said
    address = json.loads(opened)
    with visiting(browser, address["server"]["url"]) as seen:
        page = seen.tab()
        page.goto(address["url"])
        expect(page.get_by_text("No execution of news yet")).to_be_visible()
        sweep = localhai("task", "run", "rates", "--jobs", "2")
        for number in (1, 2, 3):
            row = page.get_by_role("row").filter(has=page.get_by_role("checkbox", name=f"Select #{number}"))
            expect(row).to_contain_text("complete", timeout=60_000)
        said = sweep.communicate(timeout=120)[1]
        assert sweep.returncode == 0, said

        page.get_by_role("columnheader", name="loss").get_by_role("button").first.click()
        page.get_by_placeholder("Filter").fill("loss<0.06")
        expect(page.get_by_text("1 of 3")).to_be_visible()
        row = page.locator("[aria-rowindex='2']")
        expect(row).to_contain_text("4")
        row.get_by_text("train").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("train")
        page.get_by_role("navigation", name="Of this execution").get_by_role("link", name="Log").click()
        expect(page.get_by_text('{"epoch": 5, "loss": 0.05}')).to_be_visible()
        page.get_by_role("navigation", name="Of this execution").get_by_role("link", name="Outputs").click()
        expect(page.get_by_text("weights")).to_be_visible()
