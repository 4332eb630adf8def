"""What is followed comes to its end also where whoever ran it died meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from localhai.app.follow import follow_execution, wait_for_end
from localhai.app.open_project import OpenProject
from localhai.executions.run import finalize
from localhai.executions.run.heartbeat import own_owner

if TYPE_CHECKING:
    from pathlib import Path

    from localhai.executions.execution import Execution
    from localhai.executions.home import Home

YAML = """\
- step:
    name: train
    image: python:3.11-slim
    command: python train.py
"""
DEAD = replace(own_owner(), process_start="0")


def left(home: Home, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Execution:
    """An execution whose localhai was killed when its container had ended."""

    def dies(*_: object, **__: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(finalize, "close", dies)
        with pytest.raises(SystemExit):
            OpenProject.at(folder, home=home).run("train")
    execution = home.execution("latest")
    assert home.records.executions.adopt(execution.id, execution.record.owner, DEAD)
    return execution.refresh()


def test_an_execution_whose_localhai_dies_while_it_is_followed_ends(
    home: Home, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution, said = left(home, folder, monkeypatch), list[str]()
    events = [event.message for event in follow_execution(home, execution, said.append) if event.stream == "stdout"]
    assert (execution.status, events) == ("complete", ['{"loss": 0.5}'])
    assert "was left by a localhai that died" in said[0]


def test_outputs_that_are_waited_for_come_though_whoever_ran_it_died(
    home: Home, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    execution = left(home, folder, monkeypatch)
    wait_for_end(home, execution, lambda _text: None)
    assert [item["name"] for item in execution.outputs] == ["model.bin"]
