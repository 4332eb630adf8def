from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from localhai.testing import Canned

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import CommandLine

    from localhai.testing import FakeContainer


def read_code(container: FakeContainer) -> None:
    container.out(container.path("/valohai/repository/train.py").read_text())


def test_rerun_runs_the_same_code_and_values_whatever_the_files_say_now(localhai: CommandLine) -> None:
    localhai.engine.behave(read_code, step="train")
    localhai("run", "train", "--epochs=7", "--var", "SEED=1", "--title=first", "-q")
    (localhai.project / "train.py").write_text("print('changed')\n")

    again = localhai("rerun", "1", "--json")
    current = localhai("rerun", "latest", "--current", "--epochs=8", "--json")

    assert again.json["parameters"]["epochs"] == 7
    assert again.json["title"] == "first"
    assert again.json["commit"] == localhai("execution", "info", "1", "--json").json["commit"]
    assert "print('training')" in again.err
    assert current.json["parameters"]["epochs"] == 8
    assert "print('changed')" in current.err
    assert localhai.home.execution(again.json["id"]).plan().environment_variables["SEED"] == "1"


def test_a_project_by_another_yaml_is_known_and_run_again(localhai: CommandLine) -> None:
    (localhai.project / "valohai.yaml").rename(localhai.project / "other.yaml")
    localhai.engine.behave(read_code, step="train")
    first = localhai("run", "train", "--yaml", "other.yaml", "--epochs=7", "--json")

    again = localhai("rerun", "1", "--json")
    current = localhai("rerun", "latest", "--current", "--json")

    assert (first.code, again.code, current.code) == (0, 0, 0), again.err + current.err
    assert [item["counter"] for item in localhai("execution", "list", "--json").json] == [3, 2, 1]
    assert again.json["parameters"]["epochs"] == current.json["parameters"]["epochs"] == 7
    assert localhai("diff", "1", "2", "--json").json["same"] is True
    assert localhai("shell", "1", "true").code == 0
    (localhai.project / "other.yaml").unlink()
    gone = localhai("rerun", "1")
    assert gone.code == 3
    assert "there is no other.yaml" in gone.err


def test_rerun_says_as_the_first_time_whether_the_code_was_that_of_a_commit(localhai: CommandLine) -> None:
    git = ("git", "-C", str(localhai.project), "-c", "user.name=A", "-c", "user.email=a@example.com")
    for arguments in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "first")):
        subprocess.run([*git, *arguments], check=True, capture_output=True)
    clean = localhai("run", "train", "--json").json
    (localhai.project / "train.py").write_text("print('changed')\n")
    dirty = localhai("run", "train", "--json").json

    assert (clean["dirty"], dirty["dirty"]) == (False, True)
    assert localhai("rerun", str(clean["counter"]), "--json").json["dirty"] is False
    assert localhai("rerun", str(dirty["counter"]), "--json").json["dirty"] is True


def test_rerun_keeps_a_default_taken_away(localhai: CommandLine) -> None:
    from localhai import open_project

    open_project(localhai.project, home=localhai.home).run("train", parameters={"epochs": None})

    assert "epochs" not in localhai("rerun", "1", "--json").json["parameters"]


def test_rerun_uses_the_very_data_not_what_an_alias_means_now(localhai: CommandLine) -> None:
    def with_alias(content: bytes) -> Canned:
        return Canned(files={"m": content, "m.metadata.json": b'{"valohai.alias": "best"}'})

    localhai.engine.behave(with_alias(b"one"), step="train")
    localhai("run", "train")
    localhai.engine.behave(
        lambda container: container.out(container.path("/valohai/inputs/model/m").read_text()), step="evaluate"
    )
    first = localhai("run", "evaluate", "--model=datum://best")
    localhai.engine.behave(with_alias(b"two"), step="train")
    localhai("run", "train")

    assert first.out == "one"
    assert localhai("run", "evaluate", "--model=datum://best").out == "two"
    assert localhai("rerun", "2").out == "one"


def test_rerun_without_the_code_says_how_to_go_on(localhai: CommandLine) -> None:
    localhai("run", "train", "-q")
    shutil.rmtree(localhai.home.code_cache)

    answer = localhai("rerun", "1")

    assert answer.code == 2
    assert "is not in the cache any more" in answer.err
    assert "--current runs your files as they are now" in answer.err


