"""Which files of a working tree are its code: the list that `vh --adhoc` packages (platform.md 6, "Commits")."""

from __future__ import annotations

import os
import stat
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from localhai.errors import ProjectError
from localhai.project import git
from localhai.system.names import composed
from localhai.system.text import without_mark

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAX_FILES = 10_000
MAX_BYTES = 2000 * 1024 * 1024
LARGE_FILE = 50 * 1024 * 1024
LARGE_TOTAL = 150 * 1024 * 1024
_WALK_AT_MOST = 20 * MAX_FILES  # far enough to name the biggest folders


class WorkingTree(Struct, frozen=True):
    """The files of a working tree with what `lstat` says of each, and what else git sees beside them.

    `files` are regular files and symlinks to regular files, by path relative to the folder, sorted. `others` are
    listed paths that are not packaged (dot files, ignored by .vhignore, deleted), with lstat or None: a change in
    them can make the tree dirty. `size` is bytes.
    """

    files: Mapping[str, os.stat_result]
    others: Mapping[str, os.stat_result | None]
    size: int
    by_git: bool
    warnings: tuple[str, ...] = ()


def look(
    folder: Path,
    *,
    yaml: str,
    allow_git: bool = True,
    include_untracked: bool = True,
    exclude: Collection[Path] = (),
) -> WorkingTree:
    """What would be packaged now. `yaml` must be in it, `exclude` are folders that never are.

    Without `allow_git` neither git nor .gitignore is asked, as with `vh --no-git-packaging`. Without
    `include_untracked` git names only files that it tracks.

    Raises ProjectError when the yaml is missing or a limit is passed.
    """
    names, by_git, warnings = _list(folder, yaml, allow_git=allow_git, include_untracked=include_untracked)
    excluded = tuple(f"{place.relative_to(folder)}/" for place in exclude if place.is_relative_to(folder))
    if excluded:
        names = [name for name in names if not name.startswith(excluded)]
    ignored = ignoring(folder / ".vhignore")
    files: dict[str, os.stat_result] = {}
    others: dict[str, os.stat_result | None] = {}
    base = str(folder)
    for name in sorted(names):
        found = _lstat(f"{base}/{name}")  # a Path for each file would double the cost of an unchanged folder
        wanted = found is not None and not name.startswith(".") and not (ignored is not None and ignored(name))
        if wanted and found is not None and _is_file(f"{base}/{name}", found):
            files[name] = found
        else:
            others[name] = found
    _check(folder, yaml, files)
    size = sum(found.st_size for found in files.values())
    return WorkingTree(files, others, size, by_git, (*warnings, *_warnings(folder, files, others, size)))


def _list(folder: Path, yaml: str, *, allow_git: bool, include_untracked: bool) -> tuple[list[str], bool, list[str]]:
    """Relative paths, whether git gave them, and what to tell the user about it."""
    warnings = []
    if allow_git and git.in_repository(folder):
        try:
            names = git.list_names(folder, untracked=include_untracked)
            # `vh` asks git only where the folder has a .git of its own. In a sub-folder of a repository git's answer
            # is the better one, unless the repository ignores the whole sub-folder.
            if yaml in names or (folder / ".git").exists():
                return names, True, []
        except git.NoRepository:
            pass
        except git.GitError as error:
            warnings = _git_trouble(folder, error)
    if not include_untracked:
        warnings.append("without effect here: --no-include-untracked; git lists no files of this folder")
    return list(_walk(folder, ignoring(folder / ".gitignore") if allow_git else None)), False, warnings


def _git_trouble(folder: Path, error: git.GitError) -> list[str]:
    plainly = "its files were found without git, so only the .gitignore in its first folder counts"
    if isinstance(error, git.NoGit):
        return [f"{folder} is a git repository but git is not installed: {plainly}"]
    if isinstance(error, git.UnsafeRepository):
        remedy = f"if you trust it: git config --global --add safe.directory {folder}"
        return [f"{folder} is a git repository of another user, which git does not read: {plainly}; {remedy}"]
    return [f"{folder} is a git repository but git cannot list it ({error.said}): {plainly}"]


def _walk(folder: Path, ignored: Callable[[str], bool] | None) -> Iterator[str]:
    count = 0
    for place, folders, names in os.walk(folder):
        below = os.path.relpath(place, folder)
        prefix = "" if below == "." else f"{below}/"
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and not (ignored is not None and ignored(f"{prefix}{name}/"))
        )
        for name in names:
            path = prefix + name
            if not name.startswith(".") and not (ignored is not None and ignored(path)):
                count += 1
                yield path
        if count > _WALK_AT_MOST:
            return


