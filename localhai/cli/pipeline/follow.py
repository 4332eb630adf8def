"""A pipeline run in sight of a person: each line behind its node's name, Ctrl-C, the table, the exit code."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

from localhai.app.start import run_pipeline
from localhai.cli import formats, output
from localhai.cli.execution.follow import exit_code, signal_word
from localhai.cli.pipeline.list import print_nodes
from localhai.errors import InputNotFound, NotReused
from localhai.executions.log.log import LineAssembler, displayed
from localhai.executions.run.observer import Observer
from localhai.executions.run.stop import Interruption, signals_ask
from localhai.pipelines.running import PipelineObserver, PipelineStart
from localhai.vocabulary import WAITING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

    from localhai.cli.call import Call
    from localhai.cli.pipeline.live import LiveTable
    from localhai.cli.pipeline.requested import GivenPipeline, RequestedPipeline
    from localhai.errors import LocalhaiError
    from localhai.executions.log.log import EventStream
    from localhai.pipelines.runners import Kept, Made
    from localhai.pipelines.state import Change
    from localhai.records.pipelines import Pipeline


def follow(
    call: Call,
    requested: RequestedPipeline,
    given: GivenPipeline,
    kept: Mapping[str, Kept] | None = None,
    reused: Mapping[str, Kept] | None = None,
    begun: Mapping[str, Made] | None = None,
) -> int:
    """Run it under a screen and under signals; gives the exit code (docs/json.md)."""
    screen = PipelineScreen(as_json=call.json, quiet=given.quiet)
    interruption = Interruption()
    start = PipelineStart(
        requested.sources,
        requested.plan,
        given.over(requested.sources.project.options()),
        jobs=given.jobs,
        title=given.title,
        tags=given.tags,
        approve_all=given.approve_all,
        kept=kept or {},
        reused=reused or {},
        begun=begun or {},
    )
    try:
        with signals_ask(interruption, lambda number, level: _say_interrupted(screen, number, level)):
            record = run_pipeline(start, observer=screen, interruption=interruption)
    finally:
        screen.close()
    if call.json:
        output.emit_json(record.to_dict())
    elif not given.quiet:
        print_summary(record, sys.stderr)
    elif record.status != "complete":
        output.say(f"pipeline #{record.counter} {record.name}: {record.status}: {record.document.get('error')}")
    if screen.missed is not None and record.status == "error":
        return screen.missed.exit_code
    return exit_code(record.status, interrupted=interruption.asked)


def _say_interrupted(screen: PipelineScreen, number: int, level: int) -> None:
    name = signal_word(number)
    if level == 1:
        screen.interrupted(f"{name}: stopping {screen.what} and its nodes; once more forces it")
    else:
        screen.interrupted(f"{name} again: killing the nodes of {screen.what}")


_COLOURS = ("cyan", "magenta", "green", "blue", "yellow", "bright_cyan", "bright_magenta", "bright_green")
_SAID = frozenset({"started", "queued", "created"})  # the execution's own line says more


class PipelineScreen(PipelineObserver):
    """Output of nodes to stdout and stderr, localhai's words to stderr; with `as_json` everything to stderr."""

    def __init__(self, *, as_json: bool, quiet: bool) -> None:
        self.what = "the pipeline"
        self.counter: int | None = None
        self._as_json = as_json
        self._quiet = quiet
        self._lock = threading.Lock()
        self._width = 0
        self._colours: dict[str, str] = {}
        self._hints: dict[str, list[str]] = {}
        self.missed: NotReused | None = None
        self._live: LiveTable | None = None

    def started(self, pipeline: Mapping[str, Any]) -> None:
        self.counter = pipeline["counter"]
        self.what = f"pipeline #{self.counter}"
        names = [node["name"] for node in pipeline["nodes"]]
        self._width = max(map(len, names), default=0)
        self._colours = {name: _COLOURS[number % len(_COLOURS)] for number, name in enumerate(names)}
        if self._wants_table():
            from localhai.cli.pipeline.live import LiveTable

            self._live = LiveTable(f"pipeline #{self.counter} {pipeline['name']}", names)
            self._live.open()
        commit = formats.commit(pipeline["commit"])
        self.status(f"pipeline #{self.counter} of {pipeline['project']}: {pipeline['name']}, {commit}")

    def _wants_table(self) -> bool:
        """Only where a person sees both streams."""
        both = output.is_terminal(sys.stdout) and output.is_terminal(sys.stderr)
        return both and not self._quiet and not self._as_json

    def close(self) -> None:
        """Nothing more comes."""
        if self._live is not None:
            self._live.close()
            self._live = None

    def made(self, node: str, counter: int) -> None:
        """An execution of a node has a number."""
        if self._live is not None:
            self._live.made(node, f"#{counter}")

    def changed(self, change: Change) -> None:
        if self._live is not None and change.node is not None and change.status is not None:
            self._live.changed(change.node, change.status)
        if change.node is None:
            if change.status == WAITING:
                self.status(f"pipeline #{self.counter} waits for approval")
            return
        if change.status == WAITING or (change.status is None and "approval" in (change.reason or "")):
            self.status(f"node {change.node}: {change.reason}; localhai pipeline approve {self.counter} {change.node}")
        elif change.status is None:
            self.status(f"node {change.node}: {change.reason}")
        elif change.status not in _SAID or change.reason:
            because = f": {change.reason}" if change.reason else ""
            self.status(f"node {change.node}: {output.status_word(change.status, sys.stderr)}{because}")
        with self._lock:
            for hint in self._hints.pop(change.node, ()):
                output.hint(hint)

    def status(self, text: str) -> None:
        if not self._quiet:
            with self._lock:
                output.say(text)

    def trouble(self, node: str, error: LocalhaiError) -> None:
        if isinstance(error, NotReused):
            self.missed = error
        self._hints[node] = _hints(node, error)  # said behind what they are about

    def of_node(self, node: str, attempt: int, name: str | None = None) -> Observer:
        return _NodeScreen(self, node, attempt, name)

    def interrupted(self, text: str) -> None:
        """Said at once, from a signal handler, which must not wait for a lock."""
        output.say(text)

    def write(self, node: str, stream: EventStream, lines: list[bytes], name: str | None = None) -> None:
        """Whole lines of a node; `name` is that of one of its executions."""
        if not lines or (self._quiet and self._as_json):
            return
        target: TextIO = sys.stdout if stream == "stdout" and not self._as_json else sys.stderr
        label = node if name is None else f"{node} {name}"
        prefix = output.style(f"{label.ljust(self._width)} | ", target, fg=self._colours.get(node))
        with self._lock:
            output.write(target, "".join(f"{prefix}{displayed(line)}\n" for line in lines))
            target.flush()


