"""A project, a home, and the processes of localhai that are killed."""

from __future__ import annotations

import contextlib
import io
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from typing import TYPE_CHECKING, Any

import requests

from localhai.records import Records

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator
    from pathlib import Path

IMAGE = "python:3.11-slim"
TOKEN = "a-token-of-the-soak-test"
PATIENCE = 90.0
LINES = 30
COUNT = f"""\
import time
for step in range({LINES}):
    print(f'{{{{"step": {{step}}}}}}\\n', end="")  # in one write, which no signal cuts
    time.sleep(0.05)
open("/valohai/outputs/out.txt", "w").write("whole\\n")
""".replace("{{{{", "{{").replace("}}}}", "}}")
YAML = f"""\
- step:
    name: count
    image: {IMAGE}
    command:
      - trap 'echo trapped; echo saved > /valohai/outputs/saved.txt; exit 7' TERM
      - python count.py
      - echo later
    parameters: [{{name: number, type: integer, default: 1}}]
    inputs: [{{name: before, optional: true}}]
- task:
    name: sweep
    step: count
    type: grid_search
    parameters: [{{name: number, style: multiple, rules: {{items: [1, 2]}}}}]
- pipeline:
    name: line
    nodes:
      - {{name: one, type: execution, step: count}}
      - {{name: two, type: execution, step: count}}
    edges: [[one.output.*, two.input.before]]
"""
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL, signal.SIGKILL)
WORDS = {
    "run": ("run", "count"),
    "task": ("task", "run", "sweep", "--parallel", "2"),
    "pipeline": ("pipeline", "run", "line"),
    "terminal": ("run", "count"),
}


class Bench:
    """Where it happens. `told` says what the last round did."""

    def __init__(self, place: Path) -> None:
        self.place, self.home, self.project = place, place / "home", place / "project"
        self.kills, self.told = 0, ""
        self.errors: list[Path] = []
        self._processes: list[subprocess.Popen[bytes]] = []
        self._number = 0
        self.project.mkdir(parents=True)
        (self.project / "valohai.yaml").write_text(YAML)
        (self.project / "count.py").write_text(COUNT)

    def play(self, name: str, dice: random.Random) -> None:
        """One scenario."""
        self.errors = []
        if name in WORDS:
            self._kill(self.start(*WORDS[name], terminal=name == "terminal"), dice, most=4.0)
            return
        servers = [self._serve() for _ in range(2 if name == "two servers" else 1)]
        for _ in range(dice.randrange(1, 4)):
            self._post(servers[0][1])
        self._kill(servers[0][0], dice, most=4.0)
        for process, _address in servers[1:]:  # the other one brings all of it to its end
            until(lambda: not self.open_rows(), f"a living server left {len(self.open_rows())} open")
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE)

    def start(self, *words: str, terminal: bool = False) -> subprocess.Popen[bytes]:
        """Start `localhai WORDS`, in a terminal of its own that is closed some time."""
        self._number += 1
        error = self.place / f"err-{self._number}"
        self.errors.append(error)
        environment = {
            **os.environ,
            "LOCALHAI_HOME": str(self.home),
            "LOCALHAI_STOP_GRACE": "20",
            "LOCALHAI_TOKEN": TOKEN,
        }
        command = [sys.executable, "-m", "localhai", *words]
        with error.open("wb") as file:
            if not terminal:
                process = subprocess.Popen(
                    command,
                    cwd=self.project,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=file,
                    start_new_session=True,
                )
            else:
                master, slave = pty.openpty()
                process = subprocess.Popen(
                    command,
                    cwd=self.project,
                    env=environment,
                    stdin=slave,
                    stdout=slave,
                    stderr=slave,
                    start_new_session=True,
                )
                os.close(slave)
                process.master = master  # type: ignore[attr-defined]
        self._processes.append(process)
        return process

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`localhai WORDS`, to its end: it looks after what was left."""
        environment = {**os.environ, "LOCALHAI_HOME": str(self.home)}
        command = [sys.executable, "-m", "localhai", *words]
        return subprocess.run(
            command, check=False, cwd=self.project, env=environment, capture_output=True, text=True, timeout=PATIENCE
        )

    @contextlib.contextmanager
    def server(self) -> Iterator[None]:
        """A server that nobody kills."""
        process, _address = self._serve()
        yield
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)

    def rows(self) -> list[Any]:
        """All executions, oldest first."""
        if not (self.home / "localhai.db").exists():
            return []
        with contextlib.closing(Records.open(self.home, None)) as records:
            return sorted(records.executions.list(limit=None), key=lambda row: (row.project_id, row.counter))

    def open_rows(self) -> list[Any]:
        return [row for row in self.rows() if str(row.status) in {"created", "queued", "started", "stopping"}]

    def close(self) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.kill()
                process.wait()

    def remove(self) -> None:
        shutil.rmtree(self.place, ignore_errors=True)

    def _kill(self, process: subprocess.Popen[bytes], dice: random.Random, *, most: float) -> None:
        """At a random moment; what was only asked to end has the time for that."""
        self.kills += 1
        delay, number, twice = dice.uniform(0.0, most), dice.choice(SIGNALS), dice.random() < 0.15
        master = getattr(process, "master", None)
        self.told = f"{'closed terminal' if master is not None else number.name} after {delay:.2f} s"
        if master is not None:
            self._read(master, delay)
            os.close(master)
            process.send_signal(signal.SIGHUP)  # as the kernel says it to who has it as the controlling one
        else:
            time.sleep(delay)
            process.send_signal(number)
            if twice:
                self.told += " twice"
                time.sleep(dice.uniform(0.0, 1.0))
                process.send_signal(number)
        process.wait(PATIENCE)

    @staticmethod
    def _read(master: int, seconds: float) -> None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([master], [], [], left)[0]:
                with contextlib.suppress(OSError):  # it has ended already
                    os.read(master, 1 << 16)
                    continue
                time.sleep(left)

    def _serve(self) -> tuple[subprocess.Popen[bytes], str]:
        process = self.start("serve", "--port", "0", "--jobs", "2")
        error = self.errors[-1]
        found = until(lambda: re.search(r"ready at (http://\S+)", error.read_text()), "a server did not get ready")
        return process, found[1]

    def _post(self, address: str) -> None:
        with requests.Session() as client:
            client.trust_env = False
            client.headers["Authorization"] = f"Token {TOKEN}"
            base = f"{address.rstrip('/')}/api/v0"
            known = client.get(f"{base}/projects/", timeout=60).json()["results"]
            own = [item["id"] for item in known if item["name"] == "served"]
            project = (
                own[0] if own else client.post(f"{base}/projects/", data={"name": "served"}, timeout=60).json()["id"]
            )
            files = {"data": ("data.tgz", _package())}
            commit = client.post(f"{base}/projects/{project}/import-package/", files=files, timeout=60).json()
            body = {"project": project, "commit": commit["identifier"], "step": "count"}
            client.post(f"{base}/executions/", json=body, timeout=60).raise_for_status()


def until(look: Callable[[], Any], otherwise: str) -> Any:
    """Whatever `look` gives once it is true. Raises TimeoutError."""
    end = time.monotonic() + PATIENCE
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > end:
            raise TimeoutError(otherwise)
        time.sleep(0.1)


def _package() -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        for name, text in (("valohai.yaml", YAML), ("count.py", COUNT)):
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    return made.getvalue()
