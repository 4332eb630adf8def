"""What a DAG file asks of Valohai, read from its text: no Airflow is needed, and nothing of the file runs. Pure."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct, field

EXECUTION = "ValohaiSubmitExecutionOperator"
PIPELINE = "ValohaiSubmitPipelineOperator"
PIPELINE_DAG = "pipeline_dag"
_SUBMITS = frozenset({EXECUTION, PIPELINE})

_GONE_MODULES = {
    "airflow.utils.dates": "give start_date as a datetime",
    "airflow.datasets": "import Asset from airflow.sdk",
    "airflow.operators.dummy": "import EmptyOperator from airflow.providers.standard.operators.empty",
    "airflow.operators.dummy_operator": "import EmptyOperator from airflow.providers.standard.operators.empty",
    "airflow.operators.python_operator": "import from airflow.providers.standard.operators.python",
    "airflow.operators.bash_operator": "import from airflow.providers.standard.operators.bash",
    "airflow.operators.subdag": "use a TaskGroup",
    "airflow.contrib": "import from the provider's package",
    "airflow.hooks.base_hook": "import BaseHook from airflow.sdk",
}
_GONE_NAMES = {("airflow.utils.decorators", "apply_defaults"): "leave it out: operators apply defaults themselves"}
_GONE_ARGUMENTS = {
    "schedule_interval": "write schedule=",
    "timetable": "write schedule=",
    "concurrency": "write max_active_tasks=",
    "default_view": "leave it out",
    "orientation": "leave it out",
    "sla_miss_callback": "leave it out",
}
_GONE_TASK_ARGUMENTS = {"sla": "leave it out", "task_concurrency": "write max_active_tis_per_dag="}


class Unknown:
    """A value that only running the file, or the task, would tell."""

    def __repr__(self) -> str:
        return "(known when the task runs)"


UNKNOWN = Unknown()


class Submission(Struct, frozen=True):
    """One operator: its class, the line, and what its arguments are as far as the text says it."""

    operator: str
    line: int
    arguments: Mapping[str, Any]
    mapped: bool = False

    @property
    def is_pipeline(self) -> bool:
        return self.operator in {PIPELINE, PIPELINE_DAG}

    @property
    def is_dag(self) -> bool:
        """A pipeline whose nodes are the tasks of a DAG of its own."""
        return self.operator == PIPELINE_DAG

    def get(self, name: str, default: Any = None) -> Any:
        """A value, or UNKNOWN."""
        return self.arguments.get(name, default)


class Refusal(Struct, frozen=True):
    """What Airflow 3 has no more: where, and what to write instead."""

    line: int
    message: str
    hint: str


class DagFile(Struct):
    """One file. `dags` are the names of DAGs that the text gives, `error` a mistake of its Python: (line, message)."""

    dags: list[str] = field(default_factory=list)
    submissions: list[Submission] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    error: tuple[int, str] | None = None

    @property
    def is_empty(self) -> bool:
        """It has nothing to do with Airflow."""
        return not (self.dags or self.submissions or self.error)


def read(text: str) -> DagFile:
    """Read one file's text."""
    found = DagFile()
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        found.error = (error.lineno or 1, error.msg)
        return found
    constants = _constants(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            _call(node, constants, found)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found.refused.extend(_imports(node))
        elif isinstance(node, ast.FunctionDef):
            found.dags.extend(node.name for item in node.decorator_list if _is_dag_decorator(item))
    found.submissions.sort(key=lambda item: item.line)
    found.refused.sort(key=lambda item: item.line)
    return found


def _constants(tree: ast.Module) -> dict[str, Any]:
    """Names that the file gives one literal value."""
    found: dict[str, Any] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            found[name] = UNKNOWN if name in found else value_of(node.value, found)
    return found


def value_of(node: ast.AST, constants: Mapping[str, Any]) -> Any:
    """A literal's value; in dicts and lists, UNKNOWN stands for the parts that are none."""
    if isinstance(node, ast.Name):
        return constants.get(node.id, UNKNOWN)
    if isinstance(node, (ast.List, ast.Tuple)):
        return [value_of(item, constants) for item in node.elts]
    if isinstance(node, ast.Dict):
        keys = [value_of(key, constants) if key else UNKNOWN for key in node.keys]
        values = [value_of(value, constants) for value in node.values]
        return UNKNOWN if UNKNOWN in keys else dict(zip(keys, values, strict=True))
    try:
        return ast.literal_eval(node)  # a constant or a signed number: nothing runs
    except (ValueError, TypeError):
        return UNKNOWN


def _name(node: ast.AST) -> str:
    """The last word of `a.b.c`."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _call(node: ast.Call, constants: Mapping[str, Any], found: DagFile) -> None:
    name = _name(node.func)
    given = {item.arg: item for item in node.keywords if item.arg}
    if name == "DAG" or _is_dag_decorator(node):
        found.refused.extend(_arguments(given, _GONE_ARGUMENTS, "DAG"))
        if name == "DAG":
            named = given["dag_id"].value if "dag_id" in given else node.args[0] if node.args else None
            value = value_of(named, constants) if named is not None else UNKNOWN
            found.dags.append(value if isinstance(value, str) else "(a name known when it runs)")
        return
    if name == PIPELINE_DAG:
        _pipeline_dag(node, given, constants, found)
        return
    if "task_id" in given:
        found.refused.extend(_arguments(given, _GONE_TASK_ARGUMENTS, name))
    partial = isinstance(node.func, ast.Attribute) and name == "partial"
    operator = _name(node.func.value) if partial and isinstance(node.func, ast.Attribute) else name
    if operator in _SUBMITS:
        values = {key: value_of(item.value, constants) for key, item in given.items()}
        found.submissions.append(Submission(operator, node.lineno, values, mapped=partial))


def _pipeline_dag(
    node: ast.Call, given: Mapping[str, ast.keyword], constants: Mapping[str, Any], found: DagFile
) -> None:
    """`pipeline_dag("NAME", project=...)`: a DAG, named as its pipeline."""
    found.refused.extend(_arguments(given, _GONE_ARGUMENTS, "DAG"))
    values = {key: value_of(item.value, constants) for key, item in given.items()}
    if node.args:
        values["pipeline"] = value_of(node.args[0], constants)
    name = values.get("dag_id", values.get("pipeline", UNKNOWN))
    found.dags.append(name if isinstance(name, str) else "(a name known when it runs)")
    known = {"task_id": name, "project_name": values.get("project", UNKNOWN)}
    known |= {key: values[key] for key in ("pipeline", "folder") if key in values}
    found.submissions.append(Submission(PIPELINE_DAG, node.lineno, known))


def _arguments(given: Mapping[str, ast.keyword], gone: Mapping[str, str], what: str) -> Iterator[Refusal]:
    for name, hint in gone.items():
        if name in given:
            yield Refusal(given[name].value.lineno, f"{what} has no argument {name} in Airflow 3", hint)


def _imports(node: ast.Import | ast.ImportFrom) -> Iterator[Refusal]:
    modules = [item.name for item in node.names] if isinstance(node, ast.Import) else [node.module or ""]
    for module in modules:
        for gone, hint in _GONE_MODULES.items():
            if module == gone or module.startswith(f"{gone}."):
                yield Refusal(node.lineno, f"there is no {module} in Airflow 3", hint)
    if isinstance(node, ast.ImportFrom):
        for item in node.names:
            found = _GONE_NAMES.get((node.module or "", item.name))
            if found:
                yield Refusal(node.lineno, f"there is no {node.module}.{item.name} in Airflow 3", found)


def _is_dag_decorator(node: ast.AST) -> bool:
    return _name(node.func if isinstance(node, ast.Call) else node) == "dag"
