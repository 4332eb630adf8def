"""A disk that takes two names for one, as those of macOS do: simulated, for this one does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from localhai.containers.trees import canary
from localhai.system import names
from localhai.testing import Canned

if TYPE_CHECKING:
    from conftest import CommandLine

    from localhai.testing import FakeContainer, FakeEngine

STEP = """\
- step:
    name: read
    image: python:3.11-slim
    command: ls
    inputs:
      - name: data
        default: ["{folder}/one/A.csv", "{folder}/two/a.csv"]
"""


@pytest.fixture
def told(localhai: CommandLine, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two inputs that differ by capitals; what a step finds of them."""
    monkeypatch.setattr(canary.names, "folds", lambda folder: "scratch" in str(folder))
    for folder, name in (("one", "A.csv"), ("two", "a.csv")):
        (localhai.project / folder).mkdir()
        (localhai.project / folder / name).write_text(f"this is {folder}")
    (localhai.project / "valohai.yaml").write_text(STEP.format(folder=localhai.project))
    found: list[str] = []

    def read(container: FakeContainer) -> None:
        folder = container.path("/valohai/inputs/data")
        found.extend(f"{path.name}: {path.read_text()}" for path in sorted(folder.iterdir()))

    engine.behave(read)
    return found


def test_a_step_gets_both_of_two_inputs_that_differ_by_capitals(localhai: CommandLine, told: list[str]) -> None:
    answer = localhai("run", "read")

    assert answer.code == 0, answer.err
    assert told == ["A.csv: this is one", "a.csv: this is two"]
    assert "data/A.csv and data/a.csv are one file on this disk" in answer.out + answer.err
    assert "files reach the container by volumes" in answer.out + answer.err


def test_where_folders_are_demanded_the_error_says_what_tells_them_apart(
    localhai: CommandLine, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCALHAI_FILES", "bind")

    answer = localhai("run", "read")

    assert answer.code == 4
    assert told == []
    assert "are one file on this disk" in answer.out + answer.err
    assert "volumes tell them apart" in answer.out + answer.err


def test_of_two_outputs_that_differ_by_capitals_a_copy_keeps_the_first(
    localhai: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    (localhai.project / "valohai.yaml").write_text("- step: {name: work, image: python:3.11-slim, command: date}\n")
    localhai.engine.behave(Canned(files={"A.txt": b"first", "a.txt": b"second"}))
    localhai("run", "work")
    monkeypatch.setattr(names, "folds", lambda folder: str(folder).endswith("copied"))

    answer = localhai("execution", "outputs", "1", "--download", str(localhai.project / "copied"), "--force")

    assert answer.code == 0
    assert "a.txt is not copied: this disk does not tell it from A.txt" in answer.err
    assert [path.read_bytes() for path in (localhai.project / "copied").iterdir()] == [b"first"]