class _NodeScreen(Observer):
    def __init__(self, screen: PipelineScreen, node: str, attempt: int, name: str | None) -> None:
        self._screen = screen
        self._node = node
        self._attempt = attempt
        self._name = name
        self._lines: dict[EventStream, LineAssembler] = {}

    def started(self, execution: Mapping[str, Any]) -> None:
        self._screen.made(self._node, execution["counter"])
        again = f", attempt {self._attempt}" if self._attempt > 1 else ""
        self._screen.status(f"node {self._node}: execution #{execution['counter']} of step {execution['step']}{again}")

    def output(self, stream: EventStream, data: bytes) -> None:
        lines = self._lines.setdefault(stream, LineAssembler())
        self._screen.write(self._node, stream, [bytes(line) for line in lines.feed(data)], self._name)

    def finished(self, execution: Mapping[str, Any]) -> None:  # noqa: ARG002  # the node's status says it
        for stream, lines in self._lines.items():
            self._screen.write(self._node, stream, [bytes(line) for line in lines.end()], self._name)


def _hints(node: str, error: LocalhaiError) -> list[str]:
    """Files for the inputs of a node are named with the node, and by an address."""
    if not isinstance(error, InputNotFound):
        return list(error.hints)
    options = dict.fromkeys(f"--{node}.{name}=file:///..." for name, _, _ in error.missing)
    return [f"give files of this machine instead: {' '.join(options)}", *error.hints[1:]]


def print_summary(record: Pipeline, stream: TextIO) -> None:
    """How it ended, its nodes, and what to do next."""
    took = "" if record.duration is None else f" after {formats.duration(record.duration)}"
    output.write(
        stream, f"\npipeline #{record.counter} {record.name}: {output.status_word(record.status, stream)}{took}\n"
    )
    if record.document.get("error"):
        output.write(stream, f"  {record.document['error']}\n")
    output.write(stream, "\n")
    print_nodes(record, stream)
    if record.status != "complete":
        output.hint(f"run again what did not succeed: localhai pipeline rerun {record.counter} --from-failed")
    stream.flush()
