"""Writing the files of a git commit, submodules too, from git's objects: no working tree and no index is touched."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from localhai.errors import ProjectError, UsageError
from localhai.project import git, names
from localhai.project.packaging import shown
from localhai.system.text import clean


class FolderCommit(Struct, frozen=True):
    """A commit of the repository around `folder`. `prefix` is the folder's path in it, "" or ending with `/`."""

    sha: str
    branch: str | None
    folder: Path
    git_folder: Path
    prefix: str

    @property
    def folder_name(self) -> str:
        """Where its snapshot is kept: one commit may hold several projects."""
        if not self.prefix:
            return self.sha
        return f"{self.sha}+{hashlib.sha256(os.fsencode(self.prefix)).hexdigest()[:12]}"


def resolve(folder: Path, reference: str) -> FolderCommit:
    """The commit that a SHA, branch, tag or unambiguous prefix of a SHA means.

    Raises UsageError for what means none or several, ProjectError where there is no git or no repository.
    """
    try:
        git_folder = Path(_line("rev-parse", "--absolute-git-dir", folder=folder))
        prefix = _line("rev-parse", "--show-prefix", folder=folder)
    except git.GitError as error:
        raise _no_repository(folder, error) from error
    sha = _sha(folder, reference)
    full = _line("rev-parse", "--symbolic-full-name", reference, folder=folder)
    branch = clean(full.removeprefix("refs/heads/")) if full.startswith("refs/heads/") else None
    return FolderCommit(sha, branch, folder, git_folder, prefix)


def newest(folder: Path, branch: str) -> str:
    """The SHA of a branch's newest commit, of `origin`'s branch where there is none here. Raises as `resolve` does."""
    try:
        return resolve(folder, branch).sha
    except UsageError:
        with suppress(UsageError):
            return resolve(folder, f"origin/{branch}").sha
        raise


def text_at(folder: Path, reference: str, file: Path) -> str:
    """The text of a file in `folder` as a commit has it. Raises as `resolve`, ProjectError where it has none."""
    found = resolve(folder, reference)
    place = found.prefix + file.relative_to(folder).as_posix()
    try:
        return git.git("show", f"{found.sha}:{place}", folder=folder).decode()
    except git.GitError as error:
        raise ProjectError(f"commit {reference} has no {place}", hints=["name another commit"]) from error


def write(commit: FolderCommit, target: Path) -> None:
    """Write the commit's files below its prefix into an empty folder.

    Raises ProjectError that names every submodule whose commit is not on this machine.
    """
    try:
        _write_tree(commit.git_folder, f"{commit.sha}:{commit.prefix}", target)
        missing = _write_submodules(commit.git_folder, commit.sha, commit.prefix, target, _top(commit))
    except git.GitError as error:
        if "No space left" in error.said:
            raise OSError(errno.ENOSPC, "no space left", str(target)) from error
        raise ProjectError(
            f"commit {commit.sha[:12]} cannot be read: {error.said}", where=str(commit.folder)
        ) from error
    if missing:
        raise ProjectError(
            f"commit {commit.sha[:12]} needs submodules that are not here: {names.listing(map(shown, missing))}",
            where=str(commit.folder),
            hints=["git submodule update --init --recursive"],
        )


def _top(commit: FolderCommit) -> Path:
    return Path(str(commit.folder).removesuffix(commit.prefix.rstrip("/")) or "/")


def _line(*arguments: str, folder: Path) -> str:
    return os.fsdecode(git.git(*arguments, folder=folder).removesuffix(b"\n"))


def _no_repository(folder: Path, error: git.GitError) -> ProjectError:
    if isinstance(error, git.NoGit):
        return ProjectError("a commit needs git, which is not installed", where=str(folder))
    if isinstance(error, git.NoRepository):
        return ProjectError(
            "a commit needs a git repository, and this folder is in none",
            where=str(folder),
            hints=["leave out --commit to run the working tree"],
        )
    if isinstance(error, git.UnsafeRepository):
        return ProjectError(
            "the repository belongs to another user, and git does not read it",
            where=str(folder),
            hints=[f"if you trust it: git config --global --add safe.directory {folder}"],
        )
    return ProjectError(f"git cannot read the repository: {error.said}", where=str(folder))


