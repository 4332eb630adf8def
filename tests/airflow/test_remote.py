"""The same DAGs on the platform: a stand-in over https with a certificate of its own, and the real one with a token."""

from __future__ import annotations

import json
import os
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import trustme

TOKEN = "a-token-of-the-tests"
PROJECT = "0178b4f0-0000-0000-0000-000000000001"
FILES = {"make": {"lines.txt": b"line 1\nline 2\n"}, "use": {"copy of lines.txt": b"line 1\nline 2\n"}}
YAML = (Path(__file__).parent / "project" / "valohai.yaml").read_text()


class Platform:
    """What a platform knows, in the shapes of its API (wire reference 2 and 3)."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, dict[str, list[str]], Any, str]] = []
        self.connections = 0
        self.address = self.blobs = ""
        self.executions: dict[str, dict[str, Any]] = {}
        self.data: dict[str, tuple[str, str, bytes]] = {}
        self.pipelines: dict[str, dict[str, Any]] = {}
        self.stopped: list[str] = []

    def posted(self, path: str) -> list[Any]:
        return [body for method, called, _, body, _ in self.calls if (method, called) == ("POST", path)]

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        fixed: dict[tuple[str, str], Any] = {
            ("GET", "projects"): rows({"id": PROJECT, "name": "airflow-tests"}),
            ("POST", f"projects/{PROJECT}/fetch"): {"commits": [], "errors": []},
            ("GET", "repositories"): rows({"id": 5, "project": {"id": PROJECT}}),
            ("GET", "commits"): rows({"repository": 5, "ref": "master", "identifier": "abc"}),
            ("GET", "commits/abc"): {"identifier": "abc", "config": YAML},
        }
        if (method, path) in fixed:
            return 200, fixed[(method, path)]
        kind, _, rest = path.partition("/")
        found: tuple[int, Any] = getattr(self, f"_{kind}")(method, rest, query, body)
        return found

    def _executions(self, method: str, rest: str, _query: Any, body: Any) -> tuple[int, Any]:
        if method == "POST" and not rest:
            return self._execute(body)
        key, _, what = rest.partition("/")
        if what == "events":
            return 200, {"events": [{"stream": "stdout", "time": "T1", "message": f"hello from {key}"}]}
        if what in {"tags", "stop"}:
            self.stopped += [key] if what == "stop" else []
            return 200, {}
        found = self.executions[key]
        found["looks"] += 1
        if found["status"] == "created" and found["looks"] > 1:
            found["status"] = "error" if found["step"] == "fail" else "complete"
        return 200, found

    def _execute(self, body: Any) -> tuple[int, Any]:
        if body["step"] == "nothing":
            return 400, {"step": ["There is no such step."]}
        key = f"e{len(self.executions) + 1}"
        for name, content in FILES.get(body["step"], {}).items():
            self.data[f"d{len(self.data) + 1}"] = (key, name, content)
        self.executions[key] = {
            "id": key,
            "counter": len(self.executions) + 1,
            "status": "created",
            "step": body["step"],
            "parameters": body.get("parameters", {}),
            "inputs": [{"name": name, "urls": urls} for name, urls in body.get("inputs", {}).items()],
            "urls": {"display": f"{self.address}/p/{key}"},
            "environment": {"name": body.get("environment")},
            "looks": 0,
        }
        return 201, self.executions[key]

    def _data(self, _method: str, rest: str, query: Any, _body: Any) -> tuple[int, Any]:
        if rest:
            return 200, {"url": f"{self.blobs}/{rest.partition('/')[0]}"}
        wanted = query["output_execution"][0]
        return 200, rows(
            *(
                {"id": key, "name": name, "size": len(content), "ctime": "2026-01-01T00:00:00Z", "uri": f"s3://b/{key}"}
                for key, (execution, name, content) in self.data.items()
                if execution == wanted
            )
        )

    def _pipelines(self, method: str, rest: str, _query: Any, body: Any) -> tuple[int, Any]:
        if method == "POST":
            made = {"id": "p1", "counter": 1, "status": "complete", "title": body["title"], "nodes": body["nodes"]}
            self.pipelines["p1"] = {**made, "urls": {"display": f"{self.address}/p/p1"}}
            return 201, self.pipelines["p1"]
        return 200, self.pipelines[rest]


def rows(*found: Any) -> dict[str, Any]:
    return {"count": len(found), "next": None, "results": list(found)}


class Handler(BaseHTTPRequestHandler):
    platform: Platform

    def do_GET(self) -> None:
        self._reply(self.platform)

    def do_POST(self) -> None:
        self._reply(self.platform)

    def _reply(self, platform: Platform) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        address = urlsplit(self.path)
        if not address.path.startswith("/api/v0/"):
            self._send(200, platform.data[address.path.strip("/")][2])
            return
        path, query = address.path.removeprefix("/api/v0/").strip("/"), parse_qs(address.query)
        body = json.loads(sent) if sent else None
        platform.calls.append((self.command, path, query, body, self.headers.get("Authorization") or ""))
        status, value = platform.answer(self.command, path, query, body)
        self._send(status, json.dumps(value).encode())

    def _send(self, status: int, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Nothing on the screen."""


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    """On https with a certificate that only `verify` of the connection makes good; files on plain http, no token."""
    found = Platform()

    class Server(ThreadingHTTPServer):
        def get_request(self) -> Any:
            found.connections += 1
            return super().get_request()

    handler = type("Bound", (Handler,), {"platform": found})
    api, blobs = Server(("127.0.0.1", 0), handler), ThreadingHTTPServer(("127.0.0.1", 0), handler)
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    api.socket = context.wrap_socket(api.socket, server_side=True)
    found.address = f"https://localhost:{api.server_address[1]}"
    found.blobs = f"http://127.0.0.1:{blobs.server_address[1]}"
    threads = [threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True) for server in (api, blobs)]
    for thread in threads:
        thread.start()
    connect(monkeypatch, "localhost", TOKEN, port=api.server_address[1], verify=str(tmp_path / "ca.pem"))
    yield found
    for server, thread in zip((api, blobs), threads, strict=True):
        server.shutdown()
        thread.join()
        server.server_close()


