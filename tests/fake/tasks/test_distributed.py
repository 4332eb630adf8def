"""Distributed tasks over the fake engine: together, at known addresses, and nothing left (platform.md 10)."""

from __future__ import annotations

import json
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from localhai.cli.call import Call
from localhai.cli.main import cli
from localhai.containers import labels
from localhai.errors import SurroundingsError
from localhai.executions.home import Home
from localhai.settings import Settings
from localhai.testing import FakeEngine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from click.testing import Result

    from localhai.testing import FakeContainer

YAML = """\
- step:
    name: train
    image: python:3.11-slim
    command: python train.py {parameters}
    parameters:
      - {name: lr, type: float, default: 0.5}
    environment-variables:
      - {name: VH_DOCKER_NETWORK, default: host}
      - {name: VH_EXPOSE_PORTS, default: "8080:80"}
- task:
    name: group
    step: train
    type: distributed
    execution-count: 3
    parameters: []
- task:
    name: patient
    step: train
    type: distributed
    execution-count: 3
    on-child-error: continue-and-error
    parameters: []
- task:
    name: each
    step: train
    type: distributed
    parameters:
      - {name: lr, style: multiple, rules: {items: [0.1, 0.2]}}
- task:
    name: queue
    step: train
    type: distributed
    execution-count: 3
    maximum-queued-executions: 2
    parameters: []
- task:
    name: uneven
    step: train
    type: distributed
    execution-count: 3
    parameters:
      - {name: lr, style: multiple, rules: {items: [0.1, 0.2]}}
- task:
    name: alone
    step: train
    type: distributed
    parameters: []
"""


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    engine = FakeEngine()
    yield engine
    engine.close()


@pytest.fixture
def localhai(tmp_path: Path, engine: FakeEngine, used_home: Path) -> Iterator[Callable[..., Result]]:
    folder = tmp_path / "group"
    folder.mkdir()
    (folder / "valohai.yaml").write_text(YAML)
    with Home(Settings.load(flags={"home": used_home}), engine=engine) as home:

        def call(*words: str) -> Result:
            result = CliRunner().invoke(cli, list(words), obj=Call(home=home, folder=folder))
            if result.exception is not None and not isinstance(result.exception, SystemExit):
                raise result.exception
            return result

        yield call
    assert engine.all_containers == []
    assert engine.networks({labels.EXECUTION: None}) == []


def run(localhai: Callable[..., Result], name: str, *words: str) -> tuple[int, Any]:
    done = localhai("task", "run", name, "--json", *words)
    return done.exit_code, json.loads(done.stdout)


def test_members_find_one_another_by_the_addresses_given(localhai: Callable[..., Result], engine: FakeEngine) -> None:
    listening = threading.Event()

    def meet(container: FakeContainer) -> int:
        config: Any = container.config("distributed.json")
        rank = int(config["self"]["member_id"])
        master = next(item for item in config["members"] if item["member_id"] == "0")["network"]["local_ips"][0]
        if rank == 0:
            with socket.create_server((master, 29431)) as server:
                listening.set()
                peers = [server.accept()[0] for _ in range(config["config"]["required_count"] - 1)]
                said = sorted(peer.recv(10).decode() for peer in peers)
                for peer in peers:
                    peer.close()
            container.out(json.dumps({"heard": ",".join(said)}) + "\n")
        else:
            assert listening.wait(20)
            with socket.create_connection((master, 29431)) as peer:
                peer.sendall(str(rank).encode())
        return 0

    engine.behave(meet)
    code, found = run(localhai, "group")
    assert (code, found["statuses"]) == (0, {"complete": 3})
    assert [row["metadata"] for row in found["executions"]] == [{"heard": "1,2"}, {}, {}]


def test_what_a_member_is_told(localhai: Callable[..., Result], engine: FakeEngine) -> None:
    seen: dict[str, Any] = {}

    def look(container: FakeContainer) -> int:
        seen[container.environment["VH_DIST_MEMBER_ID"]] = (dict(container.environment), container.config(CONFIG))
        assert container.path("/valohai/config/distributed.yaml").is_file()
        return 0

    engine.behave(look)
    _code, found = run(localhai, "group")
    assert sorted(seen) == ["0", "1", "2"]
    variables, config = seen["1"]
    assert (variables["VH_DIST_MEMBER_INDEX"], variables["VH_DIST_MEMBER_COUNT"]) == ("1", "3")
    assert config["config"] == {"group_name": f"task-{found['id']}", "member_id": "1", "required_count": 3}
    jobs = {item["member_id"]: item["job_id"] for item in config["members"]}
    assert jobs == {str(row["number"]): f"exec-{row['id']}" for row in found["executions"]}
    own = next(item for item in config["members"] if item["member_id"] == "1")
    assert {key: config["self"][key] for key in own if key != "announce_time"} == {
        key: value for key, value in own.items() if key != "announce_time"
    }
    assert own["network"]["exposed_ports"] == {"80": "80"}
    assert own["network"]["public_ips"] == []
    assert len({tuple(item["network"]["local_ips"]) for item in config["members"]}) == 3
    log = localhai("execution", "logs", "1").stdout + localhai("execution", "logs", "1").stderr
    assert "approximated: VH_DOCKER_NETWORK, VH_EXPOSE_PORTS" in log