def test_rerun_asks_again_for_what_was_masked(localhai: CommandLine, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets.env"
    secrets.write_text("TOKEN=hunter2hunter2\n")
    localhai("run", "train", "--env-file", str(secrets), "--title=about hunter2hunter2", "--var", "COPY=hunter2hunter2")

    missing = localhai("rerun", "1")
    given = localhai("rerun", "1", "--var", "COPY=again")

    assert missing.code == 2
    assert "--var COPY=..." in missing.err
    assert given.code == 0


def test_rerun_dry_run_and_unknown_options(localhai: CommandLine) -> None:
    localhai("run", "train", "--epochs=7")

    assert localhai("rerun", "1", "--dry-run", "--json").json["parameters"]["epochs"] == 7
    assert "did you mean epochs?" in localhai("rerun", "1", "--epoch=1").err
    assert localhai("rerun").code == 2


def test_an_execution_and_its_rerun_are_the_same(localhai: CommandLine) -> None:
    localhai("run", "train")
    localhai("rerun", "1")

    answer = localhai("diff", "1", "2", "--json").json

    assert answer["same"]
    assert answer["parameters"] == answer["inputs"] == answer["facts"] == {}
    assert answer["metadata"]["loss"] == {"a": 0.4, "b": 0.4, "delta": 0.0}
    assert "same code, image, command, parameters, environment variables and inputs" in localhai("diff", "1", "2").out


def test_diff_names_files_values_contents_and_deltas(localhai: CommandLine, tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    data.write_text("1\n")
    localhai("run", "train", f"--data={data}")
    data.write_text("2\n")
    (localhai.project / "train.py").write_text("print('changed')\n")
    (localhai.project / "new.py").write_text("")
    localhai.engine.behave(Canned(output='{"loss": 0.3}\n', files={"model.txt": b"others"}), step="train")
    localhai("run", "train", f"--data={data}", "--epochs=4", "--image=python:3.12")

    found = localhai("diff", "1", "2", "--json").json
    text = localhai("diff", "1", "2").out

    assert not found["same"]
    assert (found["code"]["added"], found["code"]["changed"], found["code"]["removed"]) == (
        ["new.py"],
        ["train.py"],
        [],
    )
    assert found["parameters"] == {"epochs": {"a": 3, "b": 4}}
    assert found["inputs"] == {"data": {"added": [], "removed": [], "changed": ["data.csv"]}}
    assert found["facts"]["image"] == {"a": "python:3.11-slim", "b": "python:3.12"}
    assert found["metadata"]["loss"]["delta"] == pytest.approx(-0.1)
    assert found["metadata"]["epoch"] == {"a": 2, "b": None, "delta": None}
    assert found["outputs"] == {"added": [], "removed": ["plots/loss.svg"], "changed": ["model.txt"]}
    for words in ("~ train.py", "+ new.py", "Input data", "~ data.csv", "-0.1", "- plots/loss.svg"):
        assert words in text


def test_environment_variables_are_part_of_what_was_used(localhai: CommandLine, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets.env"
    secrets.write_text("TOKEN=hidden-value\n")
    localhai("run", "train", "--var", "SEED=1", "--var", "A=hidden-value!", f"--env-file={secrets}", "-q")
    localhai("run", "train", "--var", "SEED=2", f"--env-file={secrets}", "-q")
    localhai("run", "train", "--var", "SEED=2", "-q")

    assert localhai("diff", "1", "2", "--json").json["environment_variables"] == {
        "A": {"a": "***!", "b": None},
        "SEED": {"a": "1", "b": "2"},
    }
    assert localhai("diff", "1", "2", "--json").json["same"] is False
    assert localhai("diff", "2", "3", "--json").json["environment_variables"] == {"TOKEN": {"a": "***", "b": None}}
    shown = localhai("diff", "1", "2").out
    assert "Environment variables" in shown
    assert "SEED" in shown
    told = localhai("execution", "info", "1").out
    assert [line.split() for line in told.splitlines() if line.startswith(("SEED", "TOKEN", "A "))] == [
        ["A", "***!"],
        ["SEED", "1"],
        ["TOKEN", "***"],
    ]
    assert "hidden-value" not in told + shown
    whole = localhai("execution", "info", "1", "--json").json
    assert whole["environment_variables"] == {"A": "***!", "SEED": "1", "TOKEN": None}


def test_diff_without_the_code_still_compares_the_rest(localhai: CommandLine) -> None:
    localhai("run", "train")
    (localhai.project / "train.py").write_text("print('changed')\n")
    localhai("run", "train")
    shutil.rmtree(localhai.home.code_cache)

    answer = localhai("diff", "1", "2", "--json")

    assert answer.code == 0
    assert answer.json["code"]["changed"] is None
    assert "cannot be told" in answer.json["code"]["note"]


def test_shell_runs_in_the_same_environment_and_changes_nothing(localhai: CommandLine) -> None:
    localhai("run", "train", "--epochs=7", "--var", "SEED=1")
    before = localhai("execution", "info", "1", "--json").json
    seen: list[object] = []

    def visit(container: FakeContainer) -> None:
        seen.append((container.spec.image, container.spec.command, container.environment["SEED"], container.parameters))
        container.path("/valohai/outputs/note.txt").write_text("left behind")

    localhai.engine.behave(visit, step="train")
    answer = localhai("shell", "1", "ls", "-l")

    image, command, seed, parameters = seen[0]  # type: ignore[misc]
    assert answer.code == 0
    assert (image, command, seed) == (before["image_digest"], ("ls", "-l"), "1")
    assert parameters["epochs"] == 7
    assert localhai("execution", "info", "1", "--json").json == before
    kept = answer.err.split("outputs of this shell are in ")[1].strip()
    assert (localhai.project / kept / "note.txt").read_text() == "left behind"
    assert localhai.engine.all_containers == []


def test_a_command_that_fails_in_a_shell_exits_with_1(localhai: CommandLine) -> None:
    localhai("run", "train")
    localhai.engine.behave(lambda _container: 5, step="train")

    assert localhai("shell", "1", "false").code == 1
    assert localhai("shell", "1").code == 0
    assert list((localhai.home.folder / "shells").iterdir()) == []
