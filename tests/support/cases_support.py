"""Cases: one behaviour per folder of tests/cases, with what must come out of it. The dataclasses are the format."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import structs

from localhai.app.open_project import OpenProject
from localhai.project.overrides import Overrides
from localhai.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from localhai.app.open_project import OpenProject
    from localhai.errors import LocalhaiError
    from localhai.executions.execution import Execution
    from localhai.executions.home import Home
    from localhai.executions.run.context import RunOptions
    from localhai.project.plan import ExecutionPlan

CASES = Path(__file__).parents[1] / "cases"
EXPECTED = "expected.json"
ASIDE = (EXPECTED, "s3")  # what of a case's folder is not part of the project
TEXTS = ("valohai.yaml", "localhai.toml")  # files in which <http> and <project> are filled in

T = TypeVar("T")


@dataclass(frozen=True)
class Refused:
    """An error in place of an execution.

    `at` is `plan`, `reuse` (nothing may run where nothing can be reused), or `start`: then an execution was recorded.
    """

    kind: str
    exit_code: int
    message: str
    hints: list[str] = field(default_factory=list)
    at: str = "plan"


@dataclass(frozen=True)
class Ended:
    """What an execution came to; what is None is not looked at."""

    status: str
    exit_code: int | None = None
    cli_exit_code: int | None = None
    error: str | None = None
    stdout: Sequence[str] | None = None
    stderr: Sequence[str] | None = None
    log_has: list[str] = field(default_factory=list)
    log_lacks: list[str] = field(default_factory=list)
    metadata: Mapping[str, Any] | None = None
    metadata_events: Sequence[Mapping[str, Any]] | None = None
    outputs: Sequence[Mapping[str, Any]] | None = None
    inputs: Mapping[str, Sequence[Mapping[str, Any]]] | None = None
    record: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Before:
    """What happens before a run: files of the project become others, outputs (`RUN:NAME`) are deleted or spoiled."""

    files: Mapping[str, str | None] = field(default_factory=dict)
    purge: Sequence[str] = ()
    spoil: Mapping[str, str] = field(default_factory=dict)

    def happen(self, project: Path, home: Home, outputs: Mapping[str, str], fill: Mapping[str, str]) -> None:
        """Do all of it; `outputs` are ids by `RUN:NAME`."""
        _write(project, filled(dict(self.files), fill))
        data = {name: home.records.data.get(outputs[name]) for name in (*self.purge, *self.spoil)}
        for name in self.purge:
            home.store.delete(data[name].uri)
            home.records.data.purge([data[name].id])
        for name, text in self.spoil.items():
            path = Path(data[name].path)
            path.chmod(0o644)
            path.write_text(text)


@dataclass(frozen=True)
class Run:
    """One `run` of a case: what is asked for, and the expectations `plan`, `refused`, `ended` and `reuse`.

    One with `reuse` asks for reuse, and expects this of the record's `reuse`.
    """

    step: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, Any] = field(default_factory=dict)
    environment_variables: Mapping[str, str] = field(default_factory=dict)
    image: str | None = None
    environment: str | None = None
    time_limit: Any = None
    title: str | None = None
    tags: Sequence[str] = ()
    commit: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    fail_on_cache_miss: bool = False
    before: Before = field(default_factory=Before)
    plan: Mapping[str, Any] | None = None
    refused: Refused | None = None
    ended: Ended | None = None
    reuse: Mapping[str, Any] | None = None

    @property
    def starts(self) -> bool:
        """Whether it takes an engine to see what is expected."""
        is_seen = self.ended is not None or self.reuse is not None
        return is_seen or (self.refused is not None and self.refused.at != "plan")

    def options(self, options: RunOptions) -> RunOptions:
        """`options` of the project, and what the run asks for."""
        return structs.replace(
            options,
            secrets={**options.secrets, **self.secrets},
            reuse=self.reuse is not None or self.fail_on_cache_miss,
            fail_on_cache_miss=self.fail_on_cache_miss,
        )

    def overrides(self, fill: Mapping[str, str]) -> Overrides:
        return Overrides(
            parameters=dict(self.parameters),
            inputs=filled(dict(self.inputs), fill),
            environment_variables=dict(self.environment_variables),
            image=self.image,
            environment=self.environment,
            time_limit=self.time_limit,
            title=self.title,
            tags=tuple(self.tags),
        )


@dataclass(frozen=True)
class Case:
    """One folder of tests/cases."""

    name: str
    folder: Path
    about: str
    reference: Sequence[str]
    runs: Sequence[Run]
    files: Mapping[str, str] = field(default_factory=dict)
    git: Sequence[Mapping[str, Any]] = ()
    http: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    images: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def starts(self) -> bool:
        return any(run.starts for run in self.runs)

    def lay_out(self, project: Path, fill: Mapping[str, str]) -> None:
        """The project of this case as a user has it, in the new folder `project`."""
        project.mkdir()
        if self.git:
            _git(project, "init", "--quiet", "--initial-branch=main")
        for commit in self.git:
            _write(project, commit["files"])
            _git(project, "add", "--all", "--force")
            _git(project, "commit", "--quiet", "--message", commit["message"])
            if "tag" in commit:
                _git(project, "tag", commit["tag"])
        shutil.copytree(self.folder, project, dirs_exist_ok=True, ignore=_leave_aside(self.folder))
        _write(project, self.files)
        for path in (project / name for name in TEXTS):
            if path.exists():
                path.write_text(filled(path.read_text(), fill))


def load_cases() -> list[Case]:
    """All cases, by name. Raises ValueError for a key that the format does not have."""
    return [_load(path.parent) for path in sorted(CASES.glob(f"*/{EXPECTED}"))]


def _load(folder: Path) -> Case:
    values = json.loads((folder / EXPECTED).read_text())
    runs = []
    for number, run in enumerate(values.pop("runs"), 1):
        where = f"{folder.name}, run {number}"
        for key, kind in (("before", Before), ("refused", Refused), ("ended", Ended)):
            if key in run:
                run[key] = _read(kind, run[key], f"{where}, {key}")
        runs.append(_read(Run, run, where))
    return _read(Case, {**values, "name": folder.name, "folder": folder, "runs": runs}, folder.name)


def _read(kind: type[T], values: Mapping[str, Any], where: str) -> T:
    unknown = values.keys() - {item.name for item in fields(kind)}  # type: ignore[arg-type]  # dataclasses only
    if unknown:
        raise ValueError(f"{where}: {EXPECTED} knows no {', '.join(sorted(unknown))}")
    return kind(**values)


def _leave_aside(top: Path) -> Any:
    return lambda folder, names: [name for name in names if Path(folder) == top and name in ASIDE]


def _write(project: Path, files: Mapping[str, str | None]) -> None:
    for name, text in files.items():
        path = project / name
        if text is None:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _git(project: Path, *arguments: str) -> None:
    who = ("-c", "user.name=Case", "-c", "user.email=case@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *arguments], cwd=project, check=True, capture_output=True)


def open_case(project: Path, run: Run, home: Home, **flags: Any) -> OpenProject:
    """The project, with its own localhai.toml and the settings that the run adds; none of this machine's."""
    settings = Settings.load(project, flags={"home": home.folder, **flags, **run.settings}, environ={})
    return OpenProject.at(project, home=home, settings=settings)