def _lstat(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):  # git lists what is in its index, there or not
        return None
    except OSError as error:
        raise ProjectError(f"{shown(path)} cannot be read: {error.strerror}", where=shown(path)) from error


def _is_file(path: str, found: os.stat_result) -> bool:
    if stat.S_ISLNK(found.st_mode):
        return os.path.isfile(path)
    return stat.S_ISREG(found.st_mode)


def _check(folder: Path, yaml: str, files: Mapping[str, os.stat_result]) -> None:
    if yaml not in files:
        there = os.path.exists(folder / yaml)
        hint = "it is ignored by .gitignore or .vhignore, or is no file" if there else f"looked for {folder / yaml}"
        raise ProjectError(f"{yaml} is missing from the code to run", where=str(folder), hints=[hint])
    size = sum(found.st_size for found in files.values())
    if len(files) > MAX_FILES:
        many = _largest(files, lambda _: 1, lambda count: f"{count:,} files")
        raise _too_big(folder, f"{len(files):,} files are too many for code: at most {MAX_FILES:,}", many)
    if size >= MAX_BYTES:
        big = _largest(files, lambda found: found.st_size, human_size)
        raise _too_big(folder, f"{human_size(size)} is too much for code: less than {human_size(MAX_BYTES)}", big)


def _too_big(folder: Path, message: str, biggest: str) -> ProjectError:
    return ProjectError(
        message,
        where=str(folder),
        hints=[f"biggest folders: {biggest}", "name what is not code in .gitignore or .vhignore; give data as inputs"],
    )


def _largest(
    files: Mapping[str, os.stat_result], weigh: Callable[[os.stat_result], int], show: Callable[[int], str]
) -> str:
    weights: dict[str, int] = defaultdict(int)
    for name, found in files.items():
        weights[name.partition("/")[0] + "/" if "/" in name else "./"] += weigh(found)
    ranked = sorted(weights.items(), key=lambda item: -item[1])[:5]
    return ", ".join(f"{name} ({show(weight)})" for name, weight in ranked)


def _warnings(
    folder: Path, files: Mapping[str, os.stat_result], others: Mapping[str, os.stat_result | None], size: int
) -> Iterable[str]:
    for name, found in files.items():
        if found.st_size >= LARGE_FILE:
            yield f"{shown(name)} is large for code ({human_size(found.st_size)}): give data as an input"
    if size >= LARGE_TOTAL:
        big = _largest(files, lambda found: found.st_size, human_size)
        yield f"the code is {human_size(size)} in all: biggest folders {big}; name what is not code in .vhignore"
    for name, other in others.items():
        reason = None if other is None or name.startswith(".") else _reason_left_out(folder / name, name, other)
        if reason:
            yield f"{shown(name)} is {reason}"


def _reason_left_out(path: Path, name: str, found: os.stat_result) -> str | None:
    """Why something that looks like code is not packaged; None for what was left out on purpose."""
    if stat.S_ISLNK(found.st_mode) and os.path.isdir(path):
        return "a symlink to a folder and left out, as `vh --adhoc` leaves it out"
    if not stat.S_ISDIR(found.st_mode):
        return None
    if name.endswith("/"):  # how git lists an untracked folder with a .git of its own
        return "a git repository of its own and left out, as `vh --adhoc` leaves it out"
    return None if os.listdir(path) else "a submodule that is not here: git submodule update --init --recursive"


def shown(name: str) -> str:
    """A file name for a message: on one line, whatever bytes it holds."""
    return name if name.isprintable() else ascii(name)[1:-1]


def human_size(size: int) -> str:
    """Bytes as people read them."""
    amount = float(size)
    for unit in ("B", "KB", "MB"):
        if amount < 1024:  # noqa: PLR2004  the step between the units
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GB"


def ignoring(path: Path) -> Callable[[str], bool] | None:
    """A test whether a relative path (`/` at the end for a folder) is ignored; None without a file or patterns."""
    try:
        lines = without_mark(path.read_bytes().decode("utf-8", "surrogateescape")).splitlines()
    except (FileNotFoundError, IsADirectoryError):
        return None
    if not any(line.strip() and not line.startswith("#") for line in lines):
        return None
    from pathspec import GitIgnoreSpec

    spec = GitIgnoreSpec.from_lines(map(composed, lines))  # disks of macOS may have accents in two pieces
    return lambda name: bool(spec.match_file(composed(name)))
