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
_LOOKED_AT = ("task_id", "project_name", "step", "pipeline", "parameters", "inputs")

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
    _Reader(tree, found).read(tree, {})
    found.submissions.sort(key=lambda item: item.line)
    found.refused.sort(key=lambda item: item.line)
    return found


class _Reader:
    """Goes through a file from the outside to the inside: a DAG's `default_args` hold for the tasks in it."""

    def __init__(self, tree: ast.Module, found: DagFile) -> None:
        self._found = found
        self._names = Names(tree)
        self._dags: dict[str, Mapping[str, Any]] = {}  # default_args by the variable of the DAG

    def read(self, node: ast.AST, defaults: Mapping[str, Any]) -> None:
        inside = defaults
        if isinstance(node, (ast.With, ast.AsyncWith)):
            for item in node.items:
                inside = {**inside, **defaults_of(item.context_expr, self._names, self._dags)}
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            inside = {**inside, **self._decorated(node)}
        elif isinstance(node, ast.Assign):
            self._assigned(node)
        elif isinstance(node, ast.Call):
            self._call(node, defaults)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            self._found.refused.extend(_imports(node))
        for child in ast.iter_child_nodes(node):
            self.read(child, inside)

    def _decorated(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Mapping[str, Any]:
        defaults: Mapping[str, Any] = {}
        for item in node.decorator_list:
            if self._is_dag_decorator(item):
                self._found.dags.append(node.name)
                defaults = defaults_of(item, self._names, self._dags)
        return defaults

    def _assigned(self, node: ast.Assign) -> None:
        """`dag = DAG(...)`, for `dag=dag` and `with dag:`."""
        if isinstance(node.value, ast.Call) and self._names.of(node.value.func) == "DAG":
            for target in node.targets:
                if isinstance(target, ast.Name):
                    self._dags[target.id] = defaults_of(node.value, self._names, self._dags)

    def _is_dag_decorator(self, node: ast.AST) -> bool:
        return self._names.of(node.func if isinstance(node, ast.Call) else node) == "dag"

    def _call(self, node: ast.Call, defaults: Mapping[str, Any]) -> None:
        name = self._names.of(node.func)
        given = {item.arg: item for item in node.keywords if item.arg}
        if name == "DAG" or self._is_dag_decorator(node):
            self._found.refused.extend(_arguments(given, _GONE_ARGUMENTS, "DAG"))
            if name == "DAG":
                named = given["dag_id"].value if "dag_id" in given else node.args[0] if node.args else None
                self._found.dags.append(_dag_name(self._names.value_of(named) if named is not None else UNKNOWN))
            return
        if name == PIPELINE_DAG:
            self._pipeline_dag(node, given)
            return
        if "task_id" in given:
            self._found.refused.extend(_arguments(given, _GONE_TASK_ARGUMENTS, name))
        partial = isinstance(node.func, ast.Attribute) and name == "partial"
        operator = self._names.of(node.func.value) if partial and isinstance(node.func, ast.Attribute) else name
        if operator in _SUBMITS:
            if "dag" in given:
                defaults = {**defaults, **defaults_of(given["dag"].value, self._names, self._dags)}
            values = {**defaults, **self._values(node)}
            self._found.submissions.append(Submission(operator, node.lineno, values, mapped=partial))

    def _values(self, node: ast.Call) -> dict[str, Any]:
        """Where some arguments are not known, any that is not written may be among them."""
        found = self._names.arguments(node)
        if found is not None:
            return found
        written = {item.arg: self._names.value_of(item.value) for item in node.keywords if item.arg}
        return {**dict.fromkeys(_LOOKED_AT, UNKNOWN), **written}

    def _pipeline_dag(self, node: ast.Call, given: Mapping[str, ast.keyword]) -> None:
        """`pipeline_dag("NAME", project=...)`: a DAG, named as its pipeline."""
        self._found.refused.extend(_arguments(given, _GONE_ARGUMENTS, "DAG"))
        values = {key: self._names.value_of(item.value) for key, item in given.items()}
        if node.args:
            values["pipeline"] = self._names.value_of(node.args[0])
        name = values.get("dag_id", values.get("pipeline", UNKNOWN))
        self._found.dags.append(_dag_name(name))
        known = {"task_id": name, "project_name": values.get("project", UNKNOWN)}
        known |= {key: values[key] for key in ("pipeline", "folder") if key in values}
        self._found.submissions.append(Submission(PIPELINE_DAG, node.lineno, known))


def _dag_name(value: Any) -> str:
    return value if isinstance(value, str) else "(a name known when it runs)"


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


class Names:
    """Read once for a file: `aliases` by `import ... as` and by assignment, and the `constants`."""

    def __init__(self, tree: ast.Module) -> None:
        self._aliases = dict(_aliases(tree))
        self.constants: dict[str, Any] = {}
        for node in tree.body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
                self._set(node.target.id, node.value)
            elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                self._set(node.targets[0].id, node.value)

    def _set(self, name: str, value: ast.expr) -> None:
        self.constants[name] = UNKNOWN if name in self.constants else self.value_of(value)

    def of(self, node: ast.AST) -> str:
        """The name of what `a.b.c` or `c` is, wherever and under whatever name it was imported."""
        if isinstance(node, ast.Attribute):
            return node.attr
        name = node.id if isinstance(node, ast.Name) else ""
        seen: set[str] = set()
        while name in self._aliases and name not in seen:
            seen.add(name)
            name = self._aliases[name]
        return name

    def value_of(self, node: ast.AST) -> Any:
        """A literal's value; in dicts and lists, UNKNOWN stands for the parts that are none."""
        if isinstance(node, ast.Name):
            return self.constants.get(node.id, UNKNOWN)
        if isinstance(node, (ast.List, ast.Tuple)):
            return [self.value_of(item) for item in node.elts]
        if isinstance(node, ast.Dict):
            return self._dict(node.keys, node.values)
        if isinstance(node, ast.Call) and self.of(node.func) == "dict" and not node.args:
            found = self.arguments(node)
            return UNKNOWN if found is None else found
        try:
            return ast.literal_eval(node)  # a constant or a signed number: nothing runs
        except (ValueError, TypeError):
            return UNKNOWN

    def _dict(self, keys: list[ast.expr | None], values: list[ast.expr]) -> Any:
        found: dict[Any, Any] = {}
        for key, value in zip(keys, values, strict=True):
            if key is None:  # **more
                more = self.value_of(value)
                if not isinstance(more, dict):
                    return UNKNOWN
                found |= more
                continue
            name = self.value_of(key)
            if isinstance(name, (Unknown, list, dict)):
                return UNKNOWN
            found[name] = self.value_of(value)
        return found

    def arguments(self, node: ast.Call) -> dict[str, Any] | None:
        """The keyword arguments of a call, those of `**more` too; None when some of them are not known."""
        found: dict[str, Any] = {}
        for item in node.keywords:
            if item.arg is not None:
                found[item.arg] = self.value_of(item.value)
                continue
            more = self.value_of(item.value)
            if not isinstance(more, dict):
                return None
            found |= more
        return found


def _aliases(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from ((item.asname, item.name) for item in node.names if item.asname and item.asname != item.name)
        elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            name, value = node.targets[0].id, node.value
            if isinstance(value, (ast.Name, ast.Attribute)):
                last = value.attr if isinstance(value, ast.Attribute) else value.id
                if last != name:
                    yield name, last


def defaults_of(node: ast.AST, names: Names, dags: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    """`default_args` of what opens a DAG or a task group: a call of its class or decorator, or the DAG by its name."""
    if isinstance(node, ast.Name):
        return dags.get(node.id, {})
    if not isinstance(node, ast.Call):
        return {}
    given = next((item.value for item in node.keywords if item.arg == "default_args"), None)
    found = names.value_of(given) if given is not None else {}
    return found if isinstance(found, dict) else {}