def filled(value: Any, fill: Mapping[str, str]) -> Any:
    """`value` with each `<NAME>` of `fill` replaced, in texts at any depth."""
    if isinstance(value, str):
        for name, text in fill.items():
            value = value.replace(f"<{name}>", text)
        return value
    if isinstance(value, dict):
        return {key: filled(item, fill) for key, item in value.items()}
    return [filled(item, fill) for item in value] if isinstance(value, list) else value


# What came out, next to what is expected.

_ID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def matches(pattern: str, text: str) -> bool:
    """Whether `text` is `pattern`, in which `<any>` stands for anything and `<id>` for a UUID."""
    expression = re.escape(pattern).replace("<any>", ".*").replace("<id>", _ID)
    return re.fullmatch(expression, text, re.DOTALL) is not None


def aligned(actual: Any, expected: Any) -> Any:
    """`actual`, in which what matches a pattern of `expected` has become that pattern: then `==` and its diff do."""
    if isinstance(expected, str) and isinstance(actual, str):
        return expected if matches(expected, actual) else actual
    if isinstance(expected, dict) and isinstance(actual, dict):
        return {key: aligned(value, expected.get(key)) for key, value in actual.items()}
    if isinstance(expected, (list, tuple)) and isinstance(actual, (list, tuple)):
        return [aligned(value, expected[n] if n < len(expected) else None) for n, value in enumerate(actual)]
    return actual


