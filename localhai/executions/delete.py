"""Forgetting an execution: its outputs, its folder, its record."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from localhai.containers import reap
from localhai.containers.trees.ownership import remove_tree
from localhai.errors import SurroundingsError, UsageError
from localhai.executions.latest import LATEST, point_latest
from localhai.executions.run import uncollected
from localhai.executions.run.owner import has_files
from localhai.vocabulary import FINAL

if TYPE_CHECKING:
    from pathlib import Path

    from localhai.executions.execution import Execution
    from localhai.executions.home import Home

_folder_re = re.compile(r"(\d+)-.+")


def delete(home: Home, execution: Execution, *, keep_outputs: bool = False) -> None:
    """Delete an execution that has ended, with the bytes of its outputs. Raises UsageError, SurroundingsError.

    With `keep_outputs` these stay in the store: they are data of the project, that inputs can name.
    One of another home is deleted there, where its files are: FilesNotHere.

    Files go first: cut off in between, it can be done again. Its data stay known to the records, as purged, since
    other executions may have used them.
    """
    if execution.record.status not in FINAL:
        raise UsageError(
            f"execution #{execution.counter} is {execution.status} and cannot be deleted",
            where=execution.id,
            hints=[f"stop it first: localhai execution stop {execution.counter}"],
        )
    if not has_files(home, execution.record):
        execution.require_folder()
    if execution.record.folder and uncollected.read(execution.folder) is not None:
        if keep_outputs:
            raise UsageError(
                f"the outputs of execution #{execution.counter} are not collected yet: they would be lost with it",
                where=execution.id,
                hints=[f"localhai execution collect {execution.counter}", "or delete them too, with --purge-outputs"],
            )
        reap.remove(home.engine, reap.of_execution(home.engine, execution.id))
    data = [] if keep_outputs else home.records.data.list(execution_id=execution.id, purged=False, limit=None)
    for datum in data:
        home.store.delete(datum.uri)
    home.records.data.purge([datum.id for datum in data])
    if execution.record.folder:
        _remove_folder(execution.folder)
    home.records.executions.delete(execution.id, purge=not keep_outputs)


def folder_size(folder: Path) -> int:
    """Bytes of all files in a folder; each file once, whatever it is called there."""
    seen: dict[tuple[int, int], int] = {}
    for path in folder.rglob("*") if folder.is_dir() else ():
        try:
            status = path.lstat()
        except OSError:  # gone meanwhile, or not ours to look at
            continue
        seen[status.st_dev, status.st_ino] = status.st_blocks * 512
    return sum(seen.values())


def _remove_folder(folder: Path) -> None:
    if not remove_tree(str(folder)):
        raise SurroundingsError(
            f"{folder} cannot be deleted: it holds files of other users",
            where=str(folder),
            hints=[f"sudo rm -r {folder}, then delete the execution again"],
        )
    latest = folder.parent / LATEST
    if latest.is_symlink() and not latest.exists():
        _point_to_newest(folder.parent)


def _point_to_newest(folder: Path) -> None:
    (folder / LATEST).unlink(missing_ok=True)
    left = [(int(match[1]), path) for path in folder.iterdir() if (match := _folder_re.fullmatch(path.name))]
    if left:
        point_latest(max(left)[1])
