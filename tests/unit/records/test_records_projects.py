"""Projects are folders; names may repeat. Runs on SQLite here, and on PostgreSQL in tests/docker."""

from __future__ import annotations

import pytest

from localhai.errors import UsageError


def test_a_project_keeps_its_id_and_takes_a_new_name(records):
    first = records.projects.of_folder("/home/ada/news", "news")
    second = records.projects.of_folder("/home/ada/news", "headlines")
    assert second.id == first.id
    assert second.name == "headlines"
    assert records.projects.find("headlines") == second
    assert records.projects.find(first.id) == second
    assert second.to_dict() == {"id": first.id, "name": "headlines", "path": "/home/ada/news", "created": first.created}


def test_two_folders_of_one_name_are_two_projects_and_the_error_names_both(records):
    one, two = records.projects.of_folder("/a/news", "news"), records.projects.of_folder("/b/news", "news")
    assert one.id != two.id
    with pytest.raises(UsageError, match="2 projects have the name 'news'") as caught:
        records.projects.find("news")
    assert any("/a/news" in hint for hint in caught.value.hints)
    assert any("/b/news" in hint for hint in caught.value.hints)


def test_an_unknown_name_lists_the_known(records):
    with pytest.raises(UsageError) as caught:
        records.projects.find("news")
    assert "none is known yet" in caught.value.hints[0]
    records.projects.of_folder("/a/sport", "sport")
    with pytest.raises(UsageError) as caught:
        records.projects.find("news")
    assert caught.value.hints == ("known: sport",)


def test_projects_are_listed_by_name(records):
    records.projects.of_folder("/b", "zoo")
    records.projects.of_folder("/a", "ant")
    assert [project.name for project in records.projects.list()] == ["ant", "zoo"]


def test_a_path_that_is_no_utf8_is_kept_readable(records):
    project = records.projects.of_folder("/data/caf\udce9", "café ☕")
    assert project.path == "/data/caf\\xe9"
    assert records.projects.of_folder("/data/caf\udce9", "café ☕") == project