def plan_facts(plan: ExecutionPlan, expected: Mapping[str, Any]) -> dict[str, Any]:
    """Of a plan, what is expected of it; of `limits` and `environment_variables` only the expected keys."""
    facts = plan.to_dict()
    facts["inputs"] = {item["name"]: item["uris"] for item in facts["inputs"]}
    facts["parity"] = [note["key"] for note in facts["parity"] if note["level"] != "emulated"]
    facts["mounts"] = [{key: value for key, value in mount.items() if value} for mount in facts["mounts"]]
    for key in ("limits", "environment_variables"):
        facts[key] = {name: value for name, value in facts[key].items() if name in expected.get(key, {})}
    return {key: aligned(facts[key], expected[key]) for key in expected}


def expected_error(run: Run, fill: Mapping[str, str]) -> Refused | None:
    """What the run is refused with, filled in."""
    return None if run.refused is None else replace(run.refused, message=filled(run.refused.message, fill))


def error_facts(error: LocalhaiError, expected: Refused) -> Refused:
    """An error as a Refused; of its hints those that were expected."""
    text = "\n".join(error.hints)
    return Refused(
        type(error).__name__,
        error.exit_code,
        aligned(error.message, expected.message),
        [hint for hint in expected.hints if hint in text],
        expected.at,
    )


def execution_facts(execution: Execution, expected: Mapping[str, Any]) -> dict[str, Any]:
    """Of an execution, what `expected` (from `expected_facts`) asks for."""
    from localhai.cli.execution.follow import exit_code

    events = list(execution.events())
    log = [event.message for event in events]
    facts: dict[str, Any] = {
        "status": execution.status,
        "exit_code": execution.exit_code,
        "cli_exit_code": exit_code(execution.status, interrupted=False),
        "error": execution.error,
        "stdout": [event.message for event in events if event.stream == "stdout"],
        "stderr": [event.message for event in events if event.stream == "stderr"],
        "log_has": [text for text in expected["log_has"] if any(matches(f"<any>{text}<any>", line) for line in log)],
        "log_lacks": [text for text in expected["log_lacks"] if not any(text in line for line in log)],
        "metadata": execution.metadata,
        "metadata_events": [{k: v for k, v in item.items() if k != "_time"} for item in execution.metadata_events()],
        "outputs": _outputs(execution, expected.get("outputs", ())),
        "inputs": _inputs(execution, expected.get("inputs", {})),
        "record": {key: execution.to_dict()[key] for key in expected["record"]},
    }
    return {key: aligned(facts[key], expected[key]) for key in expected}


def reuse_facts(execution: Execution, expected: Mapping[str, Any]) -> dict[str, Any]:
    """Of the `reuse` of a record, what is expected of it."""
    found = execution.to_dict()["reuse"] or {}
    return aligned({key: value for key, value in found.items() if key in expected}, expected)


def expected_facts(expected: Ended) -> dict[str, Any]:
    """An Ended as a mapping, without what is not looked at."""
    values = {item.name: getattr(expected, item.name) for item in fields(Ended)}
    return {name: value for name, value in values.items() if value is not None}


def _outputs(execution: Execution, expected: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for number, output in enumerate(execution.outputs):
        wanted = expected[number] if number < len(expected) else {"name"}
        text = Path(output["path"] or output["uri"]).read_text(errors="replace") if "text" in wanted else None
        found.append({key: value for key, value in {**output, "text": text}.items() if key in wanted})
    return found


def _inputs(
    execution: Execution, expected: Mapping[str, Sequence[Mapping[str, Any]]]
) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for item in execution.inputs:
        wanted = expected.get(item["name"], ())
        found[item["name"]] = [
            {key: value for key, value in file.items() if key in (wanted[number] if number < len(wanted) else {"name"})}
            for number, file in enumerate(item["files"])
        ]
    return found
