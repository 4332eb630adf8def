"""Several localhai at once: on one project, on one input, on a home that nobody made yet."""

from __future__ import annotations

import hashlib
import http.server
import os
import threading
from collections.abc import Iterator

import pytest

pytestmark = pytest.mark.docker

CONTENT = os.urandom(400_000)


class Slow:
    """A web server with one file. It gives half of it and the rest when `go` is set; it remembers what it gave."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.half = threading.Event()
        self.given: list[int] = []
        slow = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("ETag", '"one"')
                self.send_header("Content-Length", str(len(CONTENT)))
                self.end_headers()
                if self.command == "GET":
                    slow.give(self.wfile)

            do_HEAD = do_GET  # noqa: N815  # the name that http.server looks for

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.uri = f"http://127.0.0.1:{self.server.server_port}/articles.csv"

    def give(self, file) -> None:
        middle = len(CONTENT) // 2
        try:
            file.write(CONTENT[:middle])
            file.flush()
            self.half.set()
            self.go.wait(90)
            file.write(CONTENT[middle:])
            self.given.append(len(CONTENT))
        except OSError:  # it was killed meanwhile
            self.given.append(middle)


@pytest.fixture
def slow() -> Iterator[Slow]:
    made = Slow()
    thread = threading.Thread(target=made.server.serve_forever, args=(0.05,))
    thread.start()
    yield made
    made.go.set()
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def objects(bench) -> list[bytes]:
    """The contents in the cache."""
    return [path.read_bytes() for path in (bench.home / "cache" / "data" / "objects").rglob("*") if path.is_file()]


def test_two_at_once_download_one_input_once(bench, slow) -> None:
    bench.step("sha256sum < /valohai/inputs/data/articles.csv", inputs=[{"name": "data", "default": slow.uri}])
    runs = [bench.start("run", "work")]
    assert slow.half.wait(90)
    runs.append(bench.start("run", "work"))
    bench.until(lambda: len(bench.records()) == 2 and bench.records()[0].status == "started")
    slow.go.set()
    assert [run.code() for run in runs] == [0, 0], [run.err for run in runs]
    assert slow.given == [len(CONTENT)]
    assert objects(bench) == [CONTENT]
    assert sorted((row.counter, row.status) for row in bench.records()) == [(1, "complete"), (2, "complete")]
    for run in runs:
        assert hashlib.sha256(CONTENT).hexdigest() in run.out


def test_one_that_waits_for_a_download_takes_over_when_the_other_dies(bench, slow) -> None:
    bench.step("sha256sum < /valohai/inputs/data/articles.csv", inputs=[{"name": "data", "default": slow.uri}])
    first = bench.start("run", "work")
    assert slow.half.wait(90)
    second = bench.start("run", "work")
    bench.until(lambda: len(bench.records()) == 2 and bench.records()[0].status == "started")
    first.die()
    slow.go.set()
    assert second.code() == 0, second.err
    assert hashlib.sha256(CONTENT).hexdigest() in second.out
    assert objects(bench) == [CONTENT]
    bench.call("execution", "list")
    assert [(row.counter, row.status) for row in bench.records()] == [(2, "complete"), (1, "crashed")]


@pytest.mark.parametrize(("way", "many"), [("bind", 50), ("volumes", 10)])
def test_fifty_at_once_on_a_home_that_nobody_made_yet(bench, way, many) -> None:
    """Schema, counters, canary and code snapshot are made by whoever comes first; the others wait, not for long."""
    bench.environment["LOCALHAI_FILES"] = way
    bench.step("echo '{\"number\": '$NUMBER'}' && echo $NUMBER > /valohai/outputs/number.txt")
    runs = [bench.start("run", "work", "--var", f"NUMBER={number}") for number in range(many)]
    failed = [run.err for run in runs if run.code() != 0]
    assert failed == []
    for run in runs:
        assert "locked" not in run.err
        assert "Traceback" not in run.err
    rows = bench.records()
    assert sorted(row.counter for row in rows) == list(range(1, many + 1))
    assert {row.status for row in rows} == {"complete"}
    with bench.open() as project:
        found = [project.execution(str(row.counter)) for row in rows]
        assert sorted(execution.metadata["number"] for execution in found) == list(range(many))
        for execution in found:
            assert [item["name"] for item in execution.outputs] == ["number.txt"]
            assert execution.logs() == f'{{"number": {execution.metadata["number"]}}}\n'
