from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from gits import git

from localhai.errors import ProjectError, UsageError
from localhai.project import packaging, snapshot

pytestmark = pytest.mark.usefixtures("no_git_configuration")


def write(folder, **files):
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_yaml", ".yaml").replace("_py", ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder


class Clock:
    ahead = 0  # nanoseconds


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    """The clock that snapshots look at: `age` puts it forward, which is faster than waiting."""
    now = time.time_ns
    monkeypatch.setattr(Clock, "ahead", 0)
    monkeypatch.setattr(snapshot.time, "time_ns", lambda: now() + Clock.ahead)


def age(folder):
    """Files as they are once an editor is done with them: not written within the tick of the disk's clock."""
    for place, _, names in os.walk(folder):
        for name in names:
            os.utime(os.path.join(place, name), (1_600_000_000.5, 1_600_000_000.5), follow_symlinks=False)
    Clock.ahead = 60_000_000
    return folder


def names(taken):
    return sorted(str(path.relative_to(taken.path)) for path in taken.path.rglob("*") if not path.is_dir())


@pytest.fixture
def plain(tmp_path):
    """A project folder that no git knows."""
    return write(tmp_path / "plain", valohai_yaml="- step: {}", train_py="print(1)", src__deep__util_py="x = 1")


@pytest.fixture(scope="module")
def made_once(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        place = tmp_path_factory.mktemp("made-once")
        folder = write(place / "project", valohai_yaml="- step: {}", train_py="print(1)", src__deep__util_py="x = 1")
        git(folder, "init", "-q", "-b", "main")
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "-m", "first")
        return folder


@pytest.fixture
def repository(made_once, tmp_path):
    """The same project, with one commit."""
    return shutil.copytree(made_once, tmp_path / "repository", symlinks=True)


def state(folder):
    return {
        str(path): (path.lstat().st_mtime_ns, path.lstat().st_mode, path.lstat().st_ino, path.lstat().st_size)
        for path in folder.rglob("*")
    }


def test_tracked_and_untracked_files_are_taken_without_ignored_and_top_level_dot_ones(repository, cache):
    (repository / ".gitignore").write_text("*.log\n/data/\n")
    (repository / ".hidden").mkdir()
    write(repository, data__big="x", new_py="2", src__keep="z")
    for name in (".env", ".hidden/x", "a.log", "src/.dot"):
        (repository / name).write_text("x")
    taken = snapshot.take(repository, cache)
    assert names(taken) == ["new.py", "src/.dot", "src/deep/util.py", "src/keep", "train.py", "valohai.yaml"]
    assert (taken.kind, taken.files, taken.warnings) == ("adhoc", 6, ())
    assert taken.identifier.startswith("~")
    assert len(taken.identifier) == 65


def test_without_git_the_folder_is_walked_and_its_gitignore_honoured(plain, cache):
    (plain / ".gitignore").write_text("*.log\nvenv/\n!keep.log\n")
    write(plain, venv__lib="x", src__venv__lib="x")
    for name in ("a.log", "keep.log", "src/.dot"):
        (plain / name).write_text("x")
    taken = snapshot.take(plain, cache)
    assert names(taken) == ["keep.log", "src/deep/util.py", "train.py", "valohai.yaml"]
    assert (taken.base_commit, taken.branch, taken.dirty, taken.warnings) == (None, None, False, ())


@pytest.mark.parametrize("kind", ["plain", "repository"])
def test_vhignore_leaves_files_out(request, kind, cache):
    folder = request.getfixturevalue(kind)
    (folder / ".vhignore").write_text("# comment\nsrc/\n")
    assert names(snapshot.take(folder, cache)) == ["train.py", "valohai.yaml"]


def test_the_identifier_is_that_of_the_package_that_vh_uploads(plain, cache, tmp_path):
    """Built here once more with tarfile and gzip alone, the way platform.md 6 and 12 describe."""
    import gzip
    import hashlib
    import tarfile

    (plain / "link.py").symlink_to("train.py")
    os.link(plain / "train.py", plain / "twin.py")
    (plain / "train.py").chmod(0o750)
    package = tmp_path / "package.tgz"
    with (
        package.open("wb") as file,
        gzip.GzipFile("data.tar", mode="w", fileobj=file, mtime=0) as packed,
        tarfile.open(mode="w", fileobj=packed) as tar,
    ):
        for name in ["link.py", "src/deep/util.py", "train.py", "twin.py", "valohai.yaml"]:
            tar.add(plain / name, arcname=name)
    expected = "~" + hashlib.sha256(package.read_bytes()).hexdigest()
    assert snapshot.take(plain, cache).identifier == expected


