"""A package index of this machine: what the public one answers with, at the speed of a usual line.

A benchmark of a cache must not hang on the network of the moment: here every file comes at `SPEED`, with the headers
that let an installer keep it (files never change, listings are fresh for ten minutes).
"""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from measure import MEBIBYTE, docker

if TYPE_CHECKING:
    from pathlib import Path

SPEED = 10 * MEBIBYTE  # bytes per second
PIECE = 256 * 1024


class PackageIndex:
    """Serves what `pip download` finds for these packages, to containers; use as a context manager."""

    def __init__(self, folder: Path, packages: str) -> None:
        self.folder = folder
        self.sent = 0
        folder.mkdir()
        # In the image, so that the files fit its Python and its machine.
        words = docker("sh", "-c", f"cd /files && pip download -q {packages} >&2")
        words[3:3] = ["-v", f"{folder}:/files"]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.server = ThreadingHTTPServer((_bridge(), 0), _handler(self))
        self.host, self.port = self.server.server_address[:2]

    def __enter__(self) -> PackageIndex:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def options(self) -> str:
        """For `pip install`."""
        return f"--index-url http://{self.host}:{self.port}/simple/ --trusted-host {self.host}"


def _bridge() -> str:
    """The address of this machine as containers see it."""
    from localhai.containers.docker.connect import connect

    engine = connect()
    try:
        gateway = engine.gateway()
    finally:
        engine.close()
    if sys.platform != "linux" or gateway is None:
        raise SystemExit("this row needs Docker's bridge on Linux")
    return gateway.address


def _handler(index: PackageIndex) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            place, _, name = self.path.strip("/").rpartition("/")
            if place == "simple":
                links = "".join(f'<a href="/files/{file}">{file}</a>' for file in _files(index.folder, name))
                self._answer(f"<!DOCTYPE html><html><body>{links}</body></html>".encode(), "text/html", "max-age=600")
            else:
                kept = "max-age=365000000, immutable, public"
                self._answer((index.folder / name).read_bytes(), "application/octet-stream", kept)

        def _answer(self, body: bytes, kind: str, kept: str) -> None:
            self.send_response(200)
            headers = {"Content-Type": kind, "Content-Length": str(len(body)), "Cache-Control": kept}
            for key, value in headers.items():
                self.send_header(key, value)
            self.end_headers()
            index.sent += len(body)
            for start in range(0, len(body), PIECE):
                piece = body[start : start + PIECE]
                self.wfile.write(piece)
                time.sleep(len(piece) / SPEED)

        def log_message(self, *_: object) -> None:
            """Nothing: figures stand alone on the terminal."""

    return Handler


def _files(folder: Path, package: str) -> list[str]:
    wanted = re.sub(r"[-_.]+", "-", package).lower()
    names = sorted(path.name for path in folder.iterdir())
    return [name for name in names if re.sub(r"[-_.]+", "-", name.split("-")[0]).lower() == wanted]
