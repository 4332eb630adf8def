"""`localhai serve` itself: https, a home that is kept for no longer than it runs."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path

import pytest
import requests
from served import TOKEN, Served

pytestmark = pytest.mark.docker

ME = "/api/v0/users/me/"
HEADERS = {"Authorization": f"Token {TOKEN}"}


@pytest.fixture
def scratch(tmp_path, monkeypatch) -> Path:
    """Where temporary folders are made."""
    made = tmp_path / "tmp"
    made.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("TMPDIR", str(made))
    return made


def test_https_beside_http_and_the_line_that_trusts_it(tmp_path):
    server = Served(tmp_path, "--https", "--https-port", "0", home=tmp_path / "home")
    try:
        trust = server.variable("REQUESTS_CA_BUNDLE")
        assert server.variable("SSL_CERT_FILE") == trust
        assert requests.get(server.url + ME, headers=HEADERS, timeout=10).ok
        answer = requests.get(server.https + ME, headers=HEADERS, verify=trust, timeout=10)
        assert answer.ok
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(server.https + ME, timeout=10)
        listed = requests.get(f"{server.https}/api/v0/environments/?limit=1", headers=HEADERS, verify=trust, timeout=10)
        assert listed.ok
        assert requests.get(f"{server.url}/health", timeout=10).json()["status"] == "ok"
    finally:
        server.end()
    assert server.process.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_ephemeral_server_leaves_nothing_behind(tmp_path, scratch, number):
    kept = tmp_path / "home"
    server = Served(tmp_path, "--ephemeral", home=kept)
    made = requests.post(f"{server.url}/api/v0/projects/", {"name": "demo"}, headers=HEADERS, timeout=10)
    assert made.status_code == 201
    assert os.listdir(scratch)
    server.end(number)
    assert server.process.returncode == 0
    assert os.listdir(scratch) == []
    assert not kept.exists()


def test_one_that_cannot_start_leaves_nothing_behind_either(tmp_path, scratch):
    first = Served(tmp_path, "--ephemeral")
    port = first.url.rpartition(":")[2]
    with pytest.raises(AssertionError, match="cannot listen"):
        Served(tmp_path, "--ephemeral", "--port", port)
    first.end()
    assert os.listdir(scratch) == []
