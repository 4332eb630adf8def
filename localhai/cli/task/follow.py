"""A task in sight of a person: a line for each execution that ends, Ctrl-C, the table, the exit code."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from localhai.cli import formats, output
from localhai.cli.execution.follow import exit_code, signal_word
from localhai.cli.execution.streams import make_stream
from localhai.cli.table import Column, print_table
from localhai.errors import UsageError
from localhai.executions.reuse.explain import outcome
from localhai.executions.run.observer import Observer
from localhai.executions.run.stop import Interruption, signals_ask
from localhai.project.parity import telling_sentence
from localhai.tasks import comparison
from localhai.tasks.running import TaskObserver

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from localhai.cli.call import Call
    from localhai.cli.task.requested import GivenTask
    from localhai.executions.log.log import EventStream
    from localhai.tasks.plan import TaskPlan
    from localhai.tasks.sweep import Child
    from localhai.tasks.task import Task


class TaskScreen(TaskObserver):
    """Says on stderr what ends; with `output`, shows what the executions write, with their numbers before it."""

    def __init__(self, plan: TaskPlan, *, quiet: bool, output: bool) -> None:
        self._plan = plan
        self._quiet = quiet
        self._output = output
        self._ended = 0

    def child(self, child: Child) -> Observer:
        return _ChildScreen(child) if self._output else Observer()

    def ended(self, child: Child, status: str, execution: Mapping[str, Any] | None) -> None:
        self._ended += 1
        if self._quiet:
            return
        name = "an execution" if execution is None else f"#{execution['counter']}"
        parts = [f"{self._ended}/{self._plan.count}", name, one_line(child.parameters)]
        found = execution or {}
        metric = self._plan.target.metric if self._plan.target else None
        known = found.get("metadata") or {}
        parts.append(output.status_word(status, sys.stderr))
        if metric in known:
            parts.append(f"{metric}={formats.number(known[metric])}")
        if found.get("duration") is not None:
            parts.append(f"({formats.duration(found['duration'])})")
        reuse = found.get("reuse")
        parts.append("reused" if reuse and reuse["hit"] else "")
        output.say(" ".join(part for part in parts if part))
        if reuse and not reuse["hit"]:
            output.hint(outcome(reuse) or "")
        if status == "error" and found.get("error"):
            output.hint(f"{found['error']}: localhai execution logs {found['counter']}")

    def said(self, text: str) -> None:
        output.say(text)


class _ChildScreen(Observer):
    def __init__(self, child: Child) -> None:
        self._name = str(child.number + 1)
        self._streams = {
            "stdout": make_stream(sys.stderr, self._name),
            "stderr": make_stream(sys.stderr, self._name, colour="yellow"),
        }

    def output(self, stream: EventStream, data: bytes) -> None:
        self._streams[stream].write(data)

    def finished(self, execution: Mapping[str, Any]) -> None:  # noqa: ARG002  # the observer's signature
        for stream in self._streams.values():
            stream.end()


def follow(
    call: Call,
    plan: TaskPlan,
    work: Callable[..., Task],
    given: GivenTask,
) -> int:
    """Do `work` under signals and show what it came to; gives the exit code (docs/json.md).

    `work` takes `observer` and `interruption`.
    """
    screen = TaskScreen(plan, quiet=given.quiet, output=given.output)
    interruption = Interruption()
    if not given.quiet:
        output.say(f"task {plan.name} over step {plan.step}: {executions(plan.count)}")
        for note in (*plan.notes, telling_sentence(plan.parity)):
            if note:
                output.say(note)
    with signals_ask(interruption, _say_interrupted):
        task = work(observer=screen, interruption=interruption)
    try:
        show(call, task, given.sort)
    except UsageError as error:  # a column that turned out not to be: what was made is shown all the same
        output.say(f"{error.message}; {error.hints[0]}")
        show(call, task, None)
    if not given.quiet:
        output.say(ending(task))
    return exit_code(task.record.status, interrupted=interruption.asked)


def show(call: Call, task: Task, sort: str | None) -> None:
    """The table of a task, or its one JSON document."""
    document = task.to_dict()
    document["executions"] = sorted_rows(document["executions"], sort)
    if call.json:
        output.emit_json(document)
    else:
        print_rows(document["executions"], call.format, document["best"])


def ending(task: Task) -> str:
    """How it ended, in a sentence."""
    record = task.record
    text = f"task #{record.counter} {record.name}: {output.status_word(record.status, sys.stderr)}"
    if record.document.get("error"):
        text += f": {record.document['error']}"
    if record.status not in {"complete", "started"}:
        text += f"; go on with: localhai task resume {record.counter}"
    return text


def executions(count: int) -> str:
    """`1 execution`, `12 executions`."""
    return f"{count} execution{'' if count == 1 else 's'}"


def _say_interrupted(number: int, level: int) -> None:
    name = signal_word(number)
    if level == 1:
        output.say(f"{name}: stopping the task; once more forces it")
    else:
        output.say(f"{name} again: killing its executions")


def sorted_rows(rows: list[dict[str, Any]], column: str | None) -> list[dict[str, Any]]:
    """Rows by a column that was typed; in their order without. Raises UsageError."""
    if column is None:
        return rows
    try:
        return comparison.by_column(rows, column)
    except KeyError as error:
        hints = [f"columns: {error.args[0]}", f"largest first: --sort=-{column.lstrip('-')}"]
        raise UsageError(f"there is no column {column.lstrip('-')!r}", hints=hints) from None


def print_rows(rows: Sequence[Mapping[str, Any]], form: str, best: int | None = None) -> None:
    """One line for each execution, that of number `best` is marked. For machines, durations are in seconds."""
    parameters = list(dict.fromkeys(name for row in rows for name in row["parameters"]))
    keys = comparison.metadata_keys(rows)
    human = form == "human"
    columns = [Column("#", right=True), Column("Status")]
    columns += [Column(f"--{name}", right=True) for name in parameters]
    columns += [Column(key, right=True) for key in keys]
    columns.append(Column("Duration", right=True))
    if best is not None:
        columns.append(Column("Best"))
    table = []
    for row in rows:
        cells = [row["counter"], row["status"]]
        cells += [_shown(row["parameters"], name, human=human) for name in parameters]
        cells += [_shown(row["metadata"], key, human=human) for key in keys]
        cells.append(formats.duration(row["duration"]) if human else row["duration"])
        if best is not None:
            cells.append("best" if row["number"] == best else None)
        table.append(cells)
    print_table(columns, table, form=form)


def _shown(values: Mapping[str, Any], key: str, *, human: bool) -> str | None:
    if key not in values:
        return None
    return formats.number(values[key]) if human else formats.value(values[key])


def one_line(parameters: Mapping[str, Any]) -> str:
    """`lr=0.1 epochs=5`."""
    return " ".join(f"{name}={formats.number(value)}" for name, value in parameters.items())
