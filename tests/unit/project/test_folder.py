from __future__ import annotations

import pytest

from localhai.errors import ProjectError
from localhai.project.folder import find_project


def test_the_nearest_folder_with_the_yaml_is_the_project(tmp_path):
    inner = tmp_path / "outer" / "shop" / "src" / "deep"
    inner.mkdir(parents=True)
    (tmp_path / "outer" / "valohai.yaml").touch()
    (tmp_path / "outer" / "shop" / "valohai.yaml").touch()
    found = find_project(inner)
    assert (found.path, found.name, found.yaml_name) == (tmp_path / "outer" / "shop", "shop", "valohai.yaml")
    assert found.yaml == found.path / "valohai.yaml"


def test_another_yaml_may_be_named(tmp_path):
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "v.yaml").touch()
    assert find_project(tmp_path / "conf", "conf/v.yaml").path == tmp_path
    absolute = find_project(tmp_path, str(tmp_path / "conf" / "v.yaml"))
    assert (absolute.path, absolute.yaml_name) == (tmp_path, "conf/v.yaml")


def test_settings_name_the_project(tmp_path):
    (tmp_path / "valohai.yaml").touch()
    (tmp_path / "localhai.toml").write_text('[project]\nname = "news"\n')
    assert find_project(tmp_path).name == "news"


def test_no_project_says_where_it_looked_and_what_to_write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ProjectError, match=r"there is no nowhere\.yaml in .* or any folder above it") as raised:
        find_project(tmp_path / "..", "nowhere.yaml")
    assert "- step:" in raised.value.hints[0]


def test_a_file_that_is_spelt_nearly_so_is_named(tmp_path):
    (tmp_path / "valohai.yml").touch()
    with pytest.raises(ProjectError) as raised:
        find_project(tmp_path)
    assert raised.value.hints == ("rename valohai.yml: the platform reads valohai.yaml",)
    with pytest.raises(ProjectError) as other:
        find_project(tmp_path, "other.yaml")
    assert "valohai.yml" not in other.value.hints[0]


def test_a_folder_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(ProjectError) as raised:
        find_project(tmp_path / "typo", "nowhere.yaml")
    assert raised.value.hints == (f"{tmp_path / 'typo'} does not exist",)
