"""What servers say of themselves in a home, and what is believed of it."""

from __future__ import annotations

import json
import os
import stat
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from localhai.app import servers


class Quiet(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(503)
        self.end_headers()

    def log_message(self, *_words):
        """Nobody reads it."""


@pytest.fixture
def url():
    server = HTTPServer(("127.0.0.1", 0), Quiet)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def written(home: Path) -> Path:
    (path,) = (home / "server" / "at").iterdir()
    return path


def test_a_server_is_found_as_long_as_it_runs(tmp_path, url):
    assert servers.answering(tmp_path) is None
    with servers.announced(tmp_path, url, "1.2.3"):
        found = servers.answering(tmp_path)
        assert found is not None
        assert (found.url, found.pid, found.version, found.log) == (url, os.getpid(), "1.2.3", None)
        assert servers.of_process(tmp_path, os.getpid()) == found
        assert stat.S_IMODE(written(tmp_path).stat().st_mode) == 0o600
    assert servers.answering(tmp_path) is None
    assert not list((tmp_path / "server" / "at").iterdir())


@pytest.mark.parametrize(
    "change", [{"process_start": "an earlier one"}, {"boot_id": "an earlier one"}, {"pid": 2**22 + 1}]
)
def test_what_a_server_that_died_has_left_is_passed_over_and_taken_away(tmp_path, url, change):
    with servers.announced(tmp_path, url, "1.2.3"):
        path = written(tmp_path)
        path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
        assert servers.answering(tmp_path) is None
        assert not path.exists()


def test_a_server_that_runs_and_does_not_answer_is_no_server(tmp_path):
    with servers.announced(tmp_path, "http://127.0.0.1:9", "1.2.3"):
        assert servers.answering(tmp_path) is None
        assert written(tmp_path).exists(), "it may answer again"


def test_a_server_in_a_container_that_has_this_home_is_not_ours_to_judge(tmp_path, url):
    with servers.announced(tmp_path, url, "1.2.3"):
        path = written(tmp_path)
        path.write_text(json.dumps({**json.loads(path.read_text()), "host": "a-container", "pid": 1}))
        assert servers.answering(tmp_path) is None
        assert path.exists()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"url": 5}'])
def test_a_spoiled_file_is_no_server(tmp_path, url, content):
    with servers.announced(tmp_path, url, "1.2.3"):
        written(tmp_path).write_text(content)
        assert servers.answering(tmp_path) is None


def test_only_those_in_the_background_are_ended_by_others(tmp_path, url):
    with servers.announced(tmp_path, url, "1.2.3"):
        assert servers.unattended(tmp_path) == []
    with servers.announced(tmp_path, url, "1.2.3", tmp_path / "page.log"):
        (found,) = servers.unattended(tmp_path)
        assert found.log == str(tmp_path / "page.log")
