"""A home on a real small disk that is full. Only who may mount one has these tests."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import small_disks
from click.testing import CliRunner
from msgspec.structs import replace

from localhai.app.open_project import OpenProject
from localhai.cli.call import Call
from localhai.cli.main import cli
from localhai.executions.home import Home
from localhai.executions.run import finalize
from localhai.executions.run.heartbeat import own_owner
from localhai.settings import Settings
from localhai.testing import Canned, FakeEngine

if TYPE_CHECKING:
    from collections.abc import Iterator

YAML = """\
- step:
    name: train
    image: python:3.11-slim
    command: python train.py
"""


def fill(disk: Path, name: str) -> Path:
    """A file that takes all that is left."""
    found = disk / name
    found.parent.mkdir(parents=True, exist_ok=True)
    with found.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1 << 8, 1):
            with suppress(OSError):  # full
                while True:
                    file.write(b"\1" * size)
    return found


def dies(*_: object, **__: object) -> None:
    raise SystemExit


if small_disks.may_mount():

    @pytest.fixture
    def disk(tmp_path: Path) -> Iterator[Path]:
        with small_disks.small_disk(tmp_path / "disk", 12) as folder:
            yield folder

    @pytest.mark.parametrize("how", ["--cache", "--all"])
    def test_clean_makes_room_where_nothing_can_be_recovered_for_want_of_it(
        disk: Path, tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        project = tmp_path / "news"
        project.mkdir()
        (project / "valohai.yaml").write_text(YAML)
        engine = FakeEngine()
        engine.behave(Canned(output="said\n", files={"model.bin": bytes(1000)}), step="train")
        with Home(Settings(home=disk), engine=engine) as home:
            OpenProject.at(project, home=home).run("train")
            with monkeypatch.context() as patch:
                patch.setattr(finalize, "close", dies)
                with pytest.raises(SystemExit):
                    OpenProject.at(project, home=home).run("train")
            left = home.records.executions.list(limit=1)[0]
            home.records.executions.adopt(left.id, left.owner, replace(own_owner(), process_start="0"))
            packages = fill(disk, "cache/packages/pip/wheel")

            cleaned = CliRunner().invoke(cli, ("clean", how, "--yes"), obj=Call(home=home, folder=project))

            assert cleaned.exit_code == 0, cleaned.output
            assert not packages.exists()
            again = CliRunner().invoke(cli, ("execution", "list"), obj=Call(home=home, folder=project))
            assert again.exit_code == 0, again.output
            assert home.records.executions.get(left.id).status == "complete"
        engine.close()
