"""From what a person types to what is meant: `5`, `#5`, `=5`, `3-8`, `!6`, `latest`, an id or the beginning of one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol, TypeVar

from localhai.errors import ProjectError, UsageError
from localhai.system.text import clean, path_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from localhai.app.open_project import OpenProject
    from localhai.executions.home import Home
    from localhai.records import ExecutionRecord, Project
    from localhai.records.pipelines import Pipeline
    from localhai.records.tasks import TaskRecord

_range_re = re.compile(r"[#=]?(\d{1,7})-[#=]?(\d{1,7})")
WIDEST = 10_000


class _Record(Protocol):
    @property
    def id(self) -> str: ...


Found = TypeVar("Found", bound=_Record)


def find_executions(home: Home, project_id: str | None, words: Iterable[str]) -> list[ExecutionRecord]:
    """Those that are named, each once, in order, without those after a `!`.

    Counters are those of the project; those of a range that are gone are passed over. Raises UsageError.
    """
    executions = home.records.executions

    def within(counters: range) -> Sequence[ExecutionRecord]:
        return executions.list(project_id, counters=counters, limit=None)

    return _several("execution", project_id, words, lambda word: executions.find(word, project_id), within)


def find_pipelines(home: Home, project_id: str | None, words: Iterable[str]) -> list[Pipeline]:
    """As `find_executions`."""
    pipelines = home.records.pipelines

    def within(counters: range) -> Sequence[Pipeline]:
        return [row for row in pipelines.list(project_id, limit=WIDEST) if row.counter in counters]

    return _several("pipeline", project_id, words, lambda word: pipelines.find(word, project_id), within)


def find_tasks(home: Home, project_id: str | None, words: Iterable[str]) -> list[TaskRecord]:
    """As `find_executions`."""
    tasks = home.records.tasks

    def within(counters: range) -> Sequence[TaskRecord]:
        return [row for row in tasks.list(project_id, limit=WIDEST) if row.counter in counters]

    return _several("task", project_id, words, lambda word: tasks.find(word, project_id), within)


def _several(
    noun: str,
    project_id: str | None,
    words: Iterable[str],
    one: Callable[[str], Found],
    within: Callable[[range], Sequence[Found]],
) -> list[Found]:
    def named(word: str) -> Sequence[Found]:
        match = _range_re.fullmatch(word)
        if match is None:
            return [one(word)]
        counters = range(int(match[1]), int(match[2]) + 1)
        if project_id is None or not 0 < len(counters) <= WIDEST:
            hints = ["for example 5-8, in a project's folder"]
            raise UsageError(f"{word!r} is no range of {noun} numbers", hints=hints)
        found = within(counters)
        if not found:
            raise UsageError(f"there are no {noun}s {word}")
        return found[::-1]  # lists have the newest first

    wanted: dict[str, Found] = {}
    unwanted: set[str] = set()
    for word in words:
        if word.startswith("!"):
            unwanted |= {record.id for record in named(word[1:])}
        else:
            wanted.update({record.id: record for record in named(word)})
    return [record for key, record in wanted.items() if key not in unwanted]


def known_project(home: Home, start: Path) -> Project | None:
    """The project of this folder, or of the nearest one above, if something ran in it."""
    known = {project.path: project for project in home.records.projects.list()}
    return next((known[str(place)] for place in (start, *start.parents) if str(place) in known), None)


def project_of_execution(home: Home, record: ExecutionRecord, *, yaml: str | None = None) -> OpenProject:
    """Where its folder is still there, with the valohai.yaml that it ran by, or `yaml`. Raises ProjectError."""
    from localhai.app.open_project import OpenProject
    from localhai.project.folder import find_project
    from localhai.settings import Settings

    row = next(item for item in home.records.projects.list() if item.id == record.project_id)
    folder = find_project(path_of(row.path), yaml or record.document.get("yaml"))
    if clean(str(folder.path)) != row.path:
        raise ProjectError(
            f"the project {row.name} of execution #{record.counter} is not in {row.path} any more", where=row.path
        )
    return OpenProject(home, folder, Settings.load(folder.path))
