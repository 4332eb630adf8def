"""All that is known of one execution, for whoever looks at it: its JSON shape and what that leaves out (page.md 4)."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from localhai.app.step_form import command_of, defaults_of, form_of, step_of
from localhai.errors import FilesNotHere
from localhai.executions.execution import Execution
from localhai.executions.log.growing_summary import growing_summary
from localhai.executions.log.index import LOG
from localhai.executions.log.lines import LONGEST, LogLine, lines_of
from localhai.executions.log.metadata import read_summary
from localhai.executions.run.secrets import MASK
from localhai.project.names import option_name
from localhai.system import strict_json
from localhai.system.text import cut as cut_text
from localhai.vocabulary import FINAL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from valohai_yaml.objs import Step

    from localhai.executions.home import Home
    from localhai.executions.log.metadata import Summary
    from localhai.records import ExecutionRecord

MOST = 1000  # metadata keys and outputs
LAST_LINES = 20
_LOOKED_AT = 200  # lines at the end of a log, among which hints and last lines are
_FAILED = frozenset({"error", "crashed"})
_END = "Execution #"  # how the last line of localhai's own begins


class Turns(Struct, frozen=True):
    """What a server runs now, and how many executions at once it may."""

    running: int
    jobs: int


def details(home: Home, record: ExecutionRecord, turns: Turns | None = None) -> dict[str, Any]:
    """page.md 4.1. Texts are cut to a length; what was cut is named in `truncated`. Raises RecordsUnavailable."""
    execution = Execution(home, record)
    shape = execution.to_dict()
    files = _missing(execution)
    summary = None if files else _summary(home, record)
    step = step_of(home, record)
    metadata = summary.latest if summary is not None else shape["metadata"]
    tail = _tail(home, record) if not files and record.folder else []
    failed = shape["status"] in _FAILED
    found = {
        **shape,
        "project_id": record.project_id,
        "digest": shape["image_digest"],
        "command_before": None if step is None else command_of(step),
        "parameter_defaults": None if step is None else defaults_of(step),
        "form": None if step is None else form_of(step),
        "creator": record.document.get("user"),
        "statuses": [
            {"status": str(change.new), "at": change.time, "by": change.by}
            for change in home.records.executions.status_changes(record.id)
        ],
        "queue": _queue(home, record, turns),
        "hints": _hints(tail) if failed else [],
        "log": _log(home, record, there=not files),
        "last_lines": [line.to_dict() for line in tail[-LAST_LINES:]] if failed else [],
        "metadata": dict(list(metadata.items())[:MOST]),
        "metadata_count": len(metadata),
        "metrics": _metrics(summary),
        "outputs": shape["outputs"][:MOST],
        "outputs_count": len(shape["outputs"]),
        "commands": commands(record, step),
        "task": _task(home, record),
        "pipeline": home.records.overview.node_of(record.id),
        "files": files,
        "links": {
            "display": f"/p/{record.project_id}/execution/{record.id}/",
            "api": f"/api/v0/executions/{record.id}/",
        },
    }
    truncated: list[str] = []
    shown = {name: cut(value, name, truncated) for name, value in found.items()}
    return {**shown, "truncated": truncated}


def cut(value: Any, path: str, truncated: list[str]) -> Any:
    """A JSON value whose texts have some length; where they had more is added to `truncated`."""
    if isinstance(value, str):
        if len(value) <= LONGEST:
            return value
        truncated.append(path)
        return cut_text(value, LONGEST)
    if isinstance(value, dict):
        return {
            cut(name, path, truncated): cut(item, f"{path}.{name[:LONGEST]}", truncated) for name, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [cut(item, f"{path}.{number}", truncated) for number, item in enumerate(value)]
    return value


def _missing(execution: Execution) -> str | None:
    """Why log and files are not here."""
    try:
        execution.require_folder()
    except FilesNotHere as error:
        return "; ".join([error.message, *error.hints])
    return None


def _summary(home: Home, record: ExecutionRecord) -> Summary | None:
    """Also of one that another process runs."""
    if not record.folder:
        return None
    folder = home.folder / record.folder
    try:
        return read_summary(folder) if record.status in FINAL else growing_summary(folder).read()
    except (OSError, ValueError):  # spoiled: what is on record stays
        return None


def _metrics(summary: Summary | None) -> dict[str, Any]:
    if summary is None:
        return {}
    return {
        name: {"latest": key.latest, "min": key.minimum, "max": key.maximum, "count": key.count}
        for name, key in list(summary.keys.items())[:MOST]
    }


def _log(home: Home, record: ExecutionRecord, *, there: bool) -> dict[str, Any]:
    complete = record.status in FINAL
    if not record.folder or not there:
        return {"lines": 0, "bytes": 0, "complete": complete}
    folder = home.folder / record.folder
    try:
        size = (folder / LOG).stat().st_size
        return {"lines": lines_of(folder).total(complete=complete), "bytes": size, "complete": complete}
    except OSError:
        return {"lines": 0, "bytes": 0, "complete": complete}


def _tail(home: Home, record: ExecutionRecord) -> list[LogLine]:
    if record.status not in _FAILED:
        return []
    try:
        return lines_of(home.folder / record.folder).page(-_LOOKED_AT, _LOOKED_AT, complete=True).lines
    except OSError:
        return []


def _hints(tail: Sequence[LogLine]) -> list[str]:
    """What localhai said after the last line of the step, but for how it ended."""
    said: list[str] = []
    for line in reversed(tail):
        if line.event.stream != "status":
            break
        if not line.event.message.startswith(_END):
            said.insert(0, line.event.message)
    return said


def _queue(home: Home, record: ExecutionRecord, turns: Turns | None) -> dict[str, Any] | None:
    """Its place among all that wait, and why it does. None: it does not wait for a server."""
    if record.status != "queued" or record.owner is not None:
        return None
    waiting = sorted(home.records.queue.waiting(), key=lambda entry: (-entry.priority, entry.id))
    place = next((number for number, entry in enumerate(waiting, 1) if entry.id == record.id), None)
    if place is None:
        return None
    before = f"{place - 1} wait before it" if place > 1 else "it is the next"
    if turns is None:
        return {"place": place, "why": f"it waits for `localhai serve`; {before}"}
    return {"place": place, "why": f"{turns.running} of at most {turns.jobs} run at once (--jobs); {before}"}


def _task(home: Home, record: ExecutionRecord) -> dict[str, Any] | None:
    task_id = home.records.tasks.of_execution(record.id)
    if task_id is None:
        return None
    task = home.records.tasks.get(task_id)
    return {"id": task.id, "counter": task.counter, "name": task.name}


def commands(record: ExecutionRecord, step: Step | None) -> dict[str, str]:
    """What makes it again, or shows more of it, in a terminal. No secret is among them."""
    options = " ".join(_options(record, step))
    run = f"run {quote(record.step)}" + (f" {options}" if options else "")
    return {
        "localhai": f"localhai {run}",
        "vh": f"vh execution {run.replace('run', 'run --adhoc', 1)}",
        "shell": f"localhai shell {record.counter}",
        "rerun": f"localhai rerun {record.counter}",
    }


def _options(record: ExecutionRecord, step: Step | None) -> Iterator[str]:
    """Parameters that are not what the step says."""
    defaults = {} if step is None else defaults_of(step)
    given: Mapping[str, Any] = record.document.get("parameters") or {}
    for name, value in given.items():
        if name in defaults and defaults[name] == value:
            continue
        for item in value if isinstance(value, list) else [value]:
            text = item if isinstance(item, str) else strict_json.dumps(item)
            if MASK.decode() not in text and len(text) <= LONGEST:
                yield quote(f"--{option_name(name)}={text}")
