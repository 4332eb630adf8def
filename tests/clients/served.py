"""`localhai serve` as a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

TOKEN = "a-token-of-this-test"


class Served:
    """Ready once made. `url` is that of http, `https` that of https if it was asked for; `said` is what it wrote."""

    def __init__(self, cwd: Path, *options: str, home: Path | None = None, **variables: str) -> None:
        self.home = home
        environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        environment |= {"LOCALHAI_TOKEN": TOKEN, **({"LOCALHAI_HOME": str(home)} if home else {}), **variables}
        words = [sys.executable, "-m", "localhai", "serve", "--port", "0", *options]
        self.process = subprocess.Popen(words, env=environment, cwd=cwd, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        self.said = ""
        while "ready at" not in self.said:
            line = self.process.stderr.readline()
            if not line:
                self.process.communicate(timeout=60)
                raise AssertionError(f"it ended: {self.said}")
            self.said += line
        if "--https" in options:
            self.said += self.process.stderr.readline()
        self.url = re.findall(r"http://[^\s]+", self.said)[-1]
        self.https = "".join(re.findall(r"https://[^\s]+", self.said))

    def variable(self, name: str) -> str:
        """A variable of the line that makes clients trust it."""
        found = re.search(rf"{name}=(\S+)", self.said)
        assert found, self.said
        return found[1]

    def end(self, number: int = signal.SIGTERM) -> str:
        """End it; gives what it said since it was ready."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=60)
        return said
