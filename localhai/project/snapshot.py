"""The code of an execution: a copy of the working tree as `vh --adhoc` packages it, or of a git commit.

Copies are made once, under `cache/IDENTIFIER`, shared by executions and never changed. The user's tree is only read.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from localhai.errors import DiskFull, ProjectError
from localhai.project import git, packaging
from localhai.project.remembered import Remembered, Shelf
from localhai.system import private
from localhai.system.durable import is_full
from localhai.vocabulary import YAML

_IN_THE_MAKING = ".making-"
_ABANDONED = 24 * 3600.0  # seconds after which a copy in the making has no maker any more


class Snapshot(Struct, frozen=True):
    """Code at one moment. `identifier` is `~<sha256>` or a git SHA, `path` the folder with the copy, `size` bytes.

    `dirty` says that an ad-hoc snapshot is not what its `base_commit` holds. `warnings` are for the user. `yaml` is the
    path of the valohai.yaml that counts.
    """

    identifier: str
    path: Path
    kind: Literal["adhoc", "git"]
    dirty: bool
    base_commit: str | None
    branch: str | None
    files: int
    size: int
    warnings: tuple[str, ...] = ()
    yaml: str = YAML


def take(
    folder: Path,
    cache: Path,
    *,
    yaml: str = YAML,
    allow_git: bool = True,
    include_untracked: bool = True,
    exclude: Collection[Path] = (),
) -> Snapshot:
    """The working tree of a project folder. For an unchanged one this costs one git process and one lstat per file.

    `yaml` is the path of valohai.yaml in the folder; `exclude` names folders that are never code, such as a
    LOCALHAI_HOME inside the project.
    Raises ProjectError for what cannot be packaged, DiskFull.
    """
    folder, cache = folder.absolute(), cache.absolute()
    package = packaging.look(
        folder, yaml=yaml, allow_git=allow_git, include_untracked=include_untracked, exclude=(cache, *exclude)
    )
    shelf = Shelf(cache, folder, yaml)
    key = shelf.key(package)
    known = shelf.recall()
    if known is None or known.key != key or not (cache / known.identifier).is_dir():
        known = _make(folder, cache, package, shelf, key)
    mark = git.fingerprint(folder) if package.by_git else ""
    if mark is None or mark != known.fingerprint:
        known = _with_head(folder, known, mark, by_git=package.by_git)
        shelf.remember(known)
    path = cache / known.identifier
    _touch(path)
    return Snapshot(
        known.identifier,
        path,
        "adhoc",
        known.dirty,
        known.base_commit,
        known.branch,
        len(package.files),
        package.size,
        (*package.warnings, *known.warnings),
        yaml,
    )


def checkout(folder: Path, reference: str, cache: Path, *, yaml: str = YAML) -> Snapshot:
    """A commit of the folder's repository (SHA, branch, tag, unambiguous prefix), with its submodules.

    `~<sha256>` or the beginning of one gives an earlier ad-hoc snapshot, `dirty` since its folder does not tell which
    commit it may equal. The working tree is not touched.
    Raises UsageError for an unknown or ambiguous reference, ProjectError where git or a submodule is missing.
    """
    from localhai.project import checkout as commits

    folder, cache = folder.absolute(), cache.absolute()
    if reference.startswith("~"):
        return _earlier(cache, reference, yaml)
    commit = commits.resolve(folder, reference)
    path = cache / commit.folder_name
    if not path.is_dir():
        with _making(cache) as made:
            commits.write(commit, made)
            _settle(made, path)
    if not (path / yaml).is_file():
        raise ProjectError(f"{yaml} is missing from commit {commit.sha[:12]}", where=str(folder))
    _touch(path)
    return Snapshot(commit.sha, path, "git", False, commit.sha, commit.branch, *_measure(path), yaml=yaml)


def unpacked(package: Path, cache: Path, identifier: str) -> Path:
    """The folder with the files of an uploaded package, under `cache/IDENTIFIER`; unpacked if it is not there yet.

    Raises ProjectError for what is refused or damaged, DiskFull.
    """
    from localhai.project import tarball

    path = cache / identifier
    if path.is_dir():
        _touch(path)
        return path
    with _making(cache) as made:
        tarball.unpack(package, made)
        _settle(made, path)
    return path


def prune(cache: Path, keep: Collection[str] = (), *, idle: float = 3600.0) -> int:
    """Delete snapshots that are not in `keep` (identifiers) and were not used for `idle` seconds; gives bytes freed."""
    import shutil

    freed = 0
    now = time.time()
    for path in list(cache.iterdir()) if cache.is_dir() else []:
        making_of_none = path.name.startswith(_IN_THE_MAKING)
        if not making_of_none and (path.name.startswith(".") or path.name.partition("+")[0] in keep):
            continue
        try:
            if now - path.stat().st_mtime < (_ABANDONED if making_of_none else idle):
                continue
            doomed = path if making_of_none else path.rename(cache / f"{_IN_THE_MAKING}gone-{os.getpid()}-{path.name}")
        except FileNotFoundError:  # another process was faster
            continue
        freed += _measure(doomed)[1]
        shutil.rmtree(doomed, ignore_errors=True)
    return freed


@contextmanager
def _making(cache: Path) -> Iterator[Path]:
    """A new folder in the cache for one snapshot in the making; gone afterwards unless it was settled."""
    import shutil
    import tempfile

    try:
        private.make_folder(cache)
        made = Path(tempfile.mkdtemp(prefix=_IN_THE_MAKING, dir=cache))
        made.chmod(0o755)
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except OSError as error:
        if is_full(error):
            raise DiskFull(f"no space left for the code snapshot in {cache}", hints=["localhai clean"]) from error
        place = packaging.shown(os.fsdecode(error.filename or cache))
        raise ProjectError(f"the code cannot be copied: {place}: {error.strerror or error}", where=place) from error


def _settle(made: Path, path: Path) -> None:
    """Give a finished folder its name, at once. If another process was faster its folder, of equal content, stays."""
    try:
        made.rename(path)
    except OSError as error:
        if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
            raise


def _make(folder: Path, cache: Path, package: packaging.WorkingTree, shelf: Shelf, key: str) -> Remembered:
    from localhai.project import tarball

    started = time.time_ns()
    before = shelf.previous()
    warnings = []
    compressed = package.size <= packaging.LARGE_TOTAL
    if not compressed:
        warnings.append("the commit identifier is not the one `vh` would give: packing this much takes too long")
    with _making(cache) as made:
        copied = _copy(folder, made, package.files, before)
        identifier = tarball.identify(made, copied, compressed=compressed)
        _settle(made, cache / identifier)
    warnings.extend(_wandering_links(folder, cache / identifier, copied))
    known = Remembered(key, identifier, tuple(warnings))
    # What was written just now may be written again within one tick of the disk's clock, and look the same.
    settled = key == shelf.key(replace(package, files=copied)) and not _fresh(copied, started)
    if not settled:
        return replace(known, key="")
    shelf.remember_files(identifier, copied)
    return known


def _copy(
    folder: Path, made: Path, files: Mapping[str, os.stat_result], before: Mapping[str, tuple[Path, list[int]]]
) -> dict[str, os.stat_result]:
    from localhai.system.copies import copy_file

    base, target = str(folder), str(made)
    parents = {""}
    copied = {}
    for name, found in files.items():
        parent = os.path.dirname(name)
        if parent not in parents:
            os.makedirs(f"{target}/{parent}", exist_ok=True)
            parents.add(parent)
        if stat.S_ISLNK(found.st_mode):
            os.symlink(os.readlink(f"{base}/{name}"), f"{target}/{name}")
            copied[name] = found
        elif _link_earlier(before.get(name), found, f"{target}/{name}"):
            copied[name] = found
        else:
            copied[name] = copy_file(f"{base}/{name}", f"{target}/{name}")
    return copied


def _link_earlier(earlier: tuple[Path, list[int]] | None, found: os.stat_result, target: str) -> bool:
    """An unchanged file is one with its copy in the previous snapshot: a hard link inside the cache, never outside."""
    if earlier is None or earlier[1] != Shelf.traits(found):
        return False
    try:
        os.link(earlier[0], target)
    except OSError:
        return False
    return True


def _fresh(files: Mapping[str, os.stat_result], started: int) -> bool:
    second = 1_000_000_000
    for found in files.values():
        changed = max(found.st_mtime_ns, found.st_ctime_ns)
        tick = 2 * second if changed % second == 0 else second // 20  # disks with whole seconds only, or with fine ones
        if abs(started - changed) < tick:
            return True
    return False


def _wandering_links(folder: Path, path: Path, files: Mapping[str, os.stat_result]) -> Iterator[str]:
    for name, found in files.items():
        if stat.S_ISLNK(found.st_mode) and not os.path.exists(path / name):
            yield (
                f"{packaging.shown(name)} is a symlink to {packaging.shown(os.readlink(folder / name))}, "
                "which is not part of the code: it will lead nowhere"
            )


def _with_head(folder: Path, known: Remembered, mark: str | None, *, by_git: bool) -> Remembered:
    if not by_git:
        return replace(known, fingerprint="", dirty=False, base_commit=None, branch=None)
    try:
        head = git.head(folder)
    except git.GitError:  # the list of files came, so this is a repository in a state of its own
        return replace(known, fingerprint=mark or "", dirty=True, base_commit=None, branch=None)
    return replace(known, fingerprint=mark or "", dirty=head.dirty, base_commit=head.commit, branch=head.branch)


def _earlier(cache: Path, reference: str, yaml: str) -> Snapshot:
    from localhai.errors import UsageError

    found = sorted(path for path in cache.glob(f"{reference}*") if path.is_dir()) if len(reference) > 1 else []
    if len(found) != 1:
        many = f"could be any of {len(found)} snapshots" if found else "is not in the cache any more"
        raise UsageError(f"ad-hoc commit {reference} {many}", hints=["give a git commit, or run the working tree"])
    _touch(found[0])
    return Snapshot(found[0].name, found[0], "adhoc", True, None, None, *_measure(found[0]), yaml=yaml)


def _measure(path: Path) -> tuple[int, int]:
    sizes = [os.lstat(os.path.join(place, name)).st_size for place, _, names in os.walk(path) for name in names]
    return len(sizes), sum(sizes)


def _touch(path: Path) -> None:
    """Used now: `prune` leaves it for a while."""
    try:
        os.utime(path)
    except OSError as error:
        if error.errno not in {errno.EROFS, errno.EPERM, errno.EACCES}:
            raise
