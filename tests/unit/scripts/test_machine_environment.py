from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from machine.environment import Environment, ensure
from machine.say import Trouble

if TYPE_CHECKING:
    from collections.abc import Callable

    Command = Callable[[str, str], Path]

# Does what localhai asks of uv, as far as a test can see it: a folder with a Python, and a list of what was asked.
UV = f"""#!/bin/sh
echo "$@" >> {{log}}
[ "$1" = venv ] || exit 0
for folder; do :; done
mkdir -p "$folder/bin" && ln -sf {sys.executable} "$folder/bin/python" && touch "$folder/pyvenv.cfg"
"""


@pytest.fixture
def environment(tmp_path: Path, command: Command) -> Environment:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (checkout / "pyproject.toml").write_text("[project]\n")
    (checkout / "requirements.lock").write_text("six==1.17.0\n")
    command("uv", UV.format(log=tmp_path / "log"))
    return Environment(checkout, checkout / ".venv")


def asked(tmp_path: Path) -> list[str]:
    log = tmp_path / "log"
    lines = log.read_text().splitlines() if log.exists() else []
    log.write_text("")
    return [" ".join(line.split()[:2]) for line in lines]


def test_a_second_time_there_is_nothing_to_do(environment: Environment, tmp_path: Path) -> None:
    ensure(environment)
    assert asked(tmp_path) == ["venv --quiet", "pip install", "pip install"]
    ensure(environment)
    assert asked(tmp_path) == []


def test_a_changed_lock_is_followed_without_a_new_environment(environment: Environment, tmp_path: Path) -> None:
    ensure(environment)
    asked(tmp_path)
    (environment.root / "requirements.lock").write_text("six==1.16.0\n")
    ensure(environment)
    assert asked(tmp_path) == ["pip install", "pip install"]


def test_a_moved_checkout_gets_a_new_environment(environment: Environment, tmp_path: Path) -> None:
    ensure(environment)
    asked(tmp_path)
    moved = environment.root.rename(tmp_path / "moved")
    ensure(Environment(moved, moved / ".venv"))
    assert asked(tmp_path) == ["venv --quiet", "pip install", "pip install"]


def test_the_uv_of_an_environment_that_goes_does_not_make_the_next(
    environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure(environment)
    asked(tmp_path)
    moved = environment.root.rename(tmp_path / "moved")
    own = moved / ".venv" / "bin" / "uv"
    own.write_text(UV.format(log=tmp_path / "log"))
    own.chmod(0o755)
    monkeypatch.setenv("PATH", f"{own.parent}:/usr/bin:/bin")
    made: list[object] = []
    monkeypatch.setattr("machine.environment._create", lambda wanted, uv: made.append((wanted.folder, uv)))
    monkeypatch.setattr("machine.environment._fill", lambda _wanted, uv: made.append(uv))
    ensure(Environment(moved, moved / ".venv"))
    assert made == [(moved / ".venv", None), None]


def test_a_folder_of_other_things_is_left_alone(environment: Environment, tmp_path: Path) -> None:
    environment.folder.mkdir()
    (environment.folder / "thesis.txt").write_text("precious")
    with pytest.raises(Trouble, match="is no virtual environment"):
        ensure(environment)
    assert (environment.folder / "thesis.txt").read_text() == "precious"
    assert asked(tmp_path) == []


def test_what_failed_is_shown_and_tried_again(environment: Environment, command: Command, tmp_path: Path) -> None:
    command("uv", UV.format(log=tmp_path / "log").replace("|| exit 0", "|| { echo no such package; exit 1; }"))
    with pytest.raises(Trouble, match="installing the packages failed") as caught:
        ensure(environment)
    assert "  no such package" in caught.value.advice
    assert not environment.is_ready()
