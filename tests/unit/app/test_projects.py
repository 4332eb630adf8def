from __future__ import annotations

from pathlib import Path

import pytest

from localhai.app.projects import Places, find
from localhai.errors import UsageError


def made(folder: Path, name: str | None = None) -> Path:
    folder.mkdir(parents=True)
    (folder / "valohai.yaml").write_text("[]")
    if name is not None:
        (folder / "localhai.toml").write_text(f'[project]\nname = "{name}"\n')
    return folder


def test_by_a_folder_of_projects_or_by_name(tmp_path):
    news, other = made(tmp_path / "all" / "news"), made(tmp_path / "all" / "x", "other")
    environ = {"LOCALHAI_PROJECTS": str(tmp_path / "all")}
    assert find("news", Places(environ=environ)).folder == news
    assert find("other", Places(environ=environ)).folder == other
    environ = {"LOCALHAI_PROJECTS": f"a={news},b={other}"}
    assert find("b", Places(environ=environ)).folder == other


def test_by_connection_settings_beside_and_history(tmp_path):
    news = made(tmp_path / "news")
    assert find("n", Places(lambda: {"projects": {"n": str(news)}}, environ={})).folder == news
    (tmp_path / "localhai.toml").write_text('[projects]\nn = "news"\n')
    assert find("n", Places(settings_folders=[tmp_path], environ={})).folder == news
    assert find("news", Places(beside=news / "dags", environ={})).folder == news
    assert find("n", Places(known=lambda: [("n", str(news))], environ={})).folder == news


def test_a_missing_one_says_all_that_was_tried(tmp_path):
    with pytest.raises(UsageError) as caught:
        find("gone", Places(lambda: {"projects": {"n": "/x"}}, environ={"LOCALHAI_PROJECTS": str(tmp_path / "none")}))
    said = "\n".join(caught.value.hints)
    assert "LOCALHAI_PROJECTS" in said
    assert "connection's extra: knows only n" in said
    assert "projects that ran on this machine: knows none" in said


def test_two_of_one_name_are_named(tmp_path):
    one, two = made(tmp_path / "1" / "news"), made(tmp_path / "2" / "news")
    with pytest.raises(UsageError, match="2 projects have the name"):
        find("news", Places(known=lambda: [("news", str(one)), ("news", str(two))], environ={}))
