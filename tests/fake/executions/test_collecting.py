"""Nothing is removed that was not collected: what the store, the engine or the disk refused at the end stays."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from localhai.app.open_project import OpenProject
from localhai.cli.call import Call
from localhai.cli.main import cli
from localhai.data import checksums
from localhai.errors import EngineLost, SurroundingsError, UsageError
from localhai.executions import clean
from localhai.executions.delete import delete
from localhai.executions.home import Home
from localhai.executions.run.collect import collect
from localhai.executions.run.stop import Interruption
from localhai.settings import Settings
from localhai.testing import Canned, FakeEngine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localhai.app.open_project import OpenProject
    from localhai.testing import FakeContainer

YAML = "- step: {name: train, image: 'python:3.11-slim', command: python train.py}\n"
OUTPUT = "/valohai/outputs/model.txt"


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    made = FakeEngine()
    yield made
    made.close()


@pytest.fixture(params=["bind", "volumes"])
def project(tmp_path: Path, engine: FakeEngine, request: pytest.FixtureRequest) -> Iterator[OpenProject]:
    folder = tmp_path / "news"
    folder.mkdir()
    (folder / "valohai.yaml").write_text(YAML)
    settings = Settings(home=tmp_path / "home", files=request.param, stop_grace=1.0)
    with OpenProject.at(folder, home=Home(settings, engine=engine)) as opened:
        yield opened


def full(*_: Any, **__: Any) -> Any:
    raise SurroundingsError("the store does not answer")


def until_uploaded(container: FakeContainer, path: Path) -> None:
    """For ten seconds at most, as a step that may be stopped in the meantime."""
    for _ in range(1000):
        if not path.exists():
            break
        container.sleep(0.01)


def uploads_live(container: FakeContainer) -> int:
    path = container.path(OUTPUT)
    path.write_text("early")
    path.chmod(0o444)
    container.out("made\n")
    until_uploaded(container, path)
    return 0


def texts(execution: Any) -> dict[str, str]:
    return {item["name"]: Path(item["path"]).read_text() for item in execution.outputs}


def test_outputs_stay_when_the_store_fails_and_are_collected_later(project, engine, monkeypatch) -> None:
    engine.behave(Canned(files={"model.txt": "weights"}))
    with monkeypatch.context() as patch:
        patch.setattr(type(project.home.store), "put_all", full)
        execution = project.run("train")
    assert (execution.status, execution.exit_code, execution.outputs) == ("error", 0, [])
    assert execution.to_dict()["not_collected"] == "the store does not answer"
    assert "localhai execution collect 1" in "\n".join(event.message for event in execution.events())
    assert engine.all_containers == []  # its files are here

    with pytest.raises(UsageError, match="not collected yet"):
        delete(project.home, execution, keep_outputs=True)
    collect(project.home, execution.id)
    execution.refresh()
    assert texts(execution) == {"model.txt": "weights"}
    assert (execution.status, execution.to_dict()["not_collected"]) == ("error", None)
    assert not (execution.folder / "scratch").exists()
    with pytest.raises(UsageError, match="nothing of execution #1 waits"):
        collect(project.home, execution.id)


def test_checkpoints_that_were_uploaded_while_it_ran_stay_too(project, engine, monkeypatch) -> None:
    engine.behave(uploads_live)
    if project.settings.files == "volumes":
        pytest.skip("the fake engine runs no commands in its containers")
    with monkeypatch.context() as patch:
        patch.setattr(type(project.home.store), "put_all", full)
        execution = project.run("train")
    for portion in clean.leftovers(project.home):
        portion.remove()
    collect(project.home, execution.id)
    assert texts(execution.refresh()) == {"model.txt": "early"}


@pytest.mark.parametrize("error", [SurroundingsError("no space"), EngineLost("it was away")])
def test_the_container_stays_when_its_outputs_cannot_be_fetched(project, engine, monkeypatch, error) -> None:
    engine.behave(Canned(files={"model.txt": "weights"}))

    def refuse(*_: Any) -> Any:
        raise error

    tree = "localhai.containers.trees.bind.BindTree" if project.settings.files == "bind" else None
    with monkeypatch.context() as patch:
        patch.setattr(f"{tree or 'localhai.containers.trees.volumes.VolumeTree'}.finish", refuse)
        execution = project.run("train")
    assert execution.status == ("crashed" if isinstance(error, EngineLost) else "error")
    for portion in clean.leftovers(project.home):
        portion.remove()
    assert len(engine.all_containers) == 1

    collect(project.home, execution.id)
    assert texts(execution.refresh()) == {"model.txt": "weights"}
    assert engine.all_containers == []
    assert not engine.volumes({"localhai.execution": None})


def test_what_waits_is_shown(project, engine, monkeypatch) -> None:
    engine.behave(Canned(files={"model.txt": "weights"}))
    monkeypatch.setattr(type(project.home.store), "put_all", full)
    execution = project.run("train")
    call = Call(home=project.home, folder=project.folder.path)
    shown = CliRunner().invoke(cli, ["execution", "info", "1"], obj=call)
    assert "the store does not answer; later: localhai execution collect 1" in shown.stdout
    shown = CliRunner().invoke(cli, ["execution", "outputs", "1"], obj=call)
    assert "outputs of execution #1 are not collected yet: localhai execution collect 1" in shown.stderr
    monkeypatch.undo()
    collected = CliRunner().invoke(cli, ["execution", "collect", "1", "--json"], obj=call)
    assert collected.exit_code == 0
    assert [item["name"] for item in json.loads(collected.stdout)[0]["outputs"]] == ["model.txt"]
    assert texts(execution.refresh()) == {"model.txt": "weights"}


def test_collecting_that_fails_can_be_tried_again(project, engine, monkeypatch) -> None:
    engine.behave(Canned(files={"model.txt": "weights"}))
    with monkeypatch.context() as patch:
        patch.setattr(type(project.home.store), "put_all", full)
        execution = project.run("train")
        with pytest.raises(SurroundingsError, match="the store does not answer"):
            collect(project.home, execution.id)
    collect(project.home, execution.id)
    assert texts(execution.refresh()) == {"model.txt": "weights"}


def test_deleting_it_removes_what_waits(project, engine, monkeypatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("localhai.containers.trees.bind.BindTree.finish", full)
        patch.setattr("localhai.containers.trees.volumes.VolumeTree.finish", full)
        execution = project.run("train")
    delete(project.home, execution.refresh())
    assert engine.all_containers == []
    assert not engine.volumes({"localhai.execution": None})
    assert not execution.folder.exists()


def test_what_fails_while_a_container_is_prepared_is_what_is_said(project, monkeypatch) -> None:
    def fail(*_: Any) -> Any:
        raise SurroundingsError("the snapshot is gone")

    monkeypatch.setattr("localhai.executions.run.prepare.tree_contents", fail)
    with pytest.raises(SurroundingsError, match="the snapshot is gone"):
        project.run("train")
    execution = project.execution()
    assert (execution.status, execution.error) == ("error", "the snapshot is gone")
    assert execution.to_dict()["not_collected"] is None


def test_a_fault_of_ours_in_preparation_is_said_even_if_closing_fails_too(project, monkeypatch) -> None:
    def fail(*_: Any) -> Any:
        raise KeyError("a fault")

    monkeypatch.setattr("localhai.executions.run.prepare.tree_contents", fail)
    monkeypatch.setattr("localhai.executions.run.runner.finalize.close", fail)
    with pytest.raises(KeyError, match="a fault"):
        project.run("train")


def test_a_signal_is_heard_while_outputs_are_hashed(project, engine, monkeypatch) -> None:
    wish = Interruption()

    def step(container: FakeContainer) -> int:
        with container.path(OUTPUT).open("wb") as file:
            file.truncate(1 << 41)  # hours of hashing
        return 0

    engine.behave(step)
    if project.settings.files == "volumes":
        pytest.skip("the fake engine copies what is in its volumes")
    real = checksums.of_files

    def of_files(paths: Any, **more: Any) -> Any:
        threading.Timer(0.2, wish.ask).start()
        return real(paths, **more)

    monkeypatch.setattr(checksums, "of_files", of_files)
    execution = project.run("train", interruption=wish)
    assert (execution.status, execution.exit_code) == ("stopped", 0)
    assert execution.error == "it was interrupted while its outputs were kept"
    assert execution.to_dict()["not_collected"] is not None


def test_a_name_that_is_not_utf8_is_kept_also_of_what_was_uploaded_live(project, engine) -> None:
    def work(container: FakeContainer) -> int:
        path = Path(str(container.path("/valohai/outputs"))) / os.fsdecode(b"caf\xe9.txt")
        path.write_text("early")
        path.chmod(0o444)
        container.out("made\n")
        if project.settings.files == "bind":  # the fake engine runs no commands in containers, which volumes need
            until_uploaded(container, path)
        return 0

    engine.behave(work)
    execution = project.run("train")
    assert texts(execution) == {"caf%E9.txt": "early"}
