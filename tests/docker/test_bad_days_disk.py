"""The disk of LOCALHAI_HOME is full: it is said with what to do, and the same command works once there is room."""

from __future__ import annotations

import contextlib
import functools
import http.server
import threading

import pytest

pytestmark = pytest.mark.docker

SIZE = 16 << 20


class Unsized(http.server.BaseHTTPRequestHandler):
    """Never says how much is coming: the disk is full in the middle of it."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(bytes(SIZE))

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_full_while_an_input_is_downloaded(host_mount, bench, tmp_path) -> None:
    bench.home = host_mount("small", {"size": "64m"})
    served = tmp_path / "served"
    served.mkdir()
    (served / "data.bin").write_bytes(bytes(SIZE))
    filler = bench.home / "filler"
    filler.write_bytes(bytes(56 << 20))
    handler = functools.partial(Quiet, directory=str(served))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        uri = f"http://127.0.0.1:{server.server_port}/data.bin"
        bench.step("stat -c %s /valohai/inputs/data/*", inputs=[{"name": "data", "default": uri}])
        full = bench.call("run", "work")
        filler.unlink()
        again = bench.call("run", "work")
        server.shutdown()
    assert full.process.returncode == 4, full.err
    assert "no space left" in full.err
    assert "localhai clean" in full.err
    assert "Traceback" not in full.err
    assert again.process.returncode == 0, again.err
    assert str(SIZE) in again.out
    assert [row.status for row in bench.records()] == ["complete", "error"]


def test_full_in_the_middle_of_an_input_of_unknown_size(host_mount, bench) -> None:
    bench.home = host_mount("small", {"size": "64m"})
    filler = bench.home / "filler"
    filler.write_bytes(bytes(56 << 20))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Unsized) as server:
        threading.Thread(target=server.serve_forever).start()
        uri = f"http://127.0.0.1:{server.server_port}/data.bin"
        bench.step("stat -c %s /valohai/inputs/data/*", inputs=[{"name": "data", "default": uri}])
        full = bench.call("run", "work")
        left = [
            path for path in (bench.home / "cache").rglob("*") if path.is_file() and path.stat().st_size > SIZE // 8
        ]
        filler.unlink()
        again = bench.call("run", "work")
        server.shutdown()
    assert full.process.returncode == 4, full.err
    assert "there is no space left for data.bin" in full.err
    assert "localhai clean --cache" in full.err
    assert "Traceback" not in full.err
    assert left == []
    assert again.process.returncode == 0, again.err
    assert str(SIZE) in again.out


def test_full_while_outputs_are_written(host_mount, bench) -> None:
    bench.home = host_mount("small", {"size": "64m"})
    filler = bench.home / "filler"
    filler.write_bytes(bytes(52 << 20))
    bench.step(["echo begun", "sleep 1", "head -c 16777216 /dev/zero > /valohai/outputs/big.bin || exit 9"])
    full = bench.call("run", "work")
    filler.unlink()
    assert full.process.returncode == 1, full.err
    assert "no space left" in (full.out + full.err).lower()
    assert "Traceback" not in full.err
    assert bench.records()[0].status == "error"
    assert bench.log().startswith("begun\n")
    again = bench.call("run", "work")
    assert again.process.returncode == 0, again.err
    assert [(item["name"], item["size"]) for item in bench.last()["outputs"]] == [("big.bin", 16 << 20)]
