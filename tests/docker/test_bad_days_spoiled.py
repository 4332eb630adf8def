"""Somebody spoils what an execution left behind before localhai looked: everything else goes on working."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.docker


def remove_folder(folder: Path) -> None:
    shutil.rmtree(folder)


def cut_plan(folder: Path) -> None:
    (folder / "plan.json").write_text("{")


def remove_plan(folder: Path) -> None:
    (folder / "plan.json").unlink()


def spoil_log(folder: Path) -> None:
    for path in folder.glob("log*"):
        path.write_bytes(b"\xff\x00 not what was written")


def cut_end(folder: Path) -> None:
    (folder / "end.json").write_text('{"status": ')


@pytest.mark.parametrize("running", [True, False])
@pytest.mark.parametrize("spoil", [remove_folder, remove_plan, cut_plan, spoil_log, cut_end])
def test_an_execution_whose_files_are_spoiled_is_closed_and_bothers_nobody(bench, spoil, running) -> None:
    bench.step(["echo kept > /valohai/outputs/kept.txt", "echo ready", "sleep 600"])
    run = bench.start("run", "work")
    bench.until(lambda: "ready" in run.out)
    container = bench.container()
    run.die()
    if not running:
        subprocess.run(["docker", "kill", container], check=True, stdout=subprocess.DEVNULL)
    row = bench.records()[0]
    spoil(bench.home / row.folder)
    looked = bench.call("execution", "list")
    assert looked.code() == 0, looked.err
    assert "Traceback" not in looked.err
    if running:
        bench.call("execution", "stop", "1")
    bench.until(lambda: bench.records()[0].status in {"crashed", "error", "stopped"})
    bench.step("echo fine")
    again = bench.call("run", "work")
    assert again.code() == 0, again.err
    assert bench.last()["status"] == "complete"
    shown = bench.call("execution", "info", "1", "--json")
    assert shown.code() == 0, shown.err
    if "plan" in spoil.__name__:
        assert (
            json.loads(shown.out)["error"]
            == "its localhai died, and its files were removed or spoiled by somebody else"
        )
        assert (bench.home / row.folder / "outputs" / "kept.txt").read_text() == "kept\n"
