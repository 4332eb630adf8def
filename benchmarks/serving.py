"""What the rows about `localhai serve` share: the server as a process of its own, and clients of it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from measure import environment, localhai

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

TOKEN = "a-token-of-the-benchmark"  # noqa: S105  # no secret
HEADERS = {"Authorization": f"Token {TOKEN}"}
READY = re.compile(r"http://([^\s]+)")


def require(right: bool, said: str = "it answered wrongly") -> None:
    """What is measured must be right."""
    if not right:
        raise SystemExit(said)


class Client:
    """One connection, kept open."""

    def __init__(self, place: str) -> None:
        self.place = place
        self._connection = HTTPConnection(place, timeout=60)

    def fresh(self) -> Client:
        """Another connection."""
        return Client(self.place)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of an answer, which must be a good one."""
        data = None if body is None else json.dumps(body).encode()
        self._connection.request(method, path, data, {**HEADERS, "Content-Type": "application/json"})
        answer = self._connection.getresponse()
        read = answer.read()
        require(answer.status < HTTPStatus.MULTIPLE_CHOICES, f"{method} {path}: {answer.status} {read.decode()[:500]}")
        return json.loads(read)


@contextmanager
def serving(folder: Path, home: Path) -> Iterator[Client]:
    """`localhai serve` over a home."""
    known = environment(LOCALHAI_HOME=str(home), LOCALHAI_TOKEN=TOKEN)
    with _process(localhai("serve", "--port", "0"), folder, known) as place:
        yield Client(place)


@contextmanager
def program(folder: Path, name: str, text: str, *words: str) -> Iterator[str]:
    """A server of a few lines, as others would write it; gives its host and port, which it prints."""
    (folder / f"{name}.py").write_text(text)
    with _process([sys.executable, f"{name}.py", *words], folder, environment()) as place:
        yield place


@contextmanager
def _process(words: list[str], folder: Path, known: Mapping[str, str]) -> Iterator[str]:
    process = subprocess.Popen(words, cwd=folder, env=known, stderr=subprocess.PIPE, text=True)
    try:
        said = ""
        while (found := READY.search(said)) is None:
            line = process.stderr.readline() if process.stderr else ""
            if not line:
                raise SystemExit(f"{' '.join(words)} ended: {said}")
            said += line
        threading.Thread(target=process.stderr.read if process.stderr else None, daemon=True).start()
        yield found[1]
    finally:
        process.terminate()
        process.wait()


def per_second(place: str, path: str, *, clients: int, seconds: float) -> float:
    """Answers per second that many clients get at once, each on a connection of its own, asking again and again."""
    script = LOAD.format(place=place, path=path, clients=clients, seconds=seconds, headers=HEADERS)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    return float(done.stdout)


# A client that costs little beside a server on the same machine: it looks for the end of an answer, and no further.
LOAD = """
import asyncio, time
place, path, clients, seconds, headers = {place!r}, {path!r}, {clients}, {seconds}, {headers!r}
host, _, port = place.partition(":")
lines = "".join(f"{{name}}: {{value}}\\r\\n" for name, value in headers.items())
ask = f"GET {{path}} HTTP/1.1\\r\\nHost: {{place}}\\r\\n{{lines}}\\r\\n".encode()

async def client(until):
    reader, writer = await asyncio.open_connection(host, int(port))
    count = 0
    while time.monotonic() < until:
        writer.write(ask)
        head = await reader.readuntil(b"\\r\\n\\r\\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        length = int(head.lower().split(b"content-length:")[1].split(b"\\r\\n")[0])
        await reader.readexactly(length)
        count += 1
    writer.close()
    return count

async def main():
    began = time.monotonic()
    counts = await asyncio.gather(*(client(began + seconds) for _ in range(clients)))
    print(sum(counts) / (time.monotonic() - began))

asyncio.run(main())
"""


def split(url: str) -> tuple[str, str]:
    """Place, and path with query."""
    found = urlsplit(url)
    return found.netloc, f"{found.path}?{found.query}" if found.query else found.path


def waited(client: Client, execution: str) -> dict[str, Any]:
    """The execution, once its status is a final one."""
    while True:
        found: dict[str, Any] = client.call("GET", f"/api/v0/executions/{execution}/")
        if found["status"] in {"complete", "error", "crashed", "stopped"}:
            return found
        time.sleep(0.005)
