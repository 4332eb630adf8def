"""What must be so after every kill: nothing lost, nothing left, nothing twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from victims import LINES, until

from localhai.containers import labels
from localhai.containers.docker.connect import connect
from localhai.executions.log.log import read_events
from localhai.records import Records
from localhai.vocabulary import FINAL

if TYPE_CHECKING:
    from victims import Bench

MANY = 10_000
_looked_at: set[str] = set()
_said: set[str] = set()


def check_round(bench: Bench) -> list[str]:
    """Everything comes to an end by itself, once any localhai has looked; then look at what is new."""
    return [fault for fault in _round(bench) if fault not in _said and not _said.add(fault)]  # type: ignore[func-returns-value]


def check_all(bench: Bench) -> list[str]:
    """At the very end: what waits for a server, counters and caches of the whole."""
    return [*_waiting(bench), *_counters(bench), *_caches(bench)]


def _round(bench: Bench) -> Iterator[str]:
    for error in bench.errors:
        text = error.read_text(errors="replace")
        yield from (f"{word!r} in stderr: {text[-1500:]}" for word in ("Traceback", "made a mistake") if word in text)
    looked = bench.call("execution", "list", "--json")
    if looked.returncode != 0 or "Traceback" in looked.stderr:
        yield f"execution list gave {looked.returncode}: {looked.stderr}"
    waiting = _left_queued(bench)
    try:
        until(lambda: {row.id for row in bench.open_rows()} <= waiting, "it stays open")
    except TimeoutError:
        yield from (f"#{row.counter} of {row.project} stays {row.status}" for row in bench.open_rows())
    for name, rows in _works(bench):
        yield from (f"{name} {row.counter} stays {row.status}" for row in rows if row.status not in FINAL)
    for crash in bench.home.glob("crash-*"):
        yield f"{crash.name}: {crash.read_text()[-1500:]}"
        crash.unlink()
    for row in bench.rows():
        if row.status in FINAL and row.id not in _looked_at:
            _looked_at.add(row.id)
            yield from (
                f"#{row.counter} of {row.project} ({row.status}, {row.exit_code}): {fault}"
                for fault in _one(bench, row)
            )
    try:
        until(lambda: not list(_leftovers(bench)), "it is left")
    except TimeoutError:
        yield from _leftovers(bench)


def _left_queued(bench: Bench) -> set[str]:
    """What waits for the next server is nobody's fault: its command had not begun."""
    return {row.id for row in bench.open_rows() if row.status in {"queued", "started"} and row.owner is None}


def _works(bench: Bench) -> Iterator[tuple[str, list[Any]]]:
    if not (bench.home / "localhai.db").exists():
        return
    with closing(Records.open(bench.home, None)) as records:
        yield "task", list(records.tasks.list(limit=MANY))
        yield "pipeline", list(records.pipelines.list(limit=MANY))


def _one(bench: Bench, row: Any) -> Iterator[str]:
    """One execution that has ended: its log, metadata and outputs tell the same story."""
    folder = bench.home / row.folder
    lines = [event.message for event in read_events(folder) if event.stream == "stdout"]
    steps = [json.loads(line)["step"] for line in lines if line.startswith("{")]
    if steps != list(range(len(steps))):
        yield f"the log is not in order: {steps}"
    path = folder / "metadata.jsonl"
    stored = [json.loads(line)["step"] for line in path.read_text().splitlines()] if path.exists() else []
    if stored != steps:
        yield f"metadata are not those of the log: {stored} of {steps}"
    outputs = {item.name: item for item in row.outputs}
    for item in outputs.values():
        content = Path(str(item.path)).read_bytes()
        if hashlib.sha256(content).hexdigest() != item.sha256:
            yield f"{item.name} is not what its checksum says"
    yield from _ending(row, lines, steps, set(outputs))


def _ending(row: Any, lines: list[str], steps: list[int], outputs: set[str]) -> Iterator[str]:
    is_whole = lines[-1:] == ["later"]
    if row.status == "complete" and not (is_whole and len(steps) == LINES and outputs == {"out.txt"}):
        yield f"it is complete without all: {len(steps)} lines, {outputs}"
    if "later" in lines and len(steps) < LINES:
        yield "a later line ran though it was stopped"
    if row.status == "stopped" and row.exit_code == 7 and ("trapped" not in lines or "saved.txt" not in outputs):
        yield f"what its trap did is lost: {lines[-2:]}, {outputs}"
    if row.status == "error":
        yield f"it ended by {row.document.get('error')}"


def _leftovers(bench: Bench) -> Iterator[str]:
    with closing(connect()) as engine:
        for row in bench.rows():
            if row.status not in FINAL:
                continue
            wanted = {labels.EXECUTION: row.id}
            for what in (engine.containers(wanted), engine.volumes(wanted), engine.networks(wanted)):
                yield from (
                    f"#{row.counter} of {row.project} ({row.status}) left {item} on the engine" for item in what
                )
            folder = bench.home / row.folder
            yield from (f"#{row.counter} left {name}" for name in ("scratch", "reserve") if (folder / name).exists())


def _waiting(bench: Bench) -> Iterator[str]:
    if bench.open_rows():
        with bench.server():
            try:
                until(lambda: not bench.open_rows(), "it stays open")
            except TimeoutError:
                yield from (
                    f"a new server leaves #{row.counter} of {row.project} {row.status}" for row in bench.open_rows()
                )
    yield from check_round(bench)


def _counters(bench: Bench) -> Iterator[str]:
    found: dict[str, list[int]] = {}
    for row in bench.rows():
        found.setdefault(row.project, []).append(row.counter)
    for project, counters in found.items():
        if counters != list(range(1, len(counters) + 1)):
            yield f"counters of {project}: {counters}"


def _caches(bench: Bench) -> Iterator[str]:
    done = bench.call("clean", "--cache", "--yes")
    if done.returncode != 0:
        yield f"clean --cache gave {done.returncode}: {done.stderr}"
    yield from (f"{path} stays in the cache" for path in bench.home.glob("cache/**/.writing-*"))
