"""The platform's own command line, logged in at a `localhai serve` and linked to a project."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from served import TOKEN, Served
from waiting import until

from localhai.vocabulary import FINAL

SECONDS = 120


class Vh:
    """`vh` in a project's folder. `api` asks the same server without it."""

    def __init__(self, program: Path, server: Served, folder: Path, config: Path) -> None:
        self.program, self.server, self.folder = program, server, folder
        config.mkdir(exist_ok=True)
        known = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        self.environment = {**known, "VALOHAI_CONFIG_DIR": str(config), "COLUMNS": "250"}

    def __call__(self, *words: str, code: int = 0) -> str:
        """What it prints, stdout and stderr."""
        done = subprocess.run(
            [self.program, *words],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == code, f"vh {' '.join(words)}:\n{done.stdout}"
        return done.stdout

    def json(self, *words: str) -> Any:
        """The document that it prints."""
        return json.loads(self("--output-format", "json", *words))

    def api(self, path: str, method: str = "GET", **more: Any) -> Any:
        """An answer of the server, below /api/v0."""
        headers = {"Authorization": f"Token {TOKEN}"}
        answer = requests.request(method, f"{self.server.url}/api/v0/{path}", headers=headers, timeout=SECONDS, **more)
        assert answer.ok, answer.text
        return answer.json()

    def until_ended(self, path: str) -> str:
        """The final status of an execution, a task..."""
        until(lambda: self.api(path)["status"] in FINAL, seconds=SECONDS, said=lambda: f"{path} does not end")
        return str(self.api(path)["status"])


def interrupted(watching: subprocess.Popen[str], *texts: str) -> str:
    """All that a `vh` that watches has shown: once it has shown these texts it is told to end, as by Ctrl-C."""
    assert watching.stdout is not None
    shown = ""
    while not all(text in shown for text in texts):
        line = watching.stdout.readline()
        assert line or watching.poll() is None, shown
        shown += line
    time.sleep(0.2)  # until it pauses: it looks once a second, and Ctrl-C while it draws is another thing
    watching.send_signal(signal.SIGINT)
    return shown + watching.communicate(timeout=60)[0]


@contextmanager
def linked(program: Path, folder: Path, files: Mapping[str, str], *options: str) -> Iterator[tuple[Vh, str]]:
    """A server, and `vh` in a folder with these files, linked to the new project `demo`; gives its id too."""
    server = Served(folder, *options, home=folder / "home")
    try:
        code = folder / "code"
        code.mkdir()
        for name, text in files.items():
            (code / name).write_text(text)
        vh = Vh(program, server, code, folder / "config")
        vh("login", "--host", server.url, "--token", TOKEN)
        vh("project", "create", "-n", "demo", "--link")
        yield vh, vh.api("projects/")["results"][0]["id"]
    finally:
        server.end()
    assert server.process.returncode == 0
