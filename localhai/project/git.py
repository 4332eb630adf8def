"""The git command, asked about a folder. Nothing here writes to a working tree or refreshes its index."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from localhai.system.text import clean

# What a hook or a wrapper may have set to point git elsewhere (`git rev-parse --local-env-vars`).
_REDIRECTIONS = (
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_PARAMETERS",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
)


class GitError(Exception):
    """git said no. `said` is its own text."""

    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.said = said


class NoGit(GitError):
    """There is no git command."""


class NoRepository(GitError):
    """The folder is in no repository."""


class UnsafeRepository(GitError):
    """Another user owns the repository, and git refuses to read it (`safe.directory`)."""


def git(*arguments: str, folder: Path, environment: Mapping[str, str] | None = None) -> bytes:
    """What `git ARGUMENTS` prints in a folder. Raises GitError or one of its kinds."""
    import subprocess  # with a shelf of modules of its own, and most calls of localhai ask git nothing

    environ = {name: value for name, value in os.environ.items() if name not in _REDIRECTIONS}
    environ |= {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", **(environment or {})}
    try:
        # A file system monitor would be a hook of the repository, or a daemon that stays.
        done = subprocess.run(  # noqa: S603  no shell, and a fixed command
            ["git", "-c", "core.fsmonitor=false", *arguments],  # noqa: S607  git is where PATH says
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except FileNotFoundError as error:
        if not folder.is_dir():
            raise
        raise NoGit("git is not installed") from error
    if done.returncode == 0:
        return done.stdout
    said = done.stderr.decode("utf-8", "replace").strip()
    if "not a git repository" in said:
        raise NoRepository(said)
    if "dubious ownership" in said or "unsafe repository" in said:
        raise UnsafeRepository(said)
    raise GitError(said or f"git {arguments[0]} ended with {done.returncode}")


def in_repository(folder: Path) -> bool:
    """Whether git would find a repository around a folder. Asks no process: most folders without one never need git."""
    place = os.path.realpath(folder)
    while not os.path.lexists(f"{place}/.git"):
        above = os.path.dirname(place)
        if above == place:
            return False
        place = above
    return True


def has_commit(folder: Path, commit: str) -> bool:
    """Whether the folder's repository has this commit. False where git cannot say."""
    try:
        git("cat-file", "-e", f"{commit}^{{commit}}", folder=folder)
    except GitError:
        return False
    return True


def list_names(folder: Path, *, untracked: bool = True) -> list[str]:
    """Tracked and untracked paths below a folder, relative to it, without ignored ones; tracked ones of submodules too.

    Names of other encodings come with surrogate escapes. Deleted files and whole folders (nested repositories) may be
    among them.
    """
    listed = git("ls-files", "--exclude-standard", "-ocz" if untracked else "-cz", folder=folder)
    if (folder / ".gitmodules").is_file():
        # Untracked files of submodules are left out: --recurse-submodules knows only tracked ones (as with `vh`).
        listed += git("ls-files", "--exclude-standard", "--recurse-submodules", "-cz", folder=folder)
    return list(dict.fromkeys(os.fsdecode(name) for name in listed.split(b"\0") if name))


class Head(Struct, frozen=True):
    """Where a working tree stands. `commit` is None before the first one, `branch` on a detached head."""

    commit: str | None
    branch: str | None
    dirty: bool


def head(folder: Path) -> Head:
    """The commit and branch of a folder's repository, and whether anything below the folder differs from it."""
    listed = git(
        "status",
        "--porcelain=v2",
        "--branch",
        "-z",
        "--no-renames",
        "--untracked-files=normal",
        "--",
        ".",
        folder=folder,
    )
    commit = branch = None
    dirty = False
    for record in listed.split(b"\0"):
        if record.startswith(b"# branch.oid "):
            commit = record[13:].decode()
        elif record.startswith(b"# branch.head "):
            branch = clean(os.fsdecode(record[14:]))
        elif record and not record.startswith(b"# "):
            dirty = True
    return Head(None if commit == "(initial)" else commit, None if branch == "(detached)" else branch, dirty)


def fingerprint(folder: Path) -> str | None:
    """A text that changes when `head` may change for reasons other than the files of the working tree.

    None when it cannot be had without asking git. Reads a few small files only.
    """
    try:
        inside = git_folder(folder)
        head_text = (inside / "HEAD").read_text(encoding="utf-8")
        common = common_folder(inside)
        if head_text.startswith("ref: "):
            reference = head_text[5:].strip()
            if reference == "refs/heads/.invalid":  # references are kept in another format (reftable)
                return None
            head_text += _read_if_there(common / reference) + _stamp(common / "packed-refs")
        return head_text + _stamp(inside / "index")
    except (OSError, UnicodeDecodeError):
        return None


def git_folder(folder: Path) -> Path:
    """The .git folder of the repository around a folder, found as git finds it. Raises FileNotFoundError."""
    for place in (folder, *folder.parents):
        candidate = place / ".git"
        if candidate.is_dir():
            return candidate
        if candidate.is_file():  # a worktree or a submodule
            return place / candidate.read_text(encoding="utf-8").removeprefix("gitdir:").strip()
    raise FileNotFoundError(".git")


def common_folder(inside: Path) -> Path:
    """The .git folder that the worktrees of a repository share, from the one of any worktree."""
    try:
        return inside / (inside / "commondir").read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return inside


def _read_if_there(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return "-"


def _stamp(path: Path) -> str:
    try:
        found = path.stat()
    except FileNotFoundError:
        return "-"
    return f"{found.st_mtime_ns}.{found.st_size}.{found.st_ino};"


class GitCommit(Struct, frozen=True):
    """A commit of a repository: `time` in seconds since 1970, `branch` one that it is on, `HEAD` if on none."""

    sha: str
    time: int
    branch: str
    subject: str


def history(folder: Path, *, most: int = 1000) -> list[GitCommit]:
    """The newest commits of all local branches and of HEAD. Raises GitError or one of its kinds."""
    references = git("for-each-ref", "--format=%(refname)", "refs/heads", folder=folder).decode().split()
    try:
        detached = not git("symbolic-ref", "-q", "HEAD", folder=folder)
    except NoRepository:
        raise
    except GitError:
        detached = True
    if not references and not detached:
        return []
    listed = git(
        "log",
        f"--max-count={most}",
        "--format=%H%x00%ct%x00%S%x00%s%x1e",
        *(["HEAD"] if detached else []),
        *references,
        "--",
        folder=folder,
    )
    found = []
    for row in listed.decode("utf-8", "replace").split("\x1e"):
        sha, _, rest = row.strip("\n").partition("\0")
        if sha:
            time, reference, subject = rest.split("\0", 2)
            found.append(GitCommit(sha, int(time), reference.removeprefix("refs/heads/"), subject))
    return found