CONFIG = "distributed.json"


def test_an_ordinary_execution_is_told_nothing_of_it(localhai: Callable[..., Result], engine: FakeEngine) -> None:
    def look(container: FakeContainer) -> int:
        assert container.config(CONFIG) == {}
        return sum(name.startswith("VH_DIST") for name in container.environment)

    engine.behave(look)
    assert localhai("run", "train").exit_code == 0


def test_a_member_that_cannot_start_keeps_all_from_starting(
    localhai: Callable[..., Result], engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []
    engine.behave(lambda container: ran.append(container.name))
    create = FakeEngine.create

    def refuse(self: FakeEngine, spec: Any) -> str:
        if spec.environment.get("VH_DIST_MEMBER_ID") == "2":
            raise SurroundingsError("there is no such user")
        return create(self, spec)

    monkeypatch.setattr(FakeEngine, "create", refuse)
    done = localhai("task", "run", "group")
    assert (done.exit_code, "there is no such user" in done.stderr) == (4, True)
    assert ran == []
    found = json.loads(localhai("task", "info", "1", "--json").stdout)
    assert (found["status"], found["statuses"]) == ("error", {"error": 1, "stopped": 2})
    errors = {json.loads(localhai("execution", "info", str(n), "--json").stdout)["error"] for n in (1, 2, 3)}
    assert "member 2 of its distributed task did not start" in errors


@pytest.mark.parametrize(("task", "others"), [("group", "stopped"), ("patient", "complete")])
def test_a_member_that_fails(localhai: Callable[..., Result], engine: FakeEngine, task: str, others: str) -> None:
    def fail(container: FakeContainer) -> int:
        if container.environment["VH_DIST_MEMBER_ID"] == "1":
            return 3
        container.sleep(60 if others == "stopped" else 0)
        return 0

    engine.behave(fail)
    code, found = run(localhai, task)
    assert (code, found["status"]) == (1, "error")
    assert [row["status"] for row in found["executions"]] == [others, "error", others]


def test_a_group_is_resumed_as_a_whole(localhai: Callable[..., Result], engine: FakeEngine) -> None:
    engine.behave(lambda container: 3 * (container.environment["VH_DIST_MEMBER_ID"] == "1"))
    run(localhai, "patient")
    engine.behave(lambda _container: 0)
    done = json.loads(localhai("task", "resume", "1", "--json").stdout)
    assert (done["status"], {row["counter"] for row in done["executions"]}) == ("complete", {4, 5, 6})
    again = json.loads(localhai("task", "resume", "1", "--json").stdout)
    assert len(again["executions"]) == 3


def test_each_member_may_have_a_value_of_its_own(localhai: Callable[..., Result]) -> None:
    _code, found = run(localhai, "each")
    assert [row["parameters"] for row in found["executions"]] == [{"lr": 0.1}, {"lr": 0.2}]


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("queue", "maximum-queued-executions is 2, but all 3 members start together"),
        ("uneven", "parameter lr has 2 values for 3 members"),
        ("alone", "a distributed task needs to know its members"),
    ],
)
def test_groups_that_cannot_be(localhai: Callable[..., Result], task: str, message: str) -> None:
    done = localhai("task", "run", task)
    assert (done.exit_code, message in done.stderr) == (3, True), done.stderr


def test_a_step_is_distributed_without_a_blueprint(localhai: Callable[..., Result], engine: FakeEngine) -> None:
    def say(container: FakeContainer) -> int:
        lr = container.parameters["lr"]
        container.out(json.dumps({"lr": lr, "count": int(container.environment["VH_DIST_MEMBER_COUNT"])}) + "\n")
        return 0

    engine.behave(say)
    code, found = run(localhai, "train", "--distributed", "--execution-count=3", "--lr=0.1")
    assert (code, found["type"], found["name"]) == (0, "distributed", "train")
    assert [row["metadata"] for row in found["executions"]] == [{"lr": 0.1, "count": 3}] * 3
    code, found = run(localhai, "train", "--distributed", "--grid", "lr=0.1,0.2")
    rows = sorted(found["executions"], key=lambda row: row["number"])
    assert [row["metadata"] for row in rows] == [{"lr": 0.1, "count": 2}, {"lr": 0.2, "count": 2}]
