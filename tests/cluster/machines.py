"""Machines that are none: a Celery worker with a host name, processes and files of its own, and a plug to be pulled.

Linux namespaces keep them apart: none sees the folder of another, and when one dies all its processes die with it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

# hidden folders, then the command; its own name must be known before anything asks for it
_BOOT = """
python3 -c 'import os, socket; socket.sethostname(os.environ["MACHINE"])' || exit 1
for folder in $HIDDEN; do mount -t tmpfs -o mode=0700,size=4k none "$folder" || exit 1; done
unset HIDDEN
"$@"
exit $?
"""
_ISOLATION = ("unshare", "--uts", "--pid", "--mount", "--fork", "--kill-child=KILL", "--mount-proc")


@dataclass
class Machine:
    """`folder` holds all that it has: checkouts, DAGs, LOCALHAI_HOME, AIRFLOW_HOME. `queues` are those it serves."""

    name: str
    folder: Path
    queues: str
    environment: dict[str, str]
    hidden: tuple[Path, ...] = ()
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def home(self) -> Path:
        """Its LOCALHAI_HOME."""
        return self.folder / "localhai"

    @property
    def log(self) -> str:
        """What its worker said."""
        return (self.folder / "worker.log").read_text(errors="replace")

    def task_logs(self, dag: str, task: str) -> str:
        """The logs of all tries of a task that ran here."""
        found = sorted((self.folder / "airflow" / "logs" / f"dag_id={dag}").glob(f"*/task_id={task}/*.log"))
        return "".join(path.read_text(errors="replace") for path in found)

    def start(self) -> None:
        """Switch it on: its worker takes tasks as soon as it is ready."""
        worker = ["airflow", "celery", "worker", "--skip-serve-logs", "--queues", self.queues]
        worker += ["--celery-hostname", f"{self.name}@%h", "--pid", str(self.folder / "worker.pid")]
        (self.folder / "worker.pid").unlink(missing_ok=True)
        with (self.folder / "worker.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command(worker), env=self._variables(), cwd=self.folder, stdin=subprocess.DEVNULL, **_to(log)
            )

    def run(self, *command: str) -> str:
        """What a person at this machine sees on stdout."""
        variables, command = self._variables(), tuple(self._command(command))
        done = subprocess.run(
            command, env=variables, cwd=self.folder, check=True, capture_output=True, text=True, timeout=120
        )
        return done.stdout + done.stderr

    def pull_the_plug(self) -> None:
        """SIGKILL for each of its processes at once; its files stay."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(60)
            self._process = None

    def _command(self, command: list[str] | tuple[str, ...]) -> list[str]:
        namespaces = _ISOLATION if os.geteuid() == 0 else (*_ISOLATION, "--map-root-user")
        return [*namespaces, "sh", "-c", _BOOT, "boot", *command]

    def _variables(self) -> dict[str, str]:
        folder = self.folder
        return {
            **self.environment,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "MACHINE": self.name,
            "HIDDEN": " ".join(map(str, self.hidden)),
            "HOME": str(folder),
            "LOCALHAI_HOME": str(self.home),
            "LOCALHAI_PROJECTS": f"example={folder / 'example'},gated={folder / 'gated'}",
            "AIRFLOW_HOME": str(folder / "airflow"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
        }


def _to(log: object) -> dict[str, object]:
    return {"stdout": log, "stderr": subprocess.STDOUT}
