from __future__ import annotations

import os
import shutil

import pytest
from gits import git

from localhai.errors import ProjectError, UsageError
from localhai.project import snapshot
from localhai.project.checkout import newest, text_at

pytestmark = pytest.mark.usefixtures("no_git_configuration")


def commit(folder, message="m", **files):
    folder.mkdir(exist_ok=True)
    if not (folder / ".git").exists():
        git(folder, "init", "-q", "-b", "main")
    for name, content in files.items():
        (folder / name).write_text(content)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)
    return git(folder, "rev-parse", "HEAD")


def names(taken):
    return sorted(str(path.relative_to(taken.path)) for path in taken.path.rglob("*") if not path.is_dir())


@pytest.fixture(scope="module")
def made_once(tmp_path_factory):
    """Two commits, and a third with the submodule libs/a, which has the submodule b."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        place = tmp_path_factory.mktemp("made-once")
        folder = place / "project"
        first = commit(folder, **{"valohai.yaml": "- step: {}", "train.py": "old", ".env": "dot"})
        git(folder, "tag", "v1")
        second = commit(folder, **{"train.py": "new"})
        shutil.copytree(folder, place / "nested", symlinks=True)
        commit(place / "b", **{"b.py": "b1"})
        commit(place / "a", **{"a.py": "a1"})
        git(place / "a", "submodule", "--quiet", "add", str(place / "b"), "b")
        commit(place / "a")
        git(place / "nested", "submodule", "--quiet", "add", str(place / "a"), "libs/a")
        git(place / "nested", "submodule", "--quiet", "update", "--init", "--recursive")
        commit(place / "nested")
        return place, first, second


@pytest.fixture
def history(made_once, tmp_path):
    """(folder, first commit, second commit)"""
    place, first, second = made_once
    return shutil.copytree(place / "project", tmp_path / "project", symlinks=True), first, second


@pytest.mark.parametrize("reference", ["v1", "HEAD~1", "sha", "short"])
def test_a_commit_is_found_by_what_git_users_type(history, cache, reference):
    folder, first, _ = history
    typed = {"sha": first, "short": first[:8]}.get(reference, reference)
    found = snapshot.checkout(folder, typed, cache)
    assert (found.identifier, found.base_commit, found.kind, found.dirty, found.branch) == (
        first,
        first,
        "git",
        False,
        None,
    )
    assert (found.path / "train.py").read_text() == "old"
    assert names(found) == [".env", "train.py", "valohai.yaml"]


def test_a_branch_is_remembered(history, cache):
    folder, _, second = history
    found = snapshot.checkout(folder, "main", cache)
    assert (found.identifier, found.branch) == (second, "main")


def test_the_working_tree_and_the_index_are_not_touched(history, cache, monkeypatch):
    monkeypatch.setenv("GIT_OPTIONAL_LOCKS", "0")  # or `git status` below would write the index
    folder, _, _ = history
    (folder / "train.py").write_text("edited")
    git(folder, "add", "train.py")
    (folder / "train.py").write_text("edited more")
    before = (git(folder, "status", "--porcelain"), (folder / ".git" / "index").stat().st_mtime_ns)
    snapshot.checkout(folder, "v1", cache)
    assert (folder / "train.py").read_text() == "edited more"
    assert (git(folder, "status", "--porcelain"), (folder / ".git" / "index").stat().st_mtime_ns) == before


def test_export_attributes_are_not_for_us(history, cache):
    folder, _, _ = history
    commit(
        folder, **{".gitattributes": "train.py export-ignore\nversion.py export-subst\n", "version.py": "$Format:%H$"}
    )
    found = snapshot.checkout(folder, "main", cache)
    assert (found.path / "version.py").read_text() == "$Format:%H$"
    assert "train.py" in names(found)


def test_modes_and_symlinks_are_kept(history, cache):
    folder, _, _ = history
    (folder / "run.sh").write_text("x")
    (folder / "run.sh").chmod(0o755)
    (folder / "link").symlink_to("train.py")
    commit(folder)
    found = snapshot.checkout(folder, "main", cache)
    assert os.access(found.path / "run.sh", os.X_OK)
    assert os.readlink(found.path / "link") == "train.py"


@pytest.mark.parametrize("typed", ["mian", "deadbeef", "-x", "", "main:train.py"])
def test_an_unknown_commit_is_a_usage_error(history, cache, typed):
    folder, _, _ = history
    with pytest.raises(UsageError) as raised:
        snapshot.checkout(folder, typed, cache)
    assert raised.value.hints


def test_a_misspelt_branch_names_the_nearest(history, cache):
    with pytest.raises(UsageError, match="there is no commit 'mian'") as raised:
        snapshot.checkout(history[0], "mian", cache)
    assert raised.value.hints == ("did you mean main?", "branches and tags: main, v1")


def test_a_folder_outside_git_says_so(tmp_path, cache):
    (tmp_path / "plain").mkdir()
    with pytest.raises(ProjectError, match="needs a git repository"):
        snapshot.checkout(tmp_path / "plain", "main", cache)


def test_a_commit_without_the_yaml_says_so(tmp_path, cache):
    sha = commit(tmp_path / "project", **{"train.py": "x"})
    with pytest.raises(ProjectError, match=rf"valohai\.yaml is missing from commit {sha[:12]}"):
        snapshot.checkout(tmp_path / "project", "main", cache)


@pytest.fixture
def nested(made_once, tmp_path):
    """A project with the submodule libs/a, which has the submodule b."""
    return shutil.copytree(made_once[0] / "nested", tmp_path / "project", symlinks=True)


def test_submodules_are_written_from_their_own_objects(nested, cache):
    expected = [".env", ".gitmodules", "libs/a/.gitmodules", "libs/a/a.py", "libs/a/b/b.py", "train.py", "valohai.yaml"]
    assert names(snapshot.checkout(nested, "main", cache)) == expected


def test_submodules_are_written_even_when_not_checked_out_now(nested, cache):
    git(nested, "checkout", "-q", "v1")
    assert "libs/a/b/b.py" in names(snapshot.checkout(nested, "main", cache))


def test_the_tracked_files_of_submodules_belong_to_the_working_tree(nested, cache):
    (nested / "libs" / "a" / "a.py").write_text("edited")
    (nested / "libs" / "a" / "untracked.py").write_text("x")
    taken = snapshot.take(nested, cache)
    assert names(taken) == ["libs/a/.gitmodules", "libs/a/a.py", "libs/a/b/b.py", "train.py", "valohai.yaml"]
    assert (taken.path / "libs/a/a.py").read_text() == "edited"
    assert taken.dirty is True


def test_missing_submodules_are_all_named(nested, cache, tmp_path):
    git(tmp_path, "clone", "-q", str(nested), "clone")
    with pytest.raises(ProjectError, match=r"needs submodules that are not here: libs/a$") as raised:
        snapshot.checkout(tmp_path / "clone", "main", cache)
    assert raised.value.hints == ("git submodule update --init --recursive",)
    assert not [path for path in cache.iterdir() if path.name.startswith(".making-")]
    taken = snapshot.take(tmp_path / "clone", cache)
    assert taken.warnings == ("libs/a is a submodule that is not here: git submodule update --init --recursive",)


def test_a_project_below_the_top_of_its_repository_has_its_submodules(nested, cache):
    (nested / "libs" / "valohai.yaml").write_text("- step: {}")
    commit(nested)
    assert names(snapshot.checkout(nested / "libs", "main", cache)) == [
        "a/.gitmodules",
        "a/a.py",
        "a/b/b.py",
        "valohai.yaml",
    ]


def test_the_newest_commit_of_a_branch_is_that_of_here_and_else_that_of_origin(history):
    folder, first, second = history
    for branch in ("main", "far"):
        git(folder, "update-ref", f"refs/remotes/origin/{branch}", first)
    assert (newest(folder, "main"), newest(folder, "far")) == (second, first)
    with pytest.raises(UsageError, match="'nowhere'"):
        newest(folder, "nowhere")


def test_a_file_is_read_as_a_commit_has_it(history):
    folder, _, _ = history
    below = folder / "below"
    below.mkdir()
    (below / "own.py").write_text("own")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "below")
    (below / "own.py").write_text("edited")
    assert text_at(folder, "v1", folder / "train.py") == "old"
    assert text_at(below, "HEAD", below / "own.py") == "own"
    with pytest.raises(ProjectError, match=r"commit v1 has no below/own\.py"):
        text_at(below, "v1", below / "own.py")