def _sha(folder: Path, reference: str) -> str:
    if not reference or reference.startswith("-"):
        raise UsageError(f"{reference!r} is not a commit", hints=["give a SHA, a branch or a tag"])
    try:
        return _line("rev-parse", "--verify", f"{reference}^{{commit}}", folder=folder)
    except git.GitError as error:
        if "ambiguous" in error.said:
            raise UsageError(f"commit {reference!r} could be several", hints=["give more of the SHA"]) from error
        known = _line(
            "for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/tags", folder=folder
        ).splitlines()
        near = names.nearest(reference, known)
        hints = [f"did you mean {near}?"] if near else []
        hints.append(f"branches and tags: {names.listing(known[:20])}" if known else "there are no commits")
        raise UsageError(f"there is no commit {reference!r}", where=str(folder), hints=hints) from error


def _write_tree(git_folder: Path, tree: str, target: Path) -> None:
    """`git archive` would leave out and rewrite what .gitattributes mark for export; a checkout does not."""
    with tempfile.TemporaryDirectory(prefix="localhai-index-") as scratch:
        environment = {"GIT_INDEX_FILE": f"{scratch}/index"}
        _at(git_folder, target, "read-tree", tree, environment=environment)
        _at(git_folder, target, "checkout-index", "--all", "--force", "--quiet", environment=environment)


def _at(git_folder: Path, target: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> bytes:
    # With a working tree named, git does not look for the one in the configuration: it need not exist any more.
    where = (f"--git-dir={git_folder}", f"--work-tree={target}")
    return git.git(*where, *arguments, folder=target, environment=environment)


def _write_submodules(git_folder: Path, sha: str, prefix: str, target: Path, worktree: Path) -> list[str]:
    """Write the submodules of a commit; gives the paths of those whose commit was not found.

    `target` is where `prefix` of the commit stands, `worktree` where a checkout of the whole may be.
    """
    missing = []
    module_names = None
    for path, module_sha in _links(git_folder, sha, target):
        if not path.startswith(prefix):
            continue
        if module_names is None:
            module_names = _module_names(git_folder, sha, target)
        stores = _stores(git_folder, module_names.get(path, path), worktree / path)
        store = next((found for found in stores if _has(found, module_sha, target)), None)
        if store is None:
            missing.append(path)
            continue
        inner = target / path.removeprefix(prefix)
        inner.mkdir(parents=True, exist_ok=True)
        _write_tree(store, module_sha, inner)
        missing += [f"{path}/{deeper}" for deeper in _write_submodules(store, module_sha, "", inner, worktree / path)]
    return missing


def _links(git_folder: Path, sha: str, target: Path) -> Iterator[tuple[str, str]]:
    """(path, commit) of each submodule that a commit names."""
    for record in _at(git_folder, target, "ls-tree", "-r", "-z", "--full-tree", sha).split(b"\0"):
        traits, _, path = record.partition(b"\t")
        if traits.startswith(b"160000 "):
            yield os.fsdecode(path), traits.split()[2].decode()


def _module_names(git_folder: Path, sha: str, target: Path) -> dict[str, str]:
    """The name of each submodule by its path: git keeps its objects under the name."""
    try:
        listed = _at(
            git_folder, target, "config", "-z", "--blob", f"{sha}:.gitmodules", "--get-regexp", r"^submodule\..*\.path$"
        )
    except git.GitError:
        return {}
    pairs = [os.fsdecode(record).partition("\n") for record in listed.split(b"\0") if record]
    return {path: key.removeprefix("submodule.").removesuffix(".path") for key, _, path in pairs}


def _stores(git_folder: Path, name: str, checked_out: Path) -> Iterator[Path]:
    """Git folders that may hold a submodule's objects."""
    yield git_folder / "modules" / name
    yield git.common_folder(git_folder) / "modules" / name
    if (checked_out / ".git").exists():
        yield git.git_folder(checked_out)


def _has(store: Path, sha: str, target: Path) -> bool:
    if not store.is_dir():
        return False
    try:
        _at(store, target, "cat-file", "-e", f"{sha}^{{commit}}")
    except git.GitError:
        return False
    return True
