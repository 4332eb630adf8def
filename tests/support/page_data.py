"""A home with something to look at in the page: executions of every kind, a sweep, long logs, thousands of rows.

Written by the records and the log's own writers, without an engine: what a thousand executions left takes a second.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from localhai.executions.home import Home
from localhai.executions.latest import execution_folder
from localhai.executions.log.log import LogWriter
from localhai.executions.log.metadata import MetadataCollector
from localhai.project.plan import ExecutionPlan
from localhai.records import DatumRecord, ExecutionRecord, Project, new_id
from localhai.records.executions import EXECUTIONS
from localhai.records.times import text
from localhai.system import strict_json
from localhai.tasks.plan import Target, TaskPlan
from localhai.tasks.variants import Variant

BEGIN = datetime(2026, 11, 1, 8, tzinfo=timezone.utc)
WAY = ("queued", "started")
Line = tuple[str, str]  # stream and text


class PageData:
    """Fills one project of a home. Everything is the same with each call, but for ids and the time of creation."""

    def __init__(self, home: Home, folder: Path, name: str = "mnist") -> None:
        self.home = home
        self.project: Project = home.records.projects.of_folder(folder, name)
        self._dice = random.Random(7)  # noqa: S311  # dice

    def execution(
        self,
        status: str = "complete",
        *,
        step: str = "train",
        parameters: Mapping[str, Any] | None = None,
        metadata: Iterable[Mapping[str, Any]] = (),
        lines: Sequence[Line] | None = None,
        outputs: Mapping[str, bytes] | None = None,
        tags: Sequence[str] = (),
        title: str | None = None,
        error: str | None = None,
        exit_code: int | None = None,
        owner: Any = None,
        **document: Any,
    ) -> ExecutionRecord:
        """One, in its status, with its files."""
        executions, parameters = self.home.records.executions, dict(parameters or {})
        command = ["python train.py " + " ".join(f"--{name}={value}" for name, value in parameters.items())]
        values = {
            "command": command,
            "parameters": parameters,
            "inputs": [],
            "parity": [],
            "environment_variables": [],
            "environment_variable_values": {},
            "user": "ada",
            "yaml": "valohai.yaml",
            **document,
        }
        row = executions.create(
            self.project.id, step=step, image="python:3.11-slim", commit="~" + "a" * 64, document=values, owner=owner,
            title=title, tags=tags,
        )  # fmt: skip
        relative = execution_folder(self.home.folder, self.project.name, self.project.id, row.counter, row.id)
        folder = self.home.folder / relative
        folder.mkdir(parents=True)
        executions.update(row.id, folder=relative)
        plan = ExecutionPlan(step, row.image, row.image, tuple(command), command[0], parameters)
        (folder / "plan.json").write_text(strict_json.dumps(plan.to_dict()))
        summary = self._write(folder, metadata, lines, ended=status not in {"created", "queued", "started", "stopping"})
        self._put_outputs(row.id, folder, outputs or {})
        return self._brought(row.id, status, error=error, exit_code=exit_code, **summary)

    def _write(
        self, folder: Path, metadata: Iterable[Mapping[str, Any]], lines: Sequence[Line] | None, *, ended: bool
    ) -> dict[str, Any]:
        log, collector, moment = LogWriter(folder), MetadataCollector(folder), BEGIN.timestamp()
        for stream, line in lines if lines is not None else [("stdout", "it begins"), ("stderr", "a warning")]:
            moment += 0.25
            log.write(stream, line.encode() + b"\n", moment)  # type: ignore[arg-type]  # as the caller says
        for item in metadata:
            moment += 0.25
            data = strict_json.dumps(item).encode() + b"\n"
            log.write("stdout", data, moment)
            collector.feed(data, moment)
        log.close()
        if not ended:
            collector.leave()
            return {}
        collector.end(moment)
        return {"metadata": collector.summary.latest, "metadata_ranges": collector.summary.ranges}

    def _brought(self, key: str, status: str, **changes: Any) -> ExecutionRecord:
        executions = self.home.records.executions
        for step in ("queued", "started", *(("stopping",) if status in {"stopping", "stopped"} else ()), status):
            if executions.get(key).status == status:
                break
            executions.transition(key, step, **(changes if step == status else {}))
        return executions.get(key)

    def _put_outputs(self, key: str, folder: Path, outputs: Mapping[str, bytes]) -> None:
        data = []
        for name, content in outputs.items():
            path = self.home.folder / "store" / self.project.id / key / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            sums = (hashlib.new(kind, content, usedforsecurity=False).hexdigest() for kind in ("md5", "sha1", "sha256"))
            data.append(DatumRecord(new_id(), name, len(content), text(BEGIN), str(path), *sums))
        (folder / "outputs").mkdir(exist_ok=True)
        self.home.records.data.add(key, data)

    def say(self, row: ExecutionRecord, lines: Sequence[Line], metadata: Iterable[Mapping[str, Any]] = ()) -> None:
        """More of one that runs, as another process would write it."""
        folder = self.home.folder / row.folder
        log, collector, moment = LogWriter(folder), MetadataCollector(folder), datetime.now(timezone.utc).timestamp()
        for stream, line in lines:
            log.write(stream, line.encode() + b"\n", moment)  # type: ignore[arg-type]  # as the caller says
        for item in metadata:
            data = strict_json.dumps(item).encode() + b"\n"
            log.write("stdout", data, moment)
            collector.feed(data, moment)
        log.close()
        collector.leave()

    def curve(self, rate: float, epochs: int = 40) -> list[dict[str, Any]]:
        """What a training with this learning rate says: the best is near 0.01."""
        bend = 1 - min(0.9, abs(math.log10(rate) + 2) / 4)
        return [
            {
                "epoch": epoch,
                "loss": round(2.3 * math.exp(-epoch * bend / 10) + self._dice.random() / 50 + (1 - bend), 5),
                "accuracy": round(bend * (1 - math.exp(-epoch / 8)) - self._dice.random() / 100, 5),
            }
            for epoch in range(1, epochs + 1)
        ]

    def sweep(self, name: str = "learning rate", rates: Sequence[float] = (0.3, 0.1, 0.03, 0.01, 0.003, 0.001)) -> str:
        """A task over learning rates, ended; gives its id."""
        tasks = self.home.records.tasks
        varied = Variant("learning_rate", "multiple", {"items": list(rates)}, "float")
        plan = TaskPlan(name, "train", "grid_search", len(rates), variants=(varied,), target=Target("accuracy", 1.0))
        task = tasks.create(
            self.project.id, name=name, step="train", type="grid_search", commit=None, owner=None,
            document={"plan": plan.to_dict(), "overrides": {}, "user": "ada"},
        )  # fmt: skip
        for number, rate in enumerate(rates):
            row = self.execution(
                parameters={"learning_rate": rate, "epochs": 40, "optimizer": "adam"},
                metadata=self.curve(rate),
                outputs={"model.bin": rate.hex().encode(), "loss.csv": b"epoch,loss\n1,0.5\n2,0.25\n"},
                tags=["sweep"],
                exit_code=0,
            )
            tasks.add_child(task.id, number, row.id)
        tasks.close(task.id, "complete")
        return task.id

    def failed(self) -> ExecutionRecord:
        """One that ended badly, with a hint."""
        trace = ["Traceback (most recent call last):", '  File "train.py", line 3, in <module>', "    import torch"]
        return self.execution(
            "error",
            parameters={"learning_rate": 0.01, "epochs": 3},
            lines=[
                ("stdout", "loading"),
                *[("stderr", line) for line in [*trace, "ModuleNotFoundError: No module named 'torch'"]],
                ("status", "torch is not in the image: add `pip install torch` to the command"),
                ("status", "Execution #1 is error: the command ended with exit code 1"),
            ],
            error="the command ended with exit code 1",
            exit_code=1,
        )

    def hostile(self) -> ExecutionRecord:
        """Names, keys and lines that try to be more than text, and outputs that try to steal."""
        script = "<img src=x onerror=fetch('/page/session/')><script>alert(document.cookie)</script>"
        return self.execution(
            parameters={"note": script, "key\nwith a newline": "javascript:alert(1)"},
            metadata=[{script: script, "__proto__": 1, "constructor": 2, "a\nb": 3}],
            lines=[
                ("stdout", script),
                ("stderr", "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x1b[2J"),
                ("stdout", "a\rb\rc"),
            ],
            outputs={
                "page.html": f"<h1>hello</h1>{script}".encode(),
                "picture.svg": f'<svg xmlns="http://www.w3.org/2000/svg"><script>{script}</script></svg>'.encode(),
                "notes.md": f"# Notes\n\n{script}\n\n[click](javascript:alert(1))\n".encode(),
                "table.csv": f'a,b\n"{script}",=cmd()\n'.encode(),
                "values.json": b'{"__proto__": {"admin": true}}',
                '"><script>alert(1)</script>.txt': b"text",
                "folder/\u202etxt.exe": b"\0\1",
            },
            tags=[script[:100]],
            title=script,
            exit_code=0,
        )

    def long_log(self, number: int = 1_000_000) -> ExecutionRecord:
        """One with very many lines."""
        row = self.execution(parameters={"learning_rate": 0.01, "epochs": number}, lines=[], exit_code=0)
        log = LogWriter(self.home.folder / row.folder)
        moment = BEGIN.timestamp()
        for start in range(0, number, 20):
            lines = [
                b"step %d of %d loss=%.6f" % (n, number, 1 / n) for n in range(start + 1, min(start + 20, number) + 1)
            ]
            log.write("stderr" if start % 200 == 0 else "stdout", b"\n".join(lines) + b"\n", moment + start / 1000)
        log.close()
        return row

    def many(self, number: int = 10_000, *, parameters: int = 6, metrics: int = 6) -> None:
        """Very many that have ended, in the records alone."""
        first = 1 + max((row.counter for row in self.home.records.executions.list(self.project.id, limit=1)), default=0)
        rows = [self._bulk(first + n, parameters, metrics) for n in range(number)]
        counters = "UPDATE counters SET value = :value WHERE project_id = :id AND noun = 'execution'"

        def work(transaction: Any, _again: bool) -> None:
            EXECUTIONS.insert_many(transaction, rows)
            if not transaction.change(counters, {"value": first + number - 1, "id": self.project.id}):
                made = "INSERT INTO counters (project_id, noun, value) VALUES (:id, 'execution', :value)"
                transaction.change(made, {"value": first + number - 1, "id": self.project.id})

        self.home.records.access.write(work)

    def _bulk(self, counter: int, parameters: int, metrics: int) -> dict[str, Any]:
        dice = self._dice
        begin = BEGIN + timedelta(minutes=counter)
        values = {f"metric_{n}": round(dice.random(), 6) for n in range(metrics)}
        document = {
            "parameters": {f"parameter_{n}": round(dice.random() * 10, 4) for n in range(parameters)},
            "metadata": values,
            "metadata_ranges": {name: (value / 2, value * 2) for name, value in values.items()},
            "user": dice.choice(["ada", "bob"]),
            "duration": round(dice.random() * 1000, 3),
        }
        return {
            "id": new_id(),
            "project_id": self.project.id,
            "counter": counter,
            "status": dice.choice(["complete", "complete", "complete", "error", "stopped"]),
            "step": dice.choice(["train", "evaluate", "preprocess"]),
            "image": "python:3.11-slim",
            "commit": "~" + "b" * 64,
            "created": text(begin),
            "queued": begin,
            "started": begin,
            "finished": begin + timedelta(seconds=document["duration"]),
            "exit_code": 0,
            "document": document,
        }
