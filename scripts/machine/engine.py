"""The Docker Engine, asked over its socket.

A `docker` client on PATH proves no engine, and an engine needs no client; so the socket itself is asked. Only where the
engine is far away (ssh, TLS) the client speaks for us.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Protocol
from urllib.parse import quote, urlencode, urlsplit

from machine.say import Trouble, say

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

ANSWER = 5.0  # seconds within which an engine that lives answers a small question
PULL_ANSWER = 8.0  # seconds within which a registry that lives says something
PULL_SILENCE = 120.0  # seconds without a word in the middle of a pull
LOAD = 600.0  # seconds for taking in the file system of an image


class Engine(Protocol):
    """What is asked of an engine. `where` is a URL as in DOCKER_HOST."""

    where: str

    def version(self) -> str:
        """Its version. Raises OSError with the reason when it does not answer."""

    def has(self, image: str) -> bool:
        """Whether the image is on the engine."""

    def pull(self, image: str) -> None:
        """Raises Trouble when no registry gives the image, soon where none answers."""

    def load(self, archive: Path, image: str, changes: Sequence[str]) -> None:
        """A tar file of a whole file system becomes `image`, with Dockerfile lines applied. Raises Trouble."""


def engine_at(where: str, *, tls: bool = False) -> Engine:
    """The engine of a DOCKER_HOST URL."""
    plain = urlsplit(where).scheme in {"unix", "tcp", "http"} and not tls
    return SocketEngine(where) if plain else ClientEngine(where)


@dataclass
class SocketEngine:
    """An engine behind a unix socket or plain TCP."""

    where: str

    def version(self) -> str:
        with self._ask("GET", "/version", timeout=ANSWER) as answer:
            return str(json.load(answer)["Version"])

    def has(self, image: str) -> bool:
        with self._ask("GET", f"/images/{quote(image, safe='/:@')}/json", timeout=ANSWER) as answer:
            return answer.status == http.client.OK

    def pull(self, image: str) -> None:
        name, tag = split_name(image)
        path = "/images/create?" + urlencode({"fromImage": name, "tag": tag})
        try:
            with self._ask("POST", path, timeout=PULL_ANSWER, silence=PULL_SILENCE) as answer:
                _follow(answer, image)
        except OSError as error:
            raise Trouble(f"{image} could not be pulled: {_reason(error)}") from error

    def load(self, archive: Path, image: str, changes: Sequence[str]) -> None:
        name, tag = split_name(image)
        query = urlencode({"fromSrc": "-", "repo": name, "tag": tag, "changes": changes}, doseq=True)
        try:
            with (
                open(archive, "rb") as tar,
                self._ask("POST", f"/images/create?{query}", timeout=LOAD, body=tar) as answer,
            ):
                _follow(answer, image)
        except OSError as error:
            raise Trouble(f"the engine did not take {image} in: {_reason(error)}") from error

    @contextlib.contextmanager
    def _ask(
        self, method: str, path: str, *, timeout: float, silence: float | None = None, body: IO[bytes] | None = None
    ) -> Iterator[http.client.HTTPResponse]:
        """One request. `timeout` bounds the first word of the answer, `silence` each of the later ones."""
        connection = _connection(self.where, timeout)
        try:
            size = {"Content-Length": str(os.fstat(body.fileno()).st_size)} if body else {}
            connection.request(method, path, body=body, headers=size)
            channel = connection.sock
            answer = connection.getresponse()
            if silence:
                channel.settimeout(silence)
            yield answer
        except (http.client.HTTPException, KeyError, ValueError) as error:
            raise OSError(f"what answers there is no Docker Engine ({error!r})") from error
        finally:
            connection.close()


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def _connection(where: str, timeout: float) -> http.client.HTTPConnection:
    url = urlsplit(where)
    if url.scheme == "unix":
        return _UnixConnection(url.path, timeout)
    return http.client.HTTPConnection(url.hostname or "localhost", url.port or 2375, timeout=timeout)


def _follow(answer: http.client.HTTPResponse, image: str) -> None:
    """Read the engine's progress to its end: one JSON object per line. Raises Trouble at an error."""
    shown: set[str] = set()
    for line in answer:
        news = json.loads(line)
        fault = news.get("error") or (news.get("message") if answer.status >= http.client.BAD_REQUEST else None)
        if fault:
            raise Trouble(f"{image}: {fault}")
        status = str(news.get("status", ""))
        if status.startswith(("Pulling from", "Digest", "Status")) and status not in shown:
            shown.add(status)
            say(status)


def _reason(error: OSError) -> str:
    return f"no word within {PULL_ANSWER:.0f} s" if isinstance(error, TimeoutError) else str(error)


@dataclass
class ClientEngine:
    """An engine that the `docker` client reaches for us: over ssh, or with TLS."""

    where: str

    def version(self) -> str:
        try:
            return self._docker("version", "--format", "{{.Server.Version}}", timeout=ANSWER * 3).stdout.strip()
        except Trouble as trouble:
            raise OSError(trouble.message) from trouble

    def has(self, image: str) -> bool:
        try:
            self._docker("image", "inspect", image, timeout=ANSWER * 3)
        except Trouble:
            return False
        return True

    def pull(self, image: str) -> None:
        say(f"docker pull {image}")
        self._docker("pull", "--quiet", image)

    def load(self, archive: Path, image: str, changes: Sequence[str]) -> None:
        self._docker("import", *(f"--change={line}" for line in changes), str(archive), image)

    def _docker(self, *arguments: str, timeout: float | None = None) -> subprocess.CompletedProcess[str]:
        client = shutil.which("docker")
        if client is None:
            raise Trouble(f"{self.where} needs the docker client, which is not on PATH")
        command = [client, "--host", self.where, *arguments]
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise Trouble(f"no word from {self.where} within {timeout:.0f} s") from error
        if done.returncode:
            raise Trouble(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "docker failed, silently")
        return done


def split_name(image: str) -> tuple[str, str]:
    """`python:3.11-slim` is (`python`, `3.11-slim`); no tag means `latest`, a digest stands in the tag's place."""
    if "@" in image:
        name, _, digest = image.partition("@")
        return name, digest
    head, colon, tag = image.rpartition(":")
    return (head, tag) if colon and "/" not in tag else (image, "latest")
