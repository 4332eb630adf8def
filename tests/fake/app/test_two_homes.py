"""Two homes that share records, store and engine: each cleans what it made, and says where the other's files are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from localhai.app.open_project import OpenProject
from localhai.cli.call import Call
from localhai.cli.main import cli
from localhai.containers.engine import ContainerSpec
from localhai.errors import FilesNotHere
from localhai.executions.home import Home
from localhai.settings import Settings
from localhai.testing import FakeEngine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result

    from localhai.executions.execution import Execution

YAML = """\
- step:
    name: train
    image: python:3.11-slim
    command: python train.py
- endpoint:
    name: greet
    image: python:3.11-slim
    server-command: python serve.py
    port: 8000
"""


def home(name: str, tmp_path: Path, engine: FakeEngine) -> Home:
    shared = {"database_url": f"sqlite:///{tmp_path}/shared.db", "store": str(tmp_path / "store")}
    return Home(Settings(home=tmp_path / name, **shared), engine=engine)


@pytest.fixture
def homes(tmp_path: Path, engine: FakeEngine) -> Iterator[tuple[Home, Home]]:
    with home("first", tmp_path, engine) as first, home("second", tmp_path, engine) as second:
        yield first, second


@pytest.fixture
def theirs(homes: tuple[Home, Home], folder: Path) -> Execution:
    """An execution of the first home, with all that it left on the engine."""
    return OpenProject.at(folder, home=homes[0]).run("train")


def call(opened: Home, folder: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, words, obj=Call(home=opened, folder=folder))


def test_clean_leaves_executions_of_another_home_alone(
    homes: tuple[Home, Home], folder: Path, theirs: Execution
) -> None:
    own = OpenProject.at(folder, home=homes[1]).run("train")

    cleaned = call(homes[1], folder, "clean", "--all", "--all-projects", "--yes")

    assert cleaned.exit_code == 0, cleaned.output
    assert [item.id for item in homes[0].executions()] == [theirs.id]
    assert not own.folder.exists()
    assert Path(theirs.outputs[0]["path"]).read_bytes() == b"model"
    assert Path(theirs.record.outputs[0].uri.removeprefix("file://")).read_bytes() == b"model"


@pytest.mark.parametrize("words", [("execution", "delete", "1", "--yes"), ("execution", "open", "1")], ids=" ".join)
def test_what_needs_the_files_of_another_home_says_where_they_are(
    homes: tuple[Home, Home], folder: Path, theirs: Execution, words: tuple[str, ...]
) -> None:
    refused = call(homes[1], folder, *words)

    assert refused.exit_code == 4
    assert "log and files of execution #1 are in another home, on " in refused.stderr
    assert f"LOCALHAI_HOME={homes[0].folder}" in refused.stderr
    assert homes[0].execution(theirs.id).complete


def test_info_prints_no_folder_that_is_not_there(homes: tuple[Home, Home], folder: Path, theirs: Execution) -> None:
    shown = call(homes[1], folder, "execution", "info", "1").stdout

    assert str(homes[1].folder / theirs.record.folder) not in shown
    assert "in another home" in shown
    assert "loss" in shown, "the last metadata are in the records"


def test_its_log_and_metadata_are_not_empty_but_elsewhere(homes: tuple[Home, Home], theirs: Execution) -> None:
    seen = homes[1].execution(theirs.id)

    for ask in (seen.events, seen.metadata_events, seen.summary, seen.plan):
        with pytest.raises(FilesNotHere):
            ask()
    assert seen.metadata == {"loss": 0.5}


def test_clean_removes_images_and_leftovers_of_its_own_home_alone(
    homes: tuple[Home, Home], folder: Path, engine: FakeEngine
) -> None:
    from localhai.containers import labels
    from localhai.deployments.building import image_labels
    from localhai.records import new_id

    dead = labels.OwnerLabel(labels.own_owner().host, labels.own_owner().pid, "0", "")
    for number, opened in enumerate(homes):
        made = image_labels(new_id(), "greet", "news", opened.id)
        container = engine.create(ContainerSpec(f"c{number}", "python:3.11-slim", ("true",), labels=made))
        engine.commit(container, f"localhai/greet:{number}")
        engine.remove(container)
        execution = labels.build(execution=new_id(), project="news", owner=dead, home=opened.id)
        engine.create(ContainerSpec(f"e{number}", "python:3.11-slim", ("true",), labels=execution))
        engine.create_volume(f"localhai-{execution[labels.EXECUTION]}", execution)
        engine.create_network(f"localhai-{execution[labels.EXECUTION]}", execution)

    cleaned = call(homes[1], folder, "clean", "--all", "--yes")

    assert cleaned.exit_code == 0, cleaned.output
    (image,) = engine.labelled_images({labels.DEPLOYMENT: None})
    left = [item.labels[labels.HOME] for item in engine.containers({labels.EXECUTION: None})]
    assert [image.labels[labels.HOME], *left] == [homes[0].id] * 2
    assert len(engine.volumes({labels.EXECUTION: None})) == len(engine.networks({labels.EXECUTION: None})) == 1


def test_a_home_keeps_its_id(homes: tuple[Home, Home], tmp_path: Path, engine: FakeEngine) -> None:
    with home("first", tmp_path, engine) as again:
        assert homes[0].id == again.id == again.known_id != homes[1].id
