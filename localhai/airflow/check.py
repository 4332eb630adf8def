"""What the DAGs of a folder will do in dev mode: their projects, steps, parameters and inputs, before anything runs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field, to_builtins

from localhai.airflow.reading import UNKNOWN, DagFile, Submission, Unknown, read
from localhai.app.projects import Places, find, known_projects
from localhai.errors import LocalhaiError, UsageError
from localhai.system.text import without_mark
from localhai.vocabulary import datum_uri

if TYPE_CHECKING:
    from localhai.settings import Settings

_IGNORED = frozenset({"__pycache__", ".git", ".venv", "node_modules"})


class CheckedTask(Struct):
    """One operator. `folder` is the project's, `problems` what would fail, `hints` what to do; sentences.

    For a pipeline that is a DAG of its own, `task` is the DAG and `nodes` are the tasks it will have.
    """

    task: str
    line: int
    project: str
    step: str | None
    pipeline: str | None
    folder: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)
    nodes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)


class CheckedFile(Struct):
    """One file: `airflow_3` is what Airflow 3 will refuse, `problems` what is wrong with the file as a whole."""

    file: str
    dags: list[str]
    tasks: list[CheckedTask] = field(default_factory=list)
    airflow_3: list[dict[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Nothing would fail in dev mode."""
        return not self.problems and not any(task.problems for task in self.tasks)

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {**to_builtins(self), "valid": self.is_good}


def check(folder: Path, *, settings: Settings) -> list[CheckedFile]:
    """Look at every Python file that has DAGs. Raises UsageError where there is no such file or folder."""
    if not folder.exists():
        raise UsageError(f"there is no {folder}")
    checked = []
    for path in _python_files(folder):
        found = read(without_mark(path.read_text(encoding="utf-8", errors="replace")))
        if not found.is_empty:
            checked.append(_file(path, found, settings))
    return checked


def _python_files(folder: Path) -> Iterator[Path]:
    if folder.is_file():
        yield folder
        return
    for path in sorted(folder.rglob("*.py")):
        if not _IGNORED & set(path.relative_to(folder).parts):
            yield path


def _file(path: Path, found: DagFile, settings: Settings) -> CheckedFile:
    checked = CheckedFile(str(path), found.dags, airflow_3=[to_builtins(item) for item in found.refused])
    if found.error is not None:
        checked.problems.append(f"line {found.error[0]}: this is no Python: {found.error[1]}")
    places = Places.around(path.absolute().parent, settings.home, known=known_projects)
    checked.tasks = [_task(item, places) for item in found.submissions]
    return checked


def _task(found: Submission, places: Places) -> CheckedTask:
    name = "pipeline" if found.is_pipeline else "step"
    checked = CheckedTask(
        task=str(found.get("task_id", UNKNOWN)),
        line=found.line,
        project=str(found.get("project_name", UNKNOWN)),
        step=None if found.is_pipeline else str(found.get("step", UNKNOWN)),
        pipeline=str(found.get("pipeline", UNKNOWN)) if found.is_pipeline else None,
        parameters=_shown(found.get("parameters", {})),
        inputs=_shown(found.get("inputs", {})),
    )
    project = found.get("project_name", UNKNOWN)
    if not _is_known(project):
        return checked
    try:
        folder = _given_folder(found, places) or find(project, places).folder
        checked.folder = str(folder)
        _compare(found, name, folder)
        if found.is_dag and _is_known(found.get("pipeline", UNKNOWN)):
            checked.nodes = _task_ids(folder, found.get("pipeline"))
    except LocalhaiError as error:
        checked.problems += [error.message, *(str(item.message) for item in getattr(error, "problems", ()))]
        checked.hints += error.hints
    return checked


def _given_folder(found: Submission, places: Places) -> Path | None:
    given = found.get("folder")
    if not isinstance(given, str) or places.beside is None:
        return None
    return Path(os.path.normpath(places.beside / Path(given).expanduser()))


def _task_ids(folder: Path, pipeline: str) -> list[str]:
    """Those that `pipeline_dag` will make, in their order. Raises UsageError and ProjectError."""
    from localhai.airflow.pipelines.description import read_pipeline

    return [task for item in read_pipeline(folder, pipeline).nodes for task in item.tasks.in_order()]


def _compare(found: Submission, name: str, folder: Path) -> None:
    """Raises ProjectError and UsageError for what valohai.yaml does not have, or does not take."""
    from localhai.project.config import load_config
    from localhai.project.folder import find_project
    from localhai.project.names import unknown

    config = load_config(find_project(folder).yaml).config
    asked = found.get(name, UNKNOWN)
    if not _is_known(asked):
        return
    known = config.pipelines if found.is_pipeline else config.steps
    if asked not in known and not found.is_dag:  # which takes the beginning of a name too
        raise unknown(name, f"{name}s", asked, list(known))
    if found.is_dag:
        return
    if found.is_pipeline:
        _names_known(
            "parameter",
            found.get("parameters", {}),
            [getattr(item, "name", str(item)) for item in config.pipelines[asked].parameters],
            asked,
        )
        return
    step = config.steps[asked]
    _names_known("parameter", found.get("parameters", {}), list(step.parameters), asked)
    _names_known("input", found.get("inputs", {}), list(step.inputs), asked)
    _plan(found, config, asked)


def _names_known(noun: str, given: Any, known: Sequence[str], of: str) -> None:
    from localhai.project.names import unknown

    for name in given if isinstance(given, dict) else ():
        if name not in known:
            raise unknown(noun, f"{noun}s", str(name), list(known), of=f" of {of}")


def _plan(found: Submission, config: Any, step: str) -> None:
    """Values that the text gives are cast as they will be, unless some are not known: then defaults stand in."""
    from localhai.project.overrides import Overrides
    from localhai.project.planning import plan

    parameters, inputs = found.get("parameters", {}), found.get("inputs", {})
    if found.mapped or not isinstance(parameters, dict) or not isinstance(inputs, dict):
        return
    if not all(_is_known(value) for value in parameters.values()):
        return
    stand_in = {name: value if _is_known(value) else datum_uri("known-when-it-runs") for name, value in inputs.items()}
    plan(config, step, Overrides(parameters=parameters, inputs=stand_in))


def _is_known(value: Any) -> bool:
    """It is no template, and no part of it is only known when the task runs."""
    if isinstance(value, list):
        return all(_is_known(item) for item in value)
    return value is not UNKNOWN and not (isinstance(value, str) and ("{{" in value or "{%" in value))


def _shown(values: Any) -> dict[str, Any]:
    if not isinstance(values, dict):
        return {"*": str(values)} if isinstance(values, Unknown) else {}
    return {str(name): _plain(value) for name, value in values.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Unknown) else value
