"""The project of a folder, also where that was renamed or moved: its repository tells that it is the same."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from localhai.executions.run.owner import has_files
from localhai.system.text import path_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from localhai.executions.home import Home
    from localhai.project.folder import ProjectFolder
    from localhai.records import Project

_LOOKED_AT = 20  # newest executions of a project


def project_of(home: Home, folder: ProjectFolder) -> Project:
    """Its row in the records, made the first time. What was a project in a folder that is gone follows it."""
    return home.records.projects.of_folder(
        folder.path, folder.name, declared=folder.declared, moved=lambda: _moved_from(home, folder)
    )


def _moved_from(home: Home, folder: ProjectFolder) -> Project | None:
    gone = gone_projects(home)
    if not gone:
        return None
    same = [project for project in gone if _is_of_repository(home, project, folder.path)]
    sure = [project for project in same if _is_whole(folder.path) or Path(project.path).name == folder.path.name]
    if len(sure) == 1:
        _tell(home, f"this folder is project {sure[0].name}, which was in {sure[0].path}: its history goes on here")
        return sure[0]
    for project in same or [item for item in gone if _is_alike(home, item, folder)]:
        _tell(
            home,
            f"project {project.name} was in {project.path}, which is gone; if it is this folder now, keep its history: "
            f"localhai project join {project.id}",
        )
    return None


def gone_projects(home: Home) -> list[Project]:
    """Projects of this home that have executions and whose folder is not there any more."""
    return [
        project
        for project in home.records.projects.list()
        if not path_of(project.path).exists() and not path_of(project.path).is_relative_to(home.folder)
        if any(has_files(home, row) for row in home.records.executions.list(project.id, limit=1, outputs=False))
    ]


def _is_of_repository(home: Home, project: Project, folder: Path) -> bool:
    """Whether a commit that one of its executions ran with is in the folder's repository."""
    from localhai.project import git

    if not git.in_repository(folder):
        return False
    return any(git.has_commit(folder, commit) for commit in _commits(home, project))


def _is_whole(folder: Path) -> bool:
    """Whether the folder is all of its repository: several projects may share one."""
    return (folder / ".git").exists()


def _commits(home: Home, project: Project) -> Sequence[str]:
    rows = home.records.executions.list(project.id, limit=_LOOKED_AT, outputs=False)
    found = [commit for row in rows for commit in (row.commit, row.document.get("base_commit"))]
    return list(dict.fromkeys(commit for commit in found if commit and not commit.startswith("~")))[:3]


def _is_alike(home: Home, project: Project, folder: ProjectFolder) -> bool:
    """Whether it had steps that the folder's valohai.yaml names: worth a question, no more."""
    try:
        text = folder.yaml.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    rows = home.records.executions.list(project.id, limit=_LOOKED_AT, outputs=False)
    return any(row.step in text for row in rows)


def _tell(home: Home, text: str) -> None:
    if home.tell is not None:
        home.tell(text)