def test_an_unchanged_folder_is_the_same_snapshot_and_is_not_read_again(repository, cache):
    age(repository)
    first = snapshot.take(repository, cache)
    before = state(first.path)
    again = snapshot.take(repository, cache)
    assert again == first
    assert state(again.path) == before
    assert [path.name for path in cache.iterdir() if not path.name.startswith(".")] == [first.identifier]


def test_the_same_tree_elsewhere_is_the_same_snapshot(repository, cache, tmp_path):
    age(repository)
    twin = tmp_path / "twin"
    shutil.copytree(repository, twin, symlinks=True)
    assert snapshot.take(twin, cache).identifier == snapshot.take(repository, cache).identifier


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "train.py").write_text("print(2)"),  # same size
        lambda folder: (folder / "train.py").chmod(0o755),
        lambda folder: (folder / "other.py").write_text(""),
        lambda folder: (folder / "train.py").unlink(),
        lambda folder: (folder / "train.py").rename(folder / "b.py"),
        lambda folder: os.utime(folder / "train.py", (1, 1)),
    ],
)
def test_any_change_makes_another_snapshot_and_the_first_one_stays(repository, cache, change):
    age(repository)
    first = snapshot.take(repository, cache)
    change(repository)
    second = snapshot.take(repository, cache)
    assert second.identifier != first.identifier
    assert (first.path / "train.py").read_text() == "print(1)"
    assert names(second) == sorted(
        str(path.relative_to(repository))
        for path in repository.rglob("*")
        if path.is_file() and ".git/" not in str(path)
    )


def test_a_change_within_one_tick_of_the_clock_is_seen(plain, cache):
    stamps = {}
    for content in ("print(1)", "print(2)", "print(3)"):
        (plain / "train.py").write_text(content)
        os.utime(plain / "train.py", ns=(10**18, 10**18))
        stamps[content] = (snapshot.take(plain, cache).path / "train.py").read_text()
    assert all(taken == content for content, taken in stamps.items())


def test_a_copy_shares_nothing_with_the_users_files(repository, cache):
    taken = snapshot.take(repository, cache)
    (repository / "train.py").write_text("changed")
    assert (taken.path / "train.py").read_text() == "print(1)"
    assert (taken.path / "train.py").stat().st_nlink == 1


def test_modes_times_and_symlinks_are_kept(plain, cache):
    (plain / "run.sh").write_text("x")
    (plain / "run.sh").chmod(0o751)
    (plain / "good").symlink_to("src/deep/util.py")
    age(plain)
    taken = snapshot.take(plain, cache)
    assert stat.S_IMODE((taken.path / "run.sh").stat().st_mode) == 0o751
    assert (taken.path / "run.sh").stat().st_mtime == 1_600_000_000.5
    assert os.readlink(taken.path / "good") == "src/deep/util.py"


def test_symlinks_that_lead_out_are_told_of_and_folders_left_out_as_vh_does(plain, cache, tmp_path):
    (tmp_path / "outside.txt").write_text("x")
    (plain / "out.txt").symlink_to("../outside.txt")
    (plain / "dangling").symlink_to("nowhere")
    (plain / "folder").symlink_to("src")
    git(plain, "init", "-q")
    taken = snapshot.take(plain, cache)
    assert names(taken) == ["out.txt", "src/deep/util.py", "train.py", "valohai.yaml"]
    assert sorted(warning[:32] for warning in taken.warnings) == [
        "folder is a symlink to a folder ",
        "out.txt is a symlink to ../outsi",
    ]


def test_names_with_spaces_newlines_and_other_bytes(repository, cache):
    odd = [b"a b.py", b"new\nline.py", b"caf\xe9.py", "é.py".encode(), b"q\"'.py"]
    for name in odd:
        with open(os.path.join(os.fsencode(repository), name), "wb") as file:
            file.write(name)
    taken = snapshot.take(repository, cache)
    for name in odd:
        with open(os.path.join(os.fsencode(taken.path), name), "rb") as file:
            assert file.read() == name
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "odd")
    committed = snapshot.checkout(repository, "main", cache)
    assert names(committed) == names(taken)
    assert snapshot.take(repository, cache).identifier == taken.identifier


def test_special_files_are_no_code(plain, cache):
    os.mkfifo(plain / "pipe")
    assert names(snapshot.take(plain, cache)) == ["src/deep/util.py", "train.py", "valohai.yaml"]


def test_an_unreadable_file_is_named(plain, cache):
    (plain / "secret.py").write_text("x")
    (plain / "secret.py").chmod(0)
    if os.access(plain / "secret.py", os.R_OK):  # root reads everything
        assert "secret.py" in names(snapshot.take(plain, cache))
        return
    with pytest.raises(ProjectError, match="the code cannot be copied") as raised:
        snapshot.take(plain, cache)
    assert "secret.py" in raised.value.message


