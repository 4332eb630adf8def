"""Distributed tasks on the real engine: a rendezvous over TCP, one that fails, Ctrl-C, kill -9; no network is left."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest

from localhai.containers import labels
from localhai.containers.docker.connect import connect

pytestmark = pytest.mark.docker

RENDEZVOUS = """\
import json, os, socket, time
config = json.load(open("/valohai/config/distributed.json"))
members = sorted(config["members"], key=lambda item: int(item["member_id"]))
rank, count = int(os.environ["VH_DIST_MEMBER_INDEX"]), int(os.environ["VH_DIST_MEMBER_COUNT"])
assert config["self"]["member_id"] == str(rank) and config["config"]["required_count"] == count == len(members)
master = members[0]["network"]["local_ips"][0]
if rank == 0:
    with socket.create_server(("0.0.0.0", 29500)) as server:
        peers = [server.accept() for _ in range(count - 1)]
        said = {peer.recv(100).decode(): address[0] for peer, address in peers}
        for peer, _ in peers:
            peer.sendall(str(len(said)).encode())
    given = {item["member_id"]: item["network"]["local_ips"][0] for item in members[1:]}
    assert said == given, (said, given)
    print(json.dumps({"met": len(said) + 1}))
else:
    for _ in range(300):
        try:
            peer = socket.create_connection((master, 29500), timeout=30)
            break
        except ConnectionRefusedError:
            time.sleep(0.1)
    peer.sendall(str(rank).encode())
    print(json.dumps({"met": int(peer.recv(10)) + 1}))
"""


def group(bench: Any, command: Any, **task: Any) -> None:
    """A valohai.yaml with a task of three members."""
    bench.step(command, **{"environment-variables": [{"name": "VH_DOCKER_NETWORK", "default": "host"}]})
    document = json.loads((bench.folder / "valohai.yaml").read_text())
    blueprint = {"name": "group", "step": "work", "type": "distributed", "execution-count": 3, "parameters": []}
    document.append({"task": {**blueprint, **task}})
    (bench.folder / "valohai.yaml").write_text(json.dumps(document))


def info(bench: Any) -> Any:
    answer = bench.call("task", "info", "latest", "--json")
    assert answer.process.returncode == 0, answer.err
    return json.loads(answer.out)


def left(task: str) -> list[str]:
    """What the members of a task shared and is still there."""
    engine = connect()
    wanted = {labels.TASK: task}
    found = [item.name for item in engine.containers(wanted)] + engine.networks(wanted)
    engine.close()
    return found


@pytest.mark.parametrize("files", ["bind", "volumes"])
def test_three_members_meet(bench: Any, files: str) -> None:
    bench.environment["LOCALHAI_FILES"] = files
    (bench.folder / "meet.py").write_text(RENDEZVOUS)
    group(bench, "python meet.py")
    done = bench.call("task", "run", "group", "--json")
    assert done.process.returncode == 0, done.err
    found = json.loads(done.out)
    assert [row["metadata"] for row in found["executions"]] == [{"met": 3}] * 3
    assert left(found["id"]) == []


def test_one_that_fails_stops_the_others(bench: Any) -> None:
    group(bench, 'if test "$VH_DIST_MEMBER_INDEX" = 1; then exit 3; else sleep 600; fi')
    done = bench.call("task", "run", "group", "--json")
    assert done.process.returncode == 1, done.err
    found = json.loads(done.out)
    assert [row["status"] for row in found["executions"]] == ["stopped", "error", "stopped"]
    assert left(found["id"]) == []


def test_one_that_is_killed_or_removed_from_outside_stops_the_others(bench: Any) -> None:
    group(bench, ["echo up", "sleep 600"])
    engine = connect()
    for again, end in enumerate((engine.kill, engine.remove), 1):
        run = bench.start("task", "run", "group", "--output", "--json")
        bench.until(lambda run=run: run.err.count("up\n") >= 3)
        row = next(row for row in bench.records() if row.status == "started")
        end(engine.containers({labels.EXECUTION: row.id})[0].id)
        assert run.code() == 1
        found = json.loads(run.out)
        assert (found["counter"], found["status"]) == (again, "error")
        statuses = {item["counter"]: item["status"] for item in found["executions"]}
        assert statuses.pop(row.counter) in {"error", "crashed"}
        assert set(statuses.values()) == {"stopped"}
        assert left(found["id"]) == []
    engine.close()


def test_one_that_cannot_start_keeps_the_others_from_starting(bench: Any) -> None:
    group(bench, "echo ran")
    document = json.loads((bench.folder / "valohai.yaml").read_text())
    document[0]["step"]["inputs"] = [{"name": "data", "default": str(bench.folder / "missing-{parameter:part}.csv")}]
    document[0]["step"]["parameters"] = [{"name": "part", "type": "string", "default": "0"}]
    document[1]["task"]["parameters"] = [{"name": "part", "style": "multiple", "rules": {"items": ["0", "1", "2"]}}]
    (bench.folder / "valohai.yaml").write_text(json.dumps(document))
    for part in (0, 2):
        (bench.folder / f"missing-{part}.csv").write_text("a\n")
    done = bench.call("task", "run", "group", "--json")
    assert done.process.returncode == 4, done.err
    assert "missing-1.csv" in done.err
    found = info(bench)
    assert sorted(row["status"] for row in found["executions"]) == ["error", "stopped", "stopped"]
    assert left(found["id"]) == []


def test_ctrl_c_stops_all_members(bench: Any) -> None:
    group(bench, ["echo up", "sleep 600"])
    run = bench.start("task", "run", "group", "--output")
    bench.until(lambda: run.err.count("| up") == 3 or run.err.count("up\n") >= 3)
    run.signal(signal.SIGINT)
    assert run.code() == 130
    found = info(bench)
    assert (found["status"], found["statuses"]) == ("stopped", {"stopped": 3})
    assert left(found["id"]) == []


def test_kill_9_and_the_members_are_watched_to_their_end(bench: Any) -> None:
    group(bench, ["echo up", "while test ! -e /valohai/outputs/go; do sleep 0.1; done"])
    run = bench.start("task", "run", "group", "--output")
    bench.until(lambda: run.err.count("up\n") >= 3)
    run.die()
    look = bench.call("task", "list")
    assert "was left by a localhai that died: localhai task resume 1" in look.err
    found = info(bench)
    assert left(found["id"]) != []  # the members still use it
    for row in bench.records():
        (bench.home / row.folder / "outputs" / "go").touch()
    bench.until(lambda: {row.status for row in bench.records()} == {"complete"})
    bench.until(lambda: left(found["id"]) == [])


@pytest.mark.parametrize("place", ["executions.run.group.Group.ready", "executions.run.group.Group.close"])
def test_kill_9_before_they_started_and_after_they_ended(bench: Any, place: str) -> None:
    import subprocess
    import sys

    group(bench, "true")
    module, name, method = f"localhai.{place}".rsplit(".", 2)
    script = f"""
import os, signal, sys
import {module} as m
def die(*a, **k):
    os.kill(os.getpid(), signal.SIGKILL)
m.{name}.{method} = die
sys.argv = ["localhai", "task", "run", "group"]
from localhai.cli.main import main
main()
"""
    died = subprocess.run([sys.executable, "-c", script], check=False, timeout=90, cwd=bench.folder)
    assert died.returncode == -9
    found = info(bench)
    assert found["status"] == "crashed"
    assert left(found["id"]) == []
    statuses = {row.status for row in bench.records()}
    assert statuses == ({"crashed"} if place.endswith("ready") else {"complete"})
