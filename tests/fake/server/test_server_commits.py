from __future__ import annotations

import hashlib
import io
import os
import subprocess
import tarfile

import pytest

from localhai.project.git import history

YAML = "- step:\n    name: a\n    image: x\n    command: echo\n"


def packed(files, members=()):
    found = io.BytesIO()
    with tarfile.open(fileobj=found, mode="w:gz") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
        for member in members:
            tar.addfile(member)
    return found.getvalue()


def member(name, kind, target=""):
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry


def test_a_package_is_named_by_the_sha256_of_its_bytes(demo):
    package = packed({"valohai.yaml": YAML})
    answer = demo.upload(package, description="heads/main-0-gabc")
    assert answer.status_code == 201
    assert answer.json()["identifier"] == "~" + hashlib.sha256(package).hexdigest()
    assert (answer.json()["adhoc"], answer.json()["ref"]) == (True, "adhoc")


def test_a_client_can_ask_whether_a_package_is_there(demo, ada, bob):
    path = f"/api/v0/commits/{demo.commit}/?project={demo.id}"
    assert ada.get(path).json()["adhoc"] is True
    assert bob.get(path).status_code == 404
    assert ada.get(f"/api/v0/commits/~{'0' * 64}/?project={demo.id}").status_code == 404


def test_the_configuration_comes_with_a_commit_if_asked_for(demo, ada):
    assert "config" not in ada.get(f"/api/v0/commits/{demo.commit}/").json()
    config = ada.get(f"/api/v0/commits/{demo.commit}/?include=config").json()["config"]
    assert config[0]["step"]["name"] == "train"


def test_another_configuration_file_counts_if_named(demo):
    package = packed({"valohai.yaml": "spoiled: [", "ml/other.yaml": YAML})
    assert demo.upload(package).status_code == 400
    answer = demo.upload(package, yaml_path="ml/other.yaml")
    assert answer.status_code == 201
    assert demo.queued(commit=answer.json()["identifier"], step="a")["step"] == "a"


@pytest.mark.parametrize(
    ("package", "said"),
    [
        (packed({"readme": "x"}), "no valohai.yaml"),
        (packed({"valohai.yaml": "- step:\n    name: a\n"}), "valohai.yaml has"),
        (packed({"valohai.yaml": YAML, "../out": "x"}), "leads out"),
        (packed({"valohai.yaml": YAML, "/etc/out": "x"}), "leads out"),
        (packed({"valohai.yaml": YAML}, [member("l", tarfile.SYMTYPE, "/etc/passwd")]), "leads out"),
        (packed({"valohai.yaml": YAML}, [member("l", tarfile.SYMTYPE, "../../x")]), "leads out"),
        (packed({"valohai.yaml": YAML}, [member("l", tarfile.LNKTYPE, "/etc/passwd")]), "leads out"),
        (packed({"valohai.yaml": YAML}, [member("l", tarfile.LNKTYPE, "nothing")]), "none of its files"),
        (packed({"valohai.yaml": YAML}, [member("d", tarfile.CHRTYPE)]), "no file"),
        (packed({"valohai.yaml": YAML}, [member("d", tarfile.FIFOTYPE)]), "no file"),
        (b"no package", "cannot be unpacked"),
        (packed({"valohai.yaml": YAML * 1000})[:-60], "package"),
    ],
    ids=[
        "no-yaml",
        "wrong-yaml",
        "dots",
        "absolute",
        "link-to-a-path",
        "link-up",
        "hard-link-out",
        "hard-link-to-nothing",
        "device",
        "fifo",
        "no-package",
        "cut",
    ],
)
def test_what_is_unsafe_or_damaged_is_refused_in_words_and_kept_nowhere(demo, state, package, said):
    before = sorted(state.home.code_cache.iterdir())
    answer = demo.upload(package)
    assert answer.status_code == 400, answer.text
    assert said in answer.json()["non_field_errors"][0]
    assert str(state.home.folder) not in answer.text
    kept = {path.name for path in (state.home.folder / "packages" / demo.id).iterdir()}
    assert kept == {f"{demo.commit}.tgz"}
    assert [path for path in state.home.code_cache.iterdir() if path.name.startswith(".making")] == []
    assert set(before) <= set(state.home.code_cache.iterdir())


