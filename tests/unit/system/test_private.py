"""The home is one user's: made so, and mended where an earlier version left it open."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from localhai.executions.home import Home
from localhai.settings import Settings
from localhai.system import private


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(autouse=True)
def usual_umask() -> object:
    before = os.umask(0o022)
    yield
    os.umask(before)


def opened(folder: Path) -> list[str]:
    said: list[str] = []
    with Home(Settings(home=folder), tell=said.append) as home:
        home.records.projects.list()
        assert mode(folder / "localhai.db") == 0o600
        assert {mode(path) for path in folder.glob("localhai.db-*")} <= {0o600}
    return said


def test_a_new_home_is_its_owners_alone(tmp_path: Path) -> None:
    assert opened(tmp_path / "deep" / "home") == []
    assert mode(tmp_path / "deep" / "home") == 0o700


def test_a_home_that_was_open_is_mended_and_said_so_once(tmp_path: Path) -> None:
    home = tmp_path / "home"
    opened(home)
    home.chmod(0o755)
    (home / "localhai.db").chmod(0o644)
    said = opened(home)
    assert len(said) == 1
    assert str(home) in said[0]
    assert "localhai.db" in said[0]
    assert mode(home) == 0o700
    assert opened(home) == []


def test_an_empty_folder_made_for_it_becomes_private_without_a_word(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    assert opened(home) == []
    assert mode(home) == 0o700


def test_a_home_shared_with_a_group_on_purpose_stays_so(tmp_path: Path) -> None:
    home = tmp_path / "home"
    opened(home)
    home.chmod(0o2775)
    private.mend(home)
    assert mode(home) == 0o2770


def test_folders_with_other_uses_keep_their_mode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder, before in ((tmp_path / "tmp", 0o1777), (tmp_path / "login", 0o755), (tmp_path / "srv", 0o755)):
        folder.mkdir()
        folder.chmod(before)
        (folder / "of somebody").touch()
    (tmp_path / "login" / "localhai.db").touch(0o644)
    monkeypatch.setenv("HOME", str(tmp_path / "login"))

    assert private.mend(tmp_path / "tmp") == ()
    assert private.mend(tmp_path / "srv") == ()
    assert private.mend(tmp_path / "login") == ("localhai.db",)
    assert [mode(tmp_path / name) for name in ("tmp", "srv", "login")] == [0o1777, 0o755, 0o755]
    assert mode(tmp_path / "login" / "localhai.db") == 0o600


def test_a_secret_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "secret"
    assert private.kept(path, lambda: b"one") == (b"one", True)
    assert private.kept(path, lambda: b"two") == (b"one", False)
    assert mode(path) == 0o600
    assert mode(path.parent) == 0o700
    assert os.listdir(path.parent) == ["secret"]


def test_of_two_that_make_a_secret_at_once_the_first_wins(tmp_path: Path) -> None:
    path = tmp_path / "secret"

    def slow() -> bytes:
        private.kept(path, lambda: b"first")
        return b"second"

    assert private.kept(path, slow) == (b"first", False)


def test_a_folder_that_cannot_be_made_is_no_endless_attempt(monkeypatch, tmp_path):
    def refused(_path, _mode):
        raise FileNotFoundError

    monkeypatch.setattr(private.os, "mkdir", refused)
    with pytest.raises(FileNotFoundError):
        private.make_folder(tmp_path / "nowhere")


def test_a_folder_is_made_also_where_another_makes_the_one_above_at_the_same_moment(tmp_path, monkeypatch):
    real = os.mkdir

    def meanwhile(path, mode=0o777):
        try:
            real(path, mode)
        except FileNotFoundError:
            real(Path(path).parent, mode)
            raise

    monkeypatch.setattr(os, "mkdir", meanwhile)
    private.make_folder(tmp_path / "new" / "home")
    assert (tmp_path / "new" / "home").is_dir()


def test_nothing_is_made_below_a_working_directory_that_was_taken_away(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(FileNotFoundError):
        private.make_folder(Path("new/home"))