@pytest.mark.parametrize("ignored", [False, True])
def test_a_missing_yaml_is_an_error(repository, cache, ignored):
    if ignored:
        (repository / ".vhignore").write_text("valohai.yaml")
    else:
        (repository / "valohai.yaml").unlink()
    with pytest.raises(ProjectError, match=r"valohai\.yaml is missing from the code") as raised:
        snapshot.take(repository, cache)
    assert ("ignored by" in raised.value.hints[0]) is ignored


def test_too_many_files_are_refused_with_the_biggest_folders(plain, cache, monkeypatch):
    monkeypatch.setattr(packaging, "MAX_FILES", 5)
    write(plain, **{f"data__f{number}": "x" for number in range(4)})
    with pytest.raises(ProjectError, match="7 files are too many for code: at most 5") as raised:
        snapshot.take(plain, cache)
    assert raised.value.hints[0].startswith("biggest folders: data/ (4 files)")


def test_too_many_bytes_are_refused_without_reading_them(plain, cache):
    with open(plain / "model.bin", "wb") as file:
        file.truncate(2000 * 1024 * 1024)
    with pytest.raises(ProjectError, match=r"2\.0 GB is too much for code") as raised:
        snapshot.take(plain, cache)
    assert "./ (2.0 GB)" in raised.value.hints[0]
    assert not cache.exists()


def test_large_code_is_warned_of_and_has_an_identifier_of_its_own(plain, cache, monkeypatch):
    monkeypatch.setattr(packaging, "LARGE_FILE", 100)
    monkeypatch.setattr(packaging, "LARGE_TOTAL", 150)
    (plain / "weights").write_text("x" * 200)
    age(plain)
    first, again = snapshot.take(plain, cache), snapshot.take(plain, cache)
    assert first == again
    assert [warning.split()[0] for warning in first.warnings] == ["weights", "the", "the"]
    assert "is large for code (200 B)" in first.warnings[0]


def test_dirty_base_commit_and_branch(repository, cache):
    age(repository)
    sha = git(repository, "rev-parse", "HEAD")
    clean = snapshot.take(repository, cache)
    assert (clean.dirty, clean.base_commit, clean.branch) == (False, sha, "main")
    (repository / "train.py").write_text("changed")
    assert snapshot.take(repository, cache).dirty is True
    git(repository, "commit", "-q", "-am", "second")
    committed = snapshot.take(repository, cache)
    assert (committed.dirty, committed.base_commit) == (False, git(repository, "rev-parse", "HEAD"))
    git(repository, "checkout", "-q", "--detach")
    assert snapshot.take(repository, cache).branch is None
    git(repository, "checkout", "-q", "-b", "other")
    assert snapshot.take(repository, cache).branch == "other"
    git(repository, "reset", "-q", "--soft", sha)
    back = snapshot.take(repository, cache)
    assert (back.dirty, back.base_commit) == (True, sha)


def test_a_dot_file_can_make_the_tree_dirty(repository, cache):
    age(repository)
    assert snapshot.take(repository, cache).dirty is False
    (repository / ".new").write_text("x")
    assert snapshot.take(repository, cache).dirty is True


def test_a_repository_before_its_first_commit(plain, cache):
    git(plain, "init", "-q", "-b", "main")
    taken = snapshot.take(plain, cache)
    assert (taken.base_commit, taken.branch, taken.dirty, taken.files) == (None, "main", True, 3)


def test_nothing_is_written_into_the_users_tree(repository, cache):
    os.utime(repository / "train.py")  # git would like to refresh its index now
    before = state(repository)
    snapshot.take(repository, cache)
    snapshot.checkout(repository, "HEAD", cache)
    assert state(repository) == before


def test_a_read_only_project_folder_works(repository, cache):
    for path in [*repository.rglob("*"), repository]:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~0o222)
    try:
        assert snapshot.take(repository, cache).files == 3
        assert snapshot.checkout(repository, "main", cache).files == 3
    finally:
        for path in [repository, *repository.rglob("*")]:
            path.chmod(path.stat().st_mode | 0o200)


