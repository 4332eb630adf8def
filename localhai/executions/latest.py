"""Where an execution's files live in the home, and who ran it."""

from __future__ import annotations

import getpass
import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from localhai.settings import Settings

LATEST = "latest"
_unsafe_re = re.compile(r"[^\w.-]+")


def execution_folder(project: str, project_id: str, counter: int, execution_id: str) -> str:
    """The folder of an execution, relative to the home: `executions/<project>/<counter>-<id>`.

    Two projects of one name share the first folder; ids keep their executions apart.
    """
    name = _unsafe_re.sub("_", project).strip("._") or project_id
    return f"executions/{name}/{counter}-{execution_id}"


def point_latest(folder: Path) -> None:
    """`latest` beside an execution's folder points to it, replaced in one step."""
    temporary = folder.parent / f".{LATEST}-{os.getpid()}-{folder.name}"
    try:
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(folder.name)
        temporary.replace(folder.parent / LATEST)
    except OSError:  # a filesystem without links: a convenience less
        temporary.unlink(missing_ok=True)


def creator_name(settings: Settings) -> str:
    """Who runs executions: the setting, else the login name."""
    if settings.creator:
        return settings.creator
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in many containers
        return str(os.getuid())
