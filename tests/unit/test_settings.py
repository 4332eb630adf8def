"""Where settings come from, and how their values are read."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from localhai.containers.limits import engine_options, size_in_bytes
from localhai.errors import ProjectError
from localhai.setting_values import toml_table
from localhai.settings import Settings

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

GIGABYTE = 1024**3


@pytest.fixture
def places(tmp_path):
    home, project = tmp_path / "home", tmp_path / "project"
    home.mkdir()
    project.mkdir()

    def load(*, of_home="", own="", project_folder=project, **environ):
        (home / "localhai.toml").write_text(of_home)
        (project / "localhai.toml").write_text(own)
        return Settings.load(project_folder, environ={"LOCALHAI_HOME": str(home), **environ})

    return load


def test_the_homes_file_holds_where_the_projects_says_nothing(places):
    of_home = '[docker]\npull = "never"\nshm_size = "1g"\n'
    assert places(of_home=of_home).pull == "never"
    assert places(of_home=of_home, project_folder=None).pull == "never"
    found = places(of_home=of_home, own='[docker]\npull = "always"\n')
    assert (found.pull, found.shm_size) == ("always", "1g")
    assert places(of_home=of_home, own='[docker]\npull = "always"\n', LOCALHAI_PULL="missing").pull == "missing"


def test_tables_of_both_files_are_one_and_the_projects_comes_first(places):
    found = places(
        of_home='[images]\n"a:*" = "home:1"\nb = "home:2"\n', own='[images]\n"a:gpu" = "own:1"\nb = "own:2"\n'
    )
    assert list(found.images.items()) == [("a:gpu", "own:1"), ("b", "own:2"), ("a:*", "home:1")]


def test_paths_start_at_the_folder_of_their_file(places, tmp_path):
    found = places(of_home='[inputs]\n"datum://a" = "samples/a"\n', own='[inputs]\n"datum://b" = "b"\n')
    assert found.inputs == {
        "datum://b": str(tmp_path / "project" / "b"),
        "datum://a": str(tmp_path / "home" / "samples" / "a"),
    }


def test_a_name_of_a_project_is_its_own(places):
    with pytest.raises(ProjectError, match=r"belongs into the localhai\.toml of its project"):
        places(of_home='[project]\nname = "all"\n')


def test_what_the_homes_file_has_wrong_names_that_file(places, tmp_path):
    with pytest.raises(ProjectError) as caught:
        places(of_home="[docker]\nshm = 1\n")
    assert caught.value.where == str(tmp_path / "home" / "localhai.toml")
    assert caught.value.hints == ("did you mean docker.shm_size?",)


@pytest.mark.parametrize(
    ("text", "size"), [("8g", 8 * GIGABYTE), ("512 MB", 512 * 1024**2), ("1.5GiB", 1.5 * GIGABYTE), ("4096", 4096)]
)
def test_sizes_are_read_as_docker_reads_them(text, size):
    assert size_in_bytes(text) == size


def test_options_of_the_engine_become_fields_of_the_container(places):
    found = places(
        own="""\
[docker]
shm_size = "2g"
gpus = "all"
ipc = "private"
runtime = "nvidia"
devices = ["/dev/kfd", "/dev/dri:/dev/dri:rw"]
group_add = ["video"]
cap_add = ["SYS_PTRACE"]
[docker.ulimits]
memlock = -1
nofile = "1024:65536"
"""
    )
    assert engine_options(found, 8 * GIGABYTE) == {
        "shm_size": 2 * GIGABYTE,
        "gpus": -1,
        "ipc": "private",
        "runtime": "nvidia",
        "ulimits": (("memlock", -1, -1), ("nofile", 1024, 65536)),
        "devices": ("/dev/kfd", "/dev/dri:/dev/dri:rw"),
        "groups": ("video",),
        "capabilities": ("SYS_PTRACE",),
    }


def test_shared_memory_is_half_of_the_memory_where_nothing_is_set(places):
    assert engine_options(places(), 8 * GIGABYTE) == {"shm_size": 4 * GIGABYTE}
    assert engine_options(places(), 0) == {}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('shm_size = "much"', "a size such as 8g or 512m is needed, not 'much'"),
        ('gpus = "two"', "all or a number is needed, not 'two'"),
        ('ipc = "shared"', "one of private, shareable, host, none is needed"),
        ('devices = "/dev/kfd"', "a list of texts is needed"),
        ('devices = ["kfd"]', "'kfd' is no path of a device"),
        ('cap_add = ["SYS PTRACE"]', "'SYS PTRACE' is no capability"),
        ('ulimits = {files = "1"}', "files is no limit: known are core"),
        ('ulimits = {nofile = "many"}', "a number, or SOFT:HARD, is needed, not 'many'"),
        ("privileged = true", "docker.privileged is not a setting of localhai"),
    ],
)
def test_options_of_the_engine_are_checked_by_name(places, line, said):
    with pytest.raises(ProjectError) as caught:
        places(own=f"[docker]\n{line}\n")
    assert said in caught.value.message


@pytest.mark.parametrize("text", ["a:1", 'with "quotes"', "back\\slash", "tab\tnew\nline", "ünï", "*"])
def test_a_table_to_paste_is_read_back_as_it_was(text):
    pairs: dict[str, Any] = {text: text, "b": "c"}
    assert tomllib.loads(toml_table("images", pairs)) == {"images": pairs}


def test_what_opens_the_machine_is_said_by_who_starts_a_server(places):
    server = places(own='[docker]\ndevices = ["/dev/fuse"]\n')
    project = places(own='[docker]\ncap_add = ["SYS_ADMIN"]\nipc = "host"\nshm_size = "1g"\n')
    found = project.served_by(server)
    assert (found.devices, found.cap_add, found.ipc, found.shm_size) == (("/dev/fuse",), (), None, "1g")