def connect(monkeypatch: pytest.MonkeyPatch, host: str, token: str, *, port: int | None = None, **extra: Any) -> None:
    connection = {"conn_type": "valohai", "host": host, "port": port, "password": token, "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_VALOHAI_DEFAULT", json.dumps(connection))


@pytest.fixture
def remote(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in production: the variable is not set. Only the 30 seconds between looks are shorter."""
    monkeypatch.delenv("LOCALHAI_MODE")
    monkeypatch.delenv("LOCALHAI_PROJECTS")
    monkeypatch.setattr("localhai.airflow.hook.POLLING_INTERVAL", 0.05)


Run = Callable[[str], Any]


@pytest.mark.usefixtures("remote")
def test_the_very_same_dag_runs_on_the_platform(platform: Platform, run_dag: Run, log: Any, capfd: Any) -> None:
    ran = run_dag("passing")

    assert ran.state == "success", ran.tasks
    first, second = platform.posted("executions")
    assert (first["step"], first["commit"], first["parameters"]) == ("make", "abc", {"count": "3"})
    assert second["inputs"] == {"data": ["datum://d1"]}
    assert platform.posted("executions/e1/tags") == [{"tags": ["nightly"]}]
    assert {token for *_, token in platform.calls} == {f"Token {TOKEN}"}
    made = ran.xcom("make")
    assert made["id"] == "e1"
    assert [set(output) for output in made["outputs"]] == [{"name", "ctime", "size", "id", "uri", "url"}]
    assert ran.xcom("make", "valohai_execution_url") == f"{platform.address}/p/e1"
    got = Path(os.environ["AIRFLOW_HOME"], "got", "copy of lines.txt")
    assert got.read_bytes() == b"line 1\nline 2\n"
    said = "".join(capfd.readouterr()) + log.text
    assert "remote mode, because LOCALHAI_MODE is not set" in said
    assert "hello from e1" in said


@pytest.mark.usefixtures("remote")
def test_pipeline_mapped_deferred_and_sensor_on_the_platform(platform: Platform, run_dag: Run) -> None:
    ran = run_dag("one_of_each")

    assert ran.state == "success", ran.tasks
    [pipeline] = platform.posted("pipelines")
    assert pipeline["project"] == PROJECT
    assert pipeline["title"] == "both"
    assert [(node["name"], node["type"]) for node in pipeline["nodes"]] == [("make", "execution"), ("use", "execution")]
    assert [node["template"]["commit"] for node in pipeline["nodes"]] == ["abc", "abc"]
    [edge] = pipeline["edges"]
    assert (edge["source_node"], edge["source_key"], edge["target_node"]) == ("make", "lines.txt", "use")
    assert [node["name"] for node in ran.xcom("pipeline")["nodes"]] == ["make", "use"]
    counts = sorted(body["parameters"]["count"] for body in platform.posted("executions") if body.get("parameters"))
    assert counts == [1, 2]


@pytest.mark.usefixtures("remote")
def test_dags_of_the_original_plugin_on_the_platform(platform: Platform, run_dag: Run) -> None:
    ran = run_dag("original_names")

    assert ran.state == "success", ran.tasks
    assert [body["step"] for body in platform.posted("executions")] == ["make", "use"]
    assert platform.posted("executions")[1]["environment"] == "azure-westeurope-f2sv2"


@pytest.mark.usefixtures("remote")
def test_failures_on_the_platform_say_what_and_why(platform: Platform, run_dag: Run, log: Any, capfd: Any) -> None:
    ran = run_dag("failing")

    assert ran.state == "failed"
    said = log.text + "".join(capfd.readouterr())
    assert "hello from e1" in said
    assert "There is no such step." in said
    assert "shows this token no project 'nowhere'" in said
    assert len(platform.posted("executions")) == 2, "what no other try can help was tried again"


@pytest.mark.docker
@pytest.mark.parametrize("dag", ["passing", "failing", "one_of_each"])
def test_in_dev_mode_nothing_ever_reaches_the_platform(platform: Platform, run_dag: Run, dag: str) -> None:
    ran = run_dag(dag)

    assert ran.state == ("failed" if dag == "failing" else "success")
    assert (platform.connections, platform.calls) == (0, [])


@pytest.mark.usefixtures("remote")
@pytest.mark.parametrize(
    "where",
    [
        "stand-in",
        pytest.param(
            "platform",
            marks=[
                pytest.mark.platform,
                pytest.mark.skipif("VALOHAI_TOKEN" not in os.environ, reason="VALOHAI_TOKEN is not set"),
            ],
        ),
    ],
)
def test_a_step_on_the_platform(
    request: pytest.FixtureRequest, run_dag: Run, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """On the real one with VALOHAI_TOKEN, VALOHAI_TEST_PROJECT and VALOHAI_TEST_STEP; VALOHAI_HOST if it is another."""
    if where == "platform":
        connect(monkeypatch, os.environ.get("VALOHAI_HOST", "app.valohai.com"), os.environ["VALOHAI_TOKEN"])
        monkeypatch.setattr("localhai.airflow.hook.POLLING_INTERVAL", 5.0)
    else:
        request.getfixturevalue("platform")

    ran = run_dag("one_step")

    assert ran.state == "success", ran.tasks
    details = ran.xcom("step")
    assert details["status"] == "complete"
    assert {"id", "counter", "step", "urls", "parameters", "inputs", "outputs"} <= set(details)
    for output in details["outputs"]:
        assert {"name", "ctime", "size", "id", "uri", "url"} <= set(output)
