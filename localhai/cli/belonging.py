"""The project that an execution belongs to, opened where its folder is still there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from localhai.errors import ProjectError
from localhai.system.text import clean, path_of

if TYPE_CHECKING:
    from localhai.cli.call import HomeView
    from localhai.executions.execution import Execution
    from localhai.executions.open_project import OpenProject


def project_of(look: HomeView, execution: Execution, *, yaml: str | None = None) -> OpenProject:
    """With the valohai.yaml that it ran by, or `yaml`. Raises ProjectError when the folder or that file is gone."""
    from localhai.executions.open_project import OpenProject
    from localhai.project.folder import find_project
    from localhai.settings import Settings

    row = next(item for item in look.home.records.projects.list() if item.id == execution.record.project_id)
    folder = find_project(path_of(row.path), yaml or execution.record.document.get("yaml"))
    if clean(str(folder.path)) != row.path:
        raise ProjectError(
            f"the project {row.name} of execution #{execution.counter} is not in {row.path} any more", where=row.path
        )
    return OpenProject(look.home, folder, Settings.load(folder.path))
