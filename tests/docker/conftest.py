"""A project, a home and the real engine for one test; afterwards nothing of the test may be left anywhere."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from waiting import PATIENCE, until

from localhai.app.open_project import OpenProject
from localhai.containers import labels, package_cache
from localhai.containers.docker.connect import connect
from localhai.containers.engine import Engine
from localhai.executions.home import Home
from localhai.executions.run.observer import Observer
from localhai.records import Records
from localhai.settings import Settings
from localhai.vocabulary import FINAL

IMAGE = "python:3.11-slim"
# A shell that runs us in its background, or nohup, lets us ignore these signals, and whoever we start would too.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


class Words(Observer):
    """Remembers what was said and written."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.written = bytearray()

    def status(self, text: str) -> None:
        self.said.append(text)

    def output(self, _stream: str, data: bytes) -> None:
        self.written += data

    @property
    def text(self) -> str:
        return "\n".join(self.said)


class Localhai:
    """A localhai process of its own, as a person starts one."""

    def __init__(self, process: subprocess.Popen[bytes], out: Path, err: Path) -> None:
        self.process = process
        self._out = out
        self._err = err

    @property
    def out(self) -> str:
        return self._out.read_text(errors="replace")

    @property
    def err(self) -> str:
        return self._err.read_text(errors="replace")

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def die(self) -> None:
        """`kill -9`."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE)

    def code(self) -> int:
        """Its exit code, once it ended."""
        return self.process.wait(PATIENCE)


class Bench:
    """One project folder and one home of a test."""

    def __init__(self, folder: Path, home: Path, tmp: Path) -> None:
        self.folder = folder
        self.home = home
        self.tmp = tmp
        self.environment: dict[str, str] = {}
        self._number = 0
        self._processes: list[Localhai] = []
        self._opened: list[OpenProject] = []

    # the project

    def step(self, command: str | list[str], **more: Any) -> None:
        """Write a valohai.yaml of one step, `work`."""
        self.steps({"name": "work", "image": IMAGE, "command": command, **more})

    def steps(self, *steps: dict[str, Any]) -> None:
        document = [{"step": {"image": IMAGE, **step}} for step in steps]
        (self.folder / "valohai.yaml").write_text(json.dumps(document))  # JSON is YAML

    def open(self, **settings: Any) -> OpenProject:
        """The project through the Python API, without its look at what a crash left."""
        given = replace(Settings.load(self.folder), **{"home": self.home, "stop_grace": 1.0, **settings})
        project = OpenProject.at(self.folder, home=Home(given))
        self._opened.append(project)
        return project

    # processes

    def start(self, *arguments: str, under: tuple[str, ...] = (), **more: Any) -> Localhai:
        """Start `localhai ARGUMENTS`; `under` are words before it, `more` goes to Popen."""
        self._number += 1
        out, err = self.tmp / f"out-{self._number}", self.tmp / f"err-{self._number}"
        environment = {
            **os.environ,
            "LOCALHAI_STOP_GRACE": "2",
            "LOCALHAI_PATIENCE": "3",
            **self.environment,
            **more.pop("env", {}),
        }
        interpreter = more.pop("interpreter", sys.executable)
        with out.open("wb") as out_file, err.open("wb") as err_file:
            process = subprocess.Popen(
                [*under, interpreter, "-m", "localhai.cli", *arguments],
                cwd=more.pop("cwd", self.folder),
                env={**environment, "LOCALHAI_HOME": str(self.home), "PYTHONUNBUFFERED": "1"},
                stdin=subprocess.DEVNULL,
                stdout=out_file,
                stderr=err_file,
                **more,
            )
        started = Localhai(process, out, err)
        self._processes.append(started)
        return started

    def call(self, *arguments: str, **more: Any) -> Localhai:
        """Run `localhai ARGUMENTS` to its end."""
        started = self.start(*arguments, **more)
        started.code()
        return started

    def last(self) -> dict[str, Any]:
        """The newest execution, by `localhai execution info latest --json`."""
        answer = self.call("execution", "info", "latest", "--json")
        assert answer.process.returncode == 0, answer.err
        found: dict[str, Any] = json.loads(answer.out)
        return found

    # the records and files, read without localhai's commands (these would recover)

    def records(self) -> list[Any]:
        """Rows of all executions of the home, newest first."""
        records = Records.open(self.home, None)
        try:
            return list(records.executions.list(limit=None))
        finally:
            records.close()

    def log(self) -> str:
        """The newest execution's log as it is on disk."""
        row = self.records()[0]
        return (self.home / row.folder / "log").read_text(errors="replace")

    def container(self, engine: Engine | None = None) -> str:
        """The id of the one running container of this test, waited for."""

        used = engine or connect()

        def look() -> str | None:
            for row in self.records() if (self.home / "localhai.db").exists() else ():
                for state in used.containers({labels.EXECUTION: row.id}):
                    if state.running and state.name == f"localhai-{row.id}":
                        return state.id
            return None

        found: str = self.until(look)
        if engine is None:
            used.close()
        return found

    until = staticmethod(until)

    # the end

    def close(self) -> None:
        for started in self._processes:
            if started.process.poll() is None:
                started.process.kill()
                started.process.wait()
        for project in self._opened:
            project.close()

    def clear_packages(self) -> None:
        """Volumes that nobody is going to use again."""
        engine = connect()
        for name in engine.volumes({labels.CACHE: None}):
            if name.startswith(package_cache.prefix(self.home)):
                engine.remove_volume(name)
        engine.close()

    def leftovers(self) -> list[str]:
        """What of this test's executions is still there, in words; empty is right."""
        found: list[str] = []
        if not (self.home / "localhai.db").exists():
            return found
        engine = connect()
        for row in self.records():
            name = f"#{row.counter} ({row.status})"
            wanted = {labels.EXECUTION: row.id}
            found += [f"{name}: container {item.name} {item.status}" for item in engine.containers(wanted)]
            found += [f"{name}: volume {item}" for item in engine.volumes(wanted)]
            found += [f"{name}: network {item}" for item in engine.networks(wanted)]
            if row.status not in FINAL:
                found.append(f"{name}: open")
            folder = self.home / row.folder if row.folder else None
            found += [f"{name}: {item}" for item in ("scratch", "reserve") if folder and (folder / item).exists()]
        engine.close()
        return found


@pytest.fixture
def bench(tmp_path: Path, home_folder: Path) -> Iterator[Bench]:
    """A project in a home of its own; nothing of its executions may be left behind."""
    folder = tmp_path / "news"
    folder.mkdir()
    made = Bench(folder, home_folder, tmp_path)
    yield made
    made.close()
    assert made.leftovers() == []
    made.clear_packages()


@pytest.fixture
def words() -> Words:
    return Words()


@pytest.fixture
def host_mount(tmp_path: Path) -> Iterator[Callable[[str, Mapping[str, str]], Path]]:
    """Mounts a small file system, unmounted at the end."""
    mounted: list[Path] = []

    def mount(name: str, options: Mapping[str, str]) -> Path:
        place = tmp_path / name
        place.mkdir()
        words = ",".join(f"{key}={value}" for key, value in options.items())
        subprocess.run(["mount", "-t", "tmpfs", "-o", words, "tmpfs", str(place)], check=True)
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        subprocess.run(["umount", "-l", str(place)], check=True)
