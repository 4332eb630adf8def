"""Folders of one name, and folders that are renamed or moved."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from localhai.cli.call import Call
from localhai.cli.main import cli
from localhai.executions.home import Home
from localhai.settings import Settings
from localhai.testing import Canned, FakeEngine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result

YAML = """\
- step:
    name: train
    image: python:3.11-slim
    command: python train.py
"""


class Words:
    """A command line over one home; `told` is what the home told."""

    def __init__(self, home: Home, told: list[str]) -> None:
        self.home, self.told = home, told

    def __call__(self, folder: Path, *words: str, code: int = 0) -> Result:
        result = CliRunner().invoke(cli, words, obj=Call(home=self.home, folder=folder))
        assert result.exit_code == code, result.output
        return result

    def counters(self, folder: Path) -> list[int]:
        return [item["counter"] for item in json.loads(self(folder, "execution", "list", "--json").stdout)]


@pytest.fixture
def localhai(used_home: Path) -> Iterator[Words]:
    engine, told = FakeEngine(), []
    used_home.chmod(0o700)
    (used_home / "localhai.db").chmod(0o600)
    engine.behave(Canned(files={"model.bin": b"m"}), step="train")
    with Home(Settings(home=used_home), engine=engine, tell=told.append) as home:
        yield Words(home, told)
    engine.close()


def project(folder: Path, *, repository: bool = False) -> Path:
    folder.mkdir(parents=True)
    (folder / "valohai.yaml").write_text(YAML)
    if repository:
        for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", f"First of {folder.name}"]):
            identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
            subprocess.run(["git", *identity, *words], cwd=folder, check=True)
    return folder


def test_two_folders_of_one_name_have_two_places(localhai: Words, tmp_path: Path) -> None:
    first, second = project(tmp_path / "a" / "news"), project(tmp_path / "b" / "news")
    for folder in (first, second, first):
        localhai(folder, "run", "train")

    places = sorted(path for path in (localhai.home.folder / "executions").iterdir())
    assert places[0].name == "news"
    assert places[1].name.startswith("news-")
    assert [(place / "latest").resolve().name.split("-")[0] for place in places] == ["2", "1"]
    assert localhai.counters(first) == [2, 1]
    assert localhai.counters(second) == [1]


@pytest.mark.parametrize("to", ["renamed", "elsewhere/news"])
def test_a_renamed_or_moved_repository_keeps_its_history(localhai: Words, tmp_path: Path, to: str) -> None:
    folder = project(tmp_path / "news", repository=True)
    localhai(folder, "run", "train")
    (tmp_path / to).parent.mkdir(exist_ok=True)
    moved = folder.rename(tmp_path / to)

    localhai(moved, "run", "train")

    assert localhai.counters(moved) == [2, 1]
    assert localhai.told == [f"this folder is project news, which was in {folder}: its history goes on here"]
    (known,) = localhai.home.records.projects.list()
    assert (known.path, known.name) == (str(moved), moved.name)


def test_a_clone_is_another_project_while_the_first_is_there(localhai: Words, tmp_path: Path) -> None:
    folder = project(tmp_path / "news", repository=True)
    localhai(folder, "run", "train")
    subprocess.run(["git", "clone", "-q", folder, tmp_path / "clone"], check=True)

    localhai(tmp_path / "clone", "run", "train")

    assert localhai.counters(tmp_path / "clone") == [1]
    assert localhai.told == []


def test_without_a_repository_it_is_asked_and_joined_by_a_command(localhai: Words, tmp_path: Path) -> None:
    folder = project(tmp_path / "news")
    for _ in range(2):
        localhai(folder, "run", "train")
    moved = folder.rename(tmp_path / "renamed")
    localhai(moved, "run", "train")
    (told,) = localhai.told
    assert f"project news was in {folder}, which is gone" in told
    reference = told.rpartition(" ")[2]

    refused = localhai(moved, "project", "join", reference, code=2)
    assert "The executions that ran here since, 1, get numbers from #3 on" in refused.stderr
    joined = json.loads(localhai(moved, "project", "join", reference, "--yes", "--json").stdout)

    assert (joined["executions"], joined["offset"], joined["project"]["path"]) == (1, 2, str(moved))
    assert localhai.counters(moved) == [3, 2, 1]
    localhai(moved, "run", "train")
    assert localhai.counters(moved) == [4, 3, 2, 1]
    assert "train" in localhai(moved, "execution", "info", "1").stdout
    assert json.loads(localhai(moved, "execution", "info", "latest", "--json").stdout)["counter"] == 4
    assert len(json.loads(localhai(moved, "data", "list", "--json").stdout)) == 4


def test_an_unlike_folder_is_not_asked(localhai: Words, tmp_path: Path) -> None:
    folder = project(tmp_path / "news")
    localhai(folder, "run", "train")
    folder.rename(tmp_path / "aside").joinpath("valohai.yaml").write_text(YAML.replace("train", "other"))

    localhai(tmp_path / "aside", "run", "other")

    assert localhai.told == []


@pytest.mark.parametrize("reference", ["news", "{first}"])
def test_only_what_is_gone_is_joined(localhai: Words, tmp_path: Path, reference: str) -> None:
    first, second = project(tmp_path / "news"), project(tmp_path / "weather")
    for folder in (first, second):
        localhai(folder, "run", "train")

    refused = localhai(second, "project", "join", reference.format(first=first), "--yes", code=2)

    assert f"is still in {first}" in refused.stderr


def test_what_cannot_be_joined_is_named(localhai: Words, tmp_path: Path) -> None:
    folder = project(tmp_path / "news")
    localhai(folder, "run", "train")
    records = localhai.home.records
    (old,) = records.projects.list()
    folder.rename(tmp_path / "renamed")
    localhai(tmp_path / "renamed", "run", "train")
    for item in records.projects.list():
        records.versions.put_parent(item.id, "dataset", "faces")

    refused = localhai(tmp_path / "renamed", "project", "join", old.id, "--yes", code=2)

    assert "both projects have datasets of one name, which cannot be joined: faces" in refused.stderr
