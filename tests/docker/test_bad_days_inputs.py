"""What a step needs cannot be had: a dead link, a denied bucket, a connection that breaks, an image nobody has."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Iterator

import pytest

pytestmark = pytest.mark.docker

CONTENT = bytes(range(256)) * 4096  # 1 MiB


class Bucket(http.server.ThreadingHTTPServer):
    """Serves one object at any path, as S3 or as a web server; `status` refuses it, `cuts` breaks so many answers."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.status = 200
        self.cuts = 0
        self.ranges: list[str] = []
        self.lock = threading.Lock()

    def cut(self) -> bool:
        with self.lock:
            self.cuts -= 1
            return self.cuts >= 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answer(http.server.BaseHTTPRequestHandler):
    server: Bucket

    def do_HEAD(self) -> None:
        self._answer(b"")

    def do_GET(self) -> None:
        self._answer(CONTENT)

    def _answer(self, content: bytes) -> None:
        if self.server.status != 200:
            self.send_response(self.server.status)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        first, last = 0, len(CONTENT) - 1
        wanted = self.headers.get("Range")
        if wanted:
            begin, _, end = wanted.removeprefix("bytes=").partition("-")
            first, last = int(begin), min(int(end or last), last)
        self.send_response(206 if wanted else 200)
        if wanted:
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(CONTENT)}")
        self.send_header("Content-Length", str(last - first + 1))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", '"one"')
        self.send_header("Last-Modified", "Wed, 01 Jan 2025 00:00:00 GMT")
        self.end_headers()
        if not content:
            return
        self.server.ranges.append(wanted or "")
        part = content[first : last + 1]
        if self.server.cut():
            part = part[: len(part) // 2]
            self.close_connection = True
        self.wfile.write(part)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def bucket(bench) -> Iterator[Bucket]:
    with Bucket() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        bench.environment.update(
            AWS_ENDPOINT_URL=server.address,
            AWS_ACCESS_KEY_ID="test",
            AWS_SECRET_ACCESS_KEY="test",
            AWS_DEFAULT_REGION="us-east-1",
        )
        yield server
        server.shutdown()
        thread.join()


def wants(bench, uri: str) -> None:
    bench.step("sha256sum /valohai/inputs/data/*", inputs=[{"name": "data", "default": uri}])


def test_a_dead_link_names_the_input_and_what_to_write_instead(bench, bucket) -> None:
    bucket.status = 404
    uri = f"{bucket.address}/gone.csv"
    wants(bench, uri)
    run = bench.call("run", "work")
    assert run.process.returncode == 4, run.err
    assert uri in run.err
    assert "there is nothing at that address (404)" in run.err
    assert "--data=" in run.err
    assert "Traceback" not in run.err
    assert bench.last()["status"] == "error"


def test_a_denied_bucket_says_so(bench, bucket) -> None:
    bucket.status = 403
    wants(bench, "s3://secret/data.csv")
    run = bench.call("run", "work")
    assert run.process.returncode == 4, run.err
    assert "s3://secret/data.csv" in run.err
    assert "access is denied" in run.err
    assert "Traceback" not in run.err
    assert bench.last()["status"] == "error"


def test_s3_cut_once_in_mid_download_goes_on(bench, bucket) -> None:
    bucket.cuts = 1
    wants(bench, "s3://news/data.csv")
    run = bench.call("run", "work")
    assert run.process.returncode == 0, run.err
    begin, _, end = bucket.ranges[-1].removeprefix("bytes=").partition("-")
    assert (int(begin), end in {"", str(len(CONTENT) - 1)}) == (
        len(CONTENT) // 2,
        True,
    )  # what was here is not asked for
    execution = bench.last()
    assert execution["status"] == "complete"
    assert hashlib.sha256(CONTENT).hexdigest() in run.out


def test_s3_cut_always_is_an_error_and_the_cache_holds_nothing_wrong(bench, bucket) -> None:
    bucket.cuts = 1_000_000
    wants(bench, "s3://news/data.csv")
    run = bench.call("run", "work")
    assert run.process.returncode == 4, run.err
    assert "s3://news/data.csv" in run.err
    assert "Traceback" not in run.err
    assert bench.last()["status"] == "error"
    bucket.cuts = 0
    again = bench.call("run", "work")
    assert again.process.returncode == 0, again.err
    assert hashlib.sha256(CONTENT).hexdigest() in again.out


def test_an_image_nobody_has_is_named(bench) -> None:
    image = "localhai-test/nobody-has-this:1"
    bench.step("true", image=image)
    run = bench.call("run", "work", "--image", image)
    assert run.process.returncode == 4, run.err
    assert image in run.err
    assert "Traceback" not in run.err
    assert bench.last()["status"] == "error"
