"""Real servers on threads: moto for S3, http.server with faults for the web."""

from __future__ import annotations

import hashlib
import http.client
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from localhai.data.cache import Cache
from localhai.data.emulated_s3 import EmulatedS3
from localhai.data.sources import DataSources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def s3_server() -> Iterator[EmulatedS3]:
    with EmulatedS3(None) as server:
        server.start()
        yield server


@pytest.fixture(scope="session")
def s3_admin(s3_server: EmulatedS3) -> Iterator[Any]:
    """A boto3 client that fills buckets."""
    import boto3

    client = boto3.client(
        "s3",
        endpoint_url=s3_server.endpoint_url,
        region_name=s3_server.region,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    yield client
    client.close()


@pytest.fixture
def aws_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Credentials from the environment, and nothing from the machine that runs the tests."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


@dataclass
class Fault:
    """What stands before S3: answers the next requests itself, by a status, or by hanging up (0)."""

    address: str
    answers: list[int] = field(default_factory=list)
    cut_after: list[int] = field(default_factory=list)  # bytes of the next bodies before the connection is dropped
    asked: list[tuple[str, str]] = field(default_factory=list)


class _Before(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fault: Fault
    behind: str

    def log_message(self, *_args: object) -> None:
        pass

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.fault.asked.append((self.command, self.path))
        status = self.fault.answers.pop(0) if self.fault.answers else None
        self.close_connection = True
        if status is None:
            self._hand_on(body)
        elif status:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.send_header("Connection", "close")
            self.end_headers()

    def _hand_on(self, body: bytes) -> None:
        connection = http.client.HTTPConnection(self.behind)
        connection.request(self.command, self.path, body, dict(self.headers.items()))
        answer = connection.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in {"connection", "transfer-encoding", "date", "server"}:
                self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        cut = self.fault.cut_after.pop(0) if self.fault.cut_after and content else None
        self.wfile.write(content[:cut])
        connection.close()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815 - http.server's names


@pytest.fixture
def s3_fault(s3_server: EmulatedS3, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fault]:
    """An S3 behind faults; botocore's own tries come at once."""
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda _seconds: None))
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Before)
    fault = Fault(f"http://127.0.0.1:{server.server_address[1]}")
    behind = s3_server.endpoint_url.removeprefix("http://")
    server.RequestHandlerClass = type("Handler", (_Before,), {"fault": fault, "behind": behind})
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield fault
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def bucket(s3_admin: Any, request: pytest.FixtureRequest) -> str:
    """A bucket of this test alone."""
    name = "b-" + hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:12]
    s3_admin.create_bucket(Bucket=name)
    return name


@pytest.fixture
def s3_sources(s3_server: EmulatedS3, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[DataSources]:
    request.getfixturevalue("aws_environment")
    with DataSources(s3_endpoint_url=s3_server.endpoint_url, base=tmp_path) as sources:
        yield sources


@pytest.fixture
def sources(tmp_path: Path) -> Iterator[DataSources]:
    with DataSources(base=tmp_path) as sources:
        yield sources


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    with Cache(tmp_path / "home") as cache:
        yield cache


@dataclass
class Page:
    """What the web server gives at a path, and its faults. `cut_after` bytes of a body the connection is dropped."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    only_get: dict[str, str] = field(default_factory=dict)  # headers that a HEAD does not get
    etag: str | None = '"v1"'
    ranges: bool = True
    head: bool = True
    cut_after: list[int | None] = field(default_factory=list)
    before: Callable[[], None] | None = None
    statuses: list[int] = field(default_factory=list)  # of the next requests, HEAD or GET, before `status` counts
    moody: bool = False  # another ETag at each request
    sized: bool = True


@dataclass
class Web:
    """A web server of one test: pages by path, and the requests that came."""

    address: str
    pages: dict[str, Page] = field(default_factory=dict)
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    stop: Callable[[], None] = lambda: None

    def add(self, path: str, body: bytes, **options: Any) -> Page:
        page = self.pages[path] = Page(body, **options)
        return page

    def url(self, path: str) -> str:
        return f"http://{self.address}{path}"

    def methods(self) -> list[str]:
        return [method for method, _, _ in self.requests]


class _Handler(BaseHTTPRequestHandler):
    web: Web

    def log_message(self, *_args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        self.web.requests.append((self.command, self.path, dict(self.headers.items())))
        page = self.web.pages.get(self.path, Page(b"nothing here", 404))
        if page.before is not None and body:
            page.before()
        if page.moody:
            page.etag = f'"{len(self.web.requests)}"'
        status = page.statuses.pop(0) if page.statuses else page.status if body or page.head else 405
        content, headers = self._part(page, status)
        if headers.get("Content-Range"):
            status = 206
        self.send_response(status)
        for name, value in {**headers, **page.headers, **(page.only_get if body else {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self._send(page, content)

    def _part(self, page: Page, status: int) -> tuple[bytes, dict[str, str]]:
        headers = {"ETag": page.etag} if page.etag else {}
        content = page.body
        asked = self.headers.get("Range")
        fits = self.headers.get("If-Range") in {None, page.etag}
        if page.ranges:
            headers["Accept-Ranges"] = "bytes"
        if asked and page.ranges and fits and status == 200:
            start, _, end = asked.removeprefix("bytes=").partition("-")
            last = int(end) if end else len(content) - 1
            headers["Content-Range"] = f"bytes {start}-{last}/{len(content)}"
            content = content[int(start) : last + 1]
        if page.sized:
            headers["Content-Length"] = str(len(content))
        return content, headers

    def _send(self, page: Page, content: bytes) -> None:
        cut = page.cut_after.pop(0) if page.cut_after else None
        with suppress(ConnectionError):
            self.wfile.write(content if cut is None else content[:cut])
        if cut is not None:
            self.close_connection = True


@pytest.fixture
def web() -> Iterator[Web]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    handler = type("Handler", (_Handler,), {"web": Web(f"127.0.0.1:{server.server_address[1]}")})
    server.RequestHandlerClass = handler
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()

    def stop() -> None:
        server.shutdown()
        thread.join()
        server.server_close()

    handler.web.stop = stop
    yield handler.web
    stop()
