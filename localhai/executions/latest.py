"""Where an execution's files live in the home, and who ran it."""

from __future__ import annotations

import getpass
import os
import re
from typing import TYPE_CHECKING

from localhai.system import private

if TYPE_CHECKING:
    from pathlib import Path

    from localhai.executions.run.context import Creator
    from localhai.settings import Settings

LATEST = "latest"
MARK = ".project"  # in the folder of a project's executions: its id
_ID_END = 6  # characters of an id: these are random
_unsafe_re = re.compile(r"[^\w.-]+")


def execution_folder(home: Path, project: str, project_id: str, counter: int, execution_id: str) -> str:
    """The folder of an execution, relative to the home: `executions/<project>/<counter>-<id>`.

    Of several projects whose names make one folder the first that runs has it; the others have the end of their id
    behind the name.
    """
    name = _unsafe_re.sub("_", project).strip("._") or project_id
    places = (name, f"{name}-{project_id[-_ID_END:]}", f"{name}-{project_id}")
    place = next((item for item in places if _is_had_by(home / "executions" / item, project_id)), project_id)
    return f"executions/{place}/{counter}-{execution_id}"


def _is_had_by(folder: Path, project_id: str) -> bool:
    """Whether this is the project's folder: that of whoever asks first."""
    try:
        return private.kept(folder / MARK, f"{project_id}\n".encode)[0].decode().strip() == project_id
    except OSError:  # full, or not ours: making the execution's folder says which
        return True


def point_latest(folder: Path) -> None:
    """`latest` beside an execution's folder points to it, replaced in one step; never back to an earlier one."""
    if _counter(folder.name) < _counter(_target(folder.parent / LATEST)):
        return  # one that was made later was quicker here
    temporary = folder.parent / f".{LATEST}-{os.getpid()}-{folder.name}"
    try:
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(folder.name)
        temporary.replace(folder.parent / LATEST)
    except OSError:  # a filesystem without links: a convenience less
        temporary.unlink(missing_ok=True)


def _target(link: Path) -> str:
    try:
        return os.readlink(link) if link.exists() else ""
    except OSError:
        return ""


def _counter(name: str) -> int:
    digits = name.partition("-")[0]
    return int(digits) if digits.isdecimal() else 0


def creator_name(settings: Settings, creator: Creator | None = None) -> str:
    """Who runs executions: the user of the API who asks, else that of the setting, else the login name."""
    if creator is not None and creator.name:
        return creator.name
    if settings.creator:
        return settings.creator
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in many containers
        return str(os.getuid())
