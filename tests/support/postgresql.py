"""A real PostgreSQL server for tests, from Debian's packages: in a folder of its own, on a free port, as user postgres.

Root installs the packages when they are missing; anybody else is told to. Nothing of it stays.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from waiting import until

START_SECONDS = 60


def find_binaries() -> Path:
    """The folder of initdb and postgres, installed if need be. Raises RuntimeError with what to do."""
    found = _look()
    if found is None and os.getuid() == 0 and shutil.which("apt-get"):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "postgresql"]):
            subprocess.run(["apt-get", *command], check=True, env=environment, capture_output=True, text=True)
        found = _look()
    if found is None:
        raise RuntimeError("tests need PostgreSQL: install the package `postgresql` (initdb and postgres are missing)")
    return found


def _look() -> Path | None:
    """Newest version first: by number, so that 15 comes after 9."""
    versions = Path("/usr/lib/postgresql").glob("*/bin")
    folders = sorted(versions, key=lambda path: float(path.parent.name), reverse=True)
    on_path = shutil.which("initdb")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    return next((path for path in folders if (path / "initdb").exists() and (path / "postgres").exists()), None)


@dataclass
class Server:
    """A server that can be stopped and started again on the same port, as bad days need it."""

    binaries: Path
    folder: Path
    port: int
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @classmethod
    def create(cls) -> Server:
        # Not below pytest's folder, which user postgres may not enter.
        folder = Path(tempfile.mkdtemp(prefix="localhai-postgresql-"))
        server = cls(find_binaries(), folder, free_port())
        if os.getuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        options = ["--auth=trust", "--username=localhai", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        server._run("initdb", "--pgdata", str(folder / "data"), *options)
        server.start()
        return server

    def start(self) -> None:
        """Start, and wait until it answers."""
        # Without fsync a crash of the machine loses commits; one of the server, which is all that tests do, does not.
        settings = {"fsync": "off", "full_page_writes": "off", "max_connections": "150"}
        settings |= {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "log_statement": "none"}
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [str(self.binaries / "postgres"), "-D", str(self.folder / "data"), "-p", str(self.port), *arguments]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder, **_as_postgres())
        until(self._ready, seconds=START_SECONDS, said=(self.folder / "log").read_text)

    def _ready(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise RuntimeError(f"PostgreSQL does not start:\n{(self.folder / 'log').read_text()}")
        return self._answers()

    def stop(self, *, at_once: bool = False) -> None:
        """Stop; `at_once` as if it had crashed."""
        if self._process is not None:
            mode = "immediate" if at_once else "fast"
            self._run("pg_ctl", "stop", "--wait", "--mode", mode, "--pgdata", str(self.folder / "data"))
            self._process.wait(30)
            self._process = None

    @contextmanager
    def hung(self) -> Iterator[None]:
        """While inside, connections stay open and nothing is answered."""
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        processes = [self._process.pid, *map(int, children)]
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGCONT)

    def remove(self) -> None:
        self.stop(at_once=True)
        shutil.rmtree(self.folder)

    def url(self, database: str = "postgres", user: str = "localhai", password: str = "") -> str:
        who = f"{user}:{password}" if password else user
        return f"postgresql://{who}@127.0.0.1:{self.port}/{database}"

    def sql(self, statement: str, database: str = "postgres") -> None:
        self._run("psql", "--quiet", "--no-psqlrc", "--dbname", self.url(database), "--command", statement)

    def _answers(self) -> bool:
        ready = [str(self.binaries / "pg_isready"), "--quiet", "--host", "127.0.0.1", "--port", str(self.port)]
        return subprocess.run(ready, check=False).returncode == 0

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self.binaries / program), *arguments]
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=self.folder, **_as_postgres())
        if done.returncode != 0:
            raise RuntimeError(f"{program}: {done.stdout}{done.stderr}")


def _as_postgres() -> dict[str, str]:
    """PostgreSQL refuses to run as root."""
    return {"user": "postgres", "group": "postgres"} if os.getuid() == 0 else {}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