def test_without_a_git_command_the_folder_is_walked_and_that_is_said(repository, cache, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    taken = snapshot.take(repository, cache)
    assert taken.files == 3
    assert "git is not installed" in taken.warnings[0]
    with pytest.raises(ProjectError, match="a commit needs git, which is not installed"):
        snapshot.checkout(repository, "main", cache)


def test_a_repository_of_another_user_is_explained(repository, cache, monkeypatch):
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    taken = snapshot.take(repository, cache)
    assert taken.files == 3
    assert f"git config --global --add safe.directory {repository}" in taken.warnings[0]
    with pytest.raises(ProjectError, match="belongs to another user") as raised:
        snapshot.checkout(repository, "main", cache)
    assert "safe.directory" in raised.value.hints[0]


def test_variables_of_a_git_hook_do_not_lead_astray(repository, cache, monkeypatch, tmp_path):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    assert snapshot.take(repository, cache).branch == "main"


def test_a_project_in_a_sub_folder_of_a_repository(repository, cache):
    write(repository, shop__valohai_yaml="- step: {}", shop__a_py="1", shop__cache_py="x")
    (repository / ".gitignore").write_text("cache.py\n")
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "shop")
    taken, committed = snapshot.take(repository / "shop", cache), snapshot.checkout(repository / "shop", "main", cache)
    assert names(taken) == names(committed) == ["a.py", "valohai.yaml"]
    assert taken.dirty is False
    write(repository, elsewhere_py="x")
    assert snapshot.take(repository / "shop", cache).dirty is False
    whole = snapshot.checkout(repository, "main", cache)
    assert (whole.identifier, whole.files) == (committed.identifier, 6)


def test_a_project_in_a_folder_that_its_repository_ignores_is_walked(repository, cache):
    (repository / ".gitignore").write_text("scratch/\n")
    write(repository, scratch__valohai_yaml="- step: {}", scratch__a_py="1")
    assert names(snapshot.take(repository / "scratch", cache)) == ["a.py", "valohai.yaml"]


def test_a_worktree(repository, cache, tmp_path):
    git(repository, "worktree", "add", "-q", "-b", "feature", str(tmp_path / "tree"))
    taken = snapshot.take(age(tmp_path / "tree"), cache)
    assert (taken.branch, taken.files, taken.dirty) == ("feature", 3, False)
    write(tmp_path / "tree", more_py="x")
    git(tmp_path / "tree", "add", "-A")
    git(tmp_path / "tree", "commit", "-q", "-m", "more")
    assert snapshot.take(tmp_path / "tree", cache).base_commit == git(tmp_path / "tree", "rev-parse", "HEAD")
    assert snapshot.checkout(tmp_path / "tree", "feature", cache).files == 4


def test_a_home_inside_the_project_is_no_code(repository):
    home = repository / "home"
    write(home, executions__x="1")
    for _ in range(2):
        taken = snapshot.take(repository, home / "cache" / "code", exclude=[home])
        assert names(taken) == ["src/deep/util.py", "train.py", "valohai.yaml"]


def test_many_at_once_agree(repository, cache):
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: snapshot.take(repository, cache), range(16)))
    assert len({found.identifier for found in taken}) == 1
    assert not [path for path in cache.iterdir() if path.name.startswith(".making-")]


def test_many_processes_at_once_agree(repository, cache):
    code = (
        "import sys; from pathlib import Path; from localhai.project import snapshot\n"
        "print(snapshot.take(Path(sys.argv[1]), Path(sys.argv[2])).identifier)"
    )
    runs = [
        subprocess.Popen([sys.executable, "-c", code, repository, cache], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert len({run.communicate()[0] for run in runs}) == 1
    assert [run.returncode for run in runs] == [0, 0, 0]


def test_a_damaged_memory_is_no_memory(repository, cache):
    age(repository)
    first = snapshot.take(repository, cache)
    for path in (cache / ".remembered").iterdir():
        path.write_text('{"key": 1, "surprise": []}')
    assert snapshot.take(repository, cache).identifier == first.identifier
    shutil.rmtree(first.path)
    assert names(snapshot.take(repository, cache)) == ["src/deep/util.py", "train.py", "valohai.yaml"]


def test_prune_keeps_what_is_named_and_what_was_just_used(repository, cache):
    old = snapshot.take(repository, cache)
    write(repository, new_py="x")
    new = snapshot.take(repository, cache)
    commit = snapshot.checkout(repository, "main", cache)
    assert snapshot.prune(cache) == 0
    freed = snapshot.prune(cache, {new.identifier, commit.identifier}, idle=0)
    assert freed == old.size
    assert [old.path.exists(), new.path.exists(), commit.path.exists()] == [False, True, True]
    assert snapshot.prune(cache / "nothing") == 0


def test_prune_clears_what_was_abandoned_in_the_making(cache):
    abandoned, fresh = cache / ".making-old", cache / ".making-new"
    abandoned.mkdir(parents=True)
    fresh.mkdir()
    os.utime(abandoned, (1, 1))
    snapshot.prune(cache)
    assert [abandoned.exists(), fresh.exists()] == [False, True]


def test_an_earlier_ad_hoc_snapshot_can_be_had_again(repository, cache):
    first = snapshot.take(repository, cache)
    (repository / "train.py").write_text("changed")
    again = snapshot.checkout(repository, first.identifier[:12], cache)
    assert (again.identifier, again.kind, again.files) == (first.identifier, "adhoc", 3)
    with pytest.raises(UsageError, match="is not in the cache any more"):
        snapshot.checkout(repository, "~0000", cache)