def test_nothing_is_written_through_a_link(demo, tmp_path):
    """A link to a folder outside, then a file below it."""
    found = io.BytesIO()
    with tarfile.open(fileobj=found, mode="w:gz") as tar:
        tar.addfile(member("way", tarfile.SYMTYPE, str(tmp_path)))
        tar.addfile(member("way/out", tarfile.REGTYPE))
    assert demo.upload(found.getvalue()).status_code == 400
    assert list(tmp_path.iterdir()) == []


def test_links_inside_of_a_package_stay(demo, state):
    package = packed({"valohai.yaml": YAML}, [member("config/same.yaml", tarfile.SYMTYPE, "../valohai.yaml")])
    identifier = demo.upload(package).json()["identifier"]
    assert (state.home.code_cache / identifier / "config" / "same.yaml").read_text() == YAML


def test_a_package_without_data_or_of_another_is_refused(demo, bob):
    answer = demo.asker.post(f"/api/v0/projects/{demo.id}/import-package/", files={"x": ("x", b"x")})
    assert answer.json()["data"][0]["code"] == "required"
    files = {"data": ("data.tgz", packed({"valohai.yaml": YAML}), "application/gzip")}
    assert bob.post(f"/api/v0/projects/{demo.id}/import-package/", files=files).status_code == 404


@pytest.fixture
def repository(state, tmp_path):
    """A project that `localhai run` knows, in a git repository with two commits."""
    folder = tmp_path / "by-hand"
    folder.mkdir()
    (folder / "valohai.yaml").write_text(YAML)
    name = ["-c", "user.name=a", "-c", "user.email=a@b.example"]
    for words in (["init", "-qb", "main"], ["add", "."], ["commit", "-qm", "one"]):
        subprocess.run(["git", *name, *words], cwd=folder, check=True)
    subprocess.run(["git", *name, "commit", "-q", "--allow-empty", "-m", "two"], cwd=folder, check=True)
    return state.home.records.projects.of_folder(folder, "by-hand")


def test_commits_of_a_folder_are_those_of_its_repository(repository, ada):
    rows = ada.get(f"/api/v0/commits/?project={repository.id}&adhoc=false&limit=9000").json()["results"]
    assert [(row["description"], row["ref"], row["adhoc"]) for row in rows] == [
        ("two", "main", False),
        ("one", "main", False),
    ]
    assert rows[0]["repository"] == repository.id == ada.get("/api/v0/repositories/").json()["results"][0]["id"]
    assert ada.get(f"/api/v0/projects/{repository.id}/commits/").json() == rows
    fetched = ada.post(f"/api/v0/projects/{repository.id}/fetch/")
    assert (fetched.json()["commits"], fetched.json()["errors"]) == (rows, [])
    url = rows[1]["url"].removeprefix(ada.url)
    assert ada.get(url, params={"include": "config"}).json()["config"][0]["step"]["name"] == "a"


@pytest.mark.parametrize("reference", ["main", None, "HEAD"])
def test_executions_run_a_branch_or_the_newest_commit(repository, ada, reference):
    answer = ada.post("/api/v0/executions/", json={"project": repository.id, "commit": reference, "step": "a"})
    assert answer.status_code == 201, answer.text
    assert answer.json()["commit"]["identifier"] == history_of(repository)[0]


def history_of(project):
    from pathlib import Path

    return [commit.sha for commit in history(Path(project.path))]


@pytest.mark.parametrize("reference", ["nothing", "--help", "~", "~" + "0" * 64])
def test_commits_that_are_not_there_are_refused(demo, repository, ada, reference):
    for project in (demo.id, repository.id):
        answer = ada.post("/api/v0/executions/", json={"project": project, "commit": reference, "step": "a"})
        assert (answer.status_code, answer.json()["commit"][0]["code"]) == (400, "does_not_exist")


def test_what_a_killed_server_had_taken_in_is_removed_after_a_day(demo, state):
    folder = state.home.folder / "packages" / demo.id
    for name, age in ((".upload-old", 90_000), (".upload-new", 10)):
        (folder / name).write_bytes(b"x")
        os.utime(folder / name, times=(state.clock() - age,) * 2)
    state.queue.start()
    demo.ended(demo.queued()["id"])
    assert sorted(path.name for path in folder.iterdir()) == [".upload-new", f"{demo.commit}.tgz"]
