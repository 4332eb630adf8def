"""Which execution of an earlier try on the platform is watched on, and which is stopped."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from localhai.airflow.platform import ExecutionRequest, Watcher
from localhai.airflow.remote import RemotePlatform
from localhai.airflow.tries import TaskName, task_of, try_of

ORIGIN = "airflow:dag/run/task"
ASKED = ExecutionRequest("p", "train", parameters={"a": 1}, commit="abc", origin=ORIGIN, last_try=2)


class Client:
    """The platform's API, as far as starting an execution goes."""

    address = "https://there"

    def __init__(self) -> None:
        self.executions: list[dict[str, Any]] = []
        self.stopped: list[str] = []

    def get(self, _path: str, **_query: Any) -> Any:
        return {"results": list(reversed(self.executions))}

    def pages(self, _path: str, **_query: Any) -> Any:
        return [{"id": "1", "name": "p"}]

    def post(self, path: str, body: Any = None) -> Any:
        if path.endswith("/stop/"):
            self.stopped.append(path)
            return None
        if path.endswith("/tags/"):
            self.executions[-1]["tags"] += body["tags"]
            return None
        number = len(self.executions) + 1
        made = {"id": f"e{number}", "counter": number, "status": "started", "urls": {"display": "x"}, **body}
        self.executions.append(made)
        return made


def start(client: Client, request: ExecutionRequest) -> str:
    return RemotePlatform(client).start(request, Watcher())  # type: ignore[arg-type]


def test_a_retry_watches_on_what_runs():
    client = Client()
    assert start(client, ASKED) == start(client, replace(ASKED, again=True, title="another", tags=["t"])) == "e1"
    assert client.stopped == []


@pytest.mark.parametrize("changes", [{"last_try": 3}, {"parameters": {"a": 2}}, {"commit": "def"}, {"image": "other"}])
def test_what_runs_for_something_else_is_stopped(changes):
    client = Client()
    start(client, ASKED)

    assert start(client, replace(ASKED, again=True, **changes)) == "e2"
    assert client.stopped == ["executions/e1/stop/"]


@pytest.mark.parametrize(("known", "last"), [({"max_tries": 0}, 1), ({"max_tries": 2}, 3), ({"max_tries": -1}, None)])
def test_the_last_try_of_a_chain_is_what_airflow_counts_to(known, last):
    assert try_of({"ti": SimpleNamespace(**known)})["last_try"] == last


def test_without_a_task_instance_there_is_no_chain():
    nothing = {"origin": None, "again": False, "last_try": None}
    assert try_of({"ti": SimpleNamespace()}) == nothing
    assert try_of({}) == nothing


@pytest.mark.parametrize(
    "name", [TaskName("d", "r", "t"), TaskName("d.e", "manual__2026-11-29T20:07+00:00/2", "g.t", 0)]
)
def test_the_tag_of_a_task_instance_names_it(name):
    assert task_of(["nightly", "airflow:until-try-1-ab", str(try_of({"ti": name})["origin"])]) == name


def test_what_no_task_started_names_none():
    assert task_of(["nightly", "a/b/c", "airflow:until-try-1-ab", "airflow:a/b"]) is None


def test_what_runs_in_a_project_on_the_platform():
    client = Client()
    start(client, ASKED)
    tags = client.executions[0]["tags"]
    client.executions += [{"id": "e2", "status": status} for status in ("complete", "stopping", "error")]
    running = [("execution", "e1", tags), ("pipeline", "e1", tags)]  # one list stands in for both
    assert list(RemotePlatform(client).running("1")) == running  # type: ignore[arg-type]
