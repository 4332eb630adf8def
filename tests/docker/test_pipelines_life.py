"""The life of a pipeline on the real engine: approval, stop, Ctrl-C, kill -9, rerun, reuse, two at once, PostgreSQL."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import postgresql
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.docker

IMAGE = "python:3.11-slim"
WORD = {
    "name": "word",
    "image": IMAGE,
    "command": ["echo $(cat word.txt) {parameter-value:n}", "cp word.txt /valohai/outputs/word.txt"],
    "parameters": [{"name": "n", "type": "integer", "default": 1}],
}
NAP = {"name": "nap", "image": IMAGE, "command": ["echo napping", "sleep 60"]}
READ = {"name": "read", "image": IMAGE, "command": "cat /valohai/inputs/words/*", "inputs": [{"name": "words"}]}
TAGS = "python -c \"import json; print(*json.load(open('/valohai/config/execution.json'))['valohai.pipeline-tags'])\""
FILES = ["word.output.*", "read.input.words"]


def node(name: str, step: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "execution", "step": step, **more}


def write(bench: Any, nodes: list[dict[str, Any]], edges: list[Any], *, steps: Any = (WORD, NAP, READ)) -> None:
    (bench.folder / "word.txt").write_text("one\n")
    items = [{"step": step} for step in steps]
    document = [*items, {"pipeline": {"name": "all", "nodes": nodes, "edges": edges}}]
    (bench.folder / "valohai.yaml").write_text(json.dumps(document))


def info(bench: Any, reference: str = "latest") -> dict[str, Any]:
    answer = bench.call("pipeline", "info", reference, "--json")
    assert answer.process.returncode == 0, answer.err
    found: dict[str, Any] = json.loads(answer.out)
    return found


def statuses(document: dict[str, Any]) -> dict[str, str]:
    return {item["name"]: item["status"] for item in document["nodes"]}


def test_approval_is_waited_for_and_given_by_another_process(bench: Any) -> None:
    action = {"when": "node-starting", "then": "require-approval"}
    write(bench, [node("word", "word"), node("read", "read", actions=[action])], [FILES])
    running = bench.start("pipeline", "run", "all")
    bench.until(lambda: "waits for approval" in running.err)
    assert info(bench)["status"] == "waiting-approval"
    wrong = bench.call("pipeline", "approve", "latest", "raed")
    assert (wrong.process.returncode, "did you mean read" in wrong.err) == (2, True)
    assert bench.call("pipeline", "approve", "latest", "read").process.returncode == 0
    assert running.code() == 0, running.err
    assert statuses(info(bench)) == {"word": "complete", "read": "complete"}
    aloud = bench.call("pipeline", "run", "all", "--approve-all")
    assert aloud.process.returncode == 0
    assert "node read: approved by --approve-all" in aloud.err


def test_an_approval_is_stopped_as_everything_else(bench: Any) -> None:
    write(bench, [node("word", "word", actions=[{"when": "node-complete", "then": "require-approval"}])], [])
    running = bench.start("pipeline", "run", "all")
    bench.until(lambda: "waits for approval" in running.err)
    assert bench.call("pipeline", "stop", "latest").process.returncode == 0
    assert running.code() == 1
    assert info(bench)["status"] == "stopped"
    assert "has ended already" in bench.call("pipeline", "stop", "latest").err


def test_ctrl_c_stops_all_nodes_and_a_rerun_keeps_what_was_complete(bench: Any) -> None:
    nodes = [node("word", "word"), node("nap", "nap"), node("doze", "nap"), node("read", "read")]
    write(bench, nodes, [FILES, ["nap.dependency.*", "read.dependency.*"]])
    running = bench.start("pipeline", "run", "all", "--jobs", "3", "--json")
    bench.until(lambda: running.err.count("| napping") == 2 and "node word: complete" in running.err)
    running.signal(signal.SIGINT)
    assert running.code() == 130, running.err
    document = json.loads(running.out)
    assert document["status"] == "stopped"
    assert statuses(document) == {"word": "complete", "nap": "stopped", "doze": "stopped", "read": "stopped"}
    write(bench, nodes, [FILES, ["nap.dependency.*", "read.dependency.*"]], steps=(WORD, quick(NAP), READ))
    (bench.folder / "word.txt").write_text("two\n")
    again = bench.call("pipeline", "rerun", "1", "--from-failed", "--current", "--json")
    assert again.process.returncode == 0, again.err
    found = json.loads(again.out)
    assert found["nodes"][0]["execution"] == document["nodes"][0]["execution"]
    assert "read | one" in again.err  # the kept node's output, not what the file says now
    assert "kept from pipeline #1: word" in again.err


def quick(step: dict[str, Any]) -> dict[str, Any]:
    return {**step, "command": "true"}


def test_kill_9_in_mid_pipeline_is_told_and_gone_on_with(bench: Any) -> None:
    write(
        bench,
        [node("word", "word"), node("nap", "nap"), node("read", "read")],
        [
            FILES,
            ["word.dependency.*", "nap.dependency.*"],
            ["nap.dependency.*", "read.dependency.*"],
        ],
    )
    running = bench.start("pipeline", "run", "all")
    bench.until(lambda: "| napping" in running.out)
    running.die()
    listed = bench.call("pipeline", "list")
    assert "pipeline #1 (all, project news) was left by a localhai that died while nap ran" in listed.err
    assert "localhai pipeline rerun 1 --from-failed" in listed.err
    left = info(bench)
    assert (left["status"], statuses(left)) == ("crashed", {"word": "complete", "nap": "stopped", "read": "stopped"})
    assert left["nodes"][1]["reason"] == "localhai died; execution #2 went on"
    early = bench.call("pipeline", "rerun", "1", "--from-failed")
    assert (early.process.returncode, "of node nap still runs" in early.err) == (2, True)
    bench.call("execution", "stop", "latest")
    bench.until(lambda: bench.last()["status"] == "stopped")
    (bench.folder / "valohai.yaml").write_text((bench.folder / "valohai.yaml").read_text().replace("sleep 60", "true"))
    again = bench.call("pipeline", "rerun", "1", "--from-failed", "--current")
    assert again.process.returncode == 0, again.err
    assert "node word: complete: kept" in again.err
    assert statuses(info(bench)) == {"word": "complete", "nap": "complete", "read": "complete"}


def test_a_killed_pipeline_whose_node_ended_meanwhile_keeps_it(bench: Any) -> None:
    steps = (
        WORD,
        {**WORD, "name": "slow", "command": ["echo begun", "sleep 2", "cp word.txt /valohai/outputs/"]},
        READ,
    )
    write(bench, [node("word", "slow"), node("read", "read")], [FILES], steps=steps)
    running = bench.start("pipeline", "run", "all")
    bench.until(lambda: "| begun" in running.out)
    running.die()
    bench.until(lambda: bench.last()["status"] == "complete")
    again = bench.call("pipeline", "rerun", "1", "--from-failed")
    assert again.process.returncode == 0, again.err
    assert "node word: complete: kept" in again.err
    assert "read | one" in again.out


def test_reuse_of_nodes_of_earlier_pipelines(bench: Any) -> None:
    write(bench, [node("word", "word"), node("read", "read")], [FILES])
    assert bench.call("pipeline", "run", "all").process.returncode == 0
    (bench.folder / "word.txt").write_text("two\n")
    reused = bench.call("pipeline", "run", "all", "--reuse=latest:wor*")
    assert reused.process.returncode == 0, reused.err
    assert "read | one" in reused.out
    first, second = info(bench, "1"), info(bench, "2")
    assert first["nodes"][0]["execution"] == second["nodes"][0]["execution"]
    assert first["nodes"][1]["execution"] != second["nodes"][1]["execution"]
    for wrong, said in (
        ("7:word", "there is no pipeline '7'"),
        ("1:nix", "matches no node"),
        ("1", "names no pipeline"),
    ):
        refused = bench.call("pipeline", "run", "all", f"--reuse={wrong}")
        assert (refused.process.returncode, said in refused.err) == (2, True), refused.err


def test_reuse_executions_runs_only_what_changed_and_says_why(bench: Any) -> None:
    nodes = [node("word", "word"), node("read", "read")]
    write(bench, nodes, [FILES])
    yaml = bench.folder / "valohai.yaml"
    document = json.loads(yaml.read_text())
    document[-1]["pipeline"]["reuse-executions"] = True
    yaml.write_text(json.dumps(document))
    first = bench.call("pipeline", "run", "all")
    assert first.process.returncode == 0, first.err
    assert "node word: not reused: no earlier execution of step word is complete" in first.err
    again = bench.call("pipeline", "run", "all")
    assert again.process.returncode == 0, again.err
    assert "node word: reused: execution #1 is complete and equals it" in again.err
    assert "node read: reused: execution #2 is complete and equals it" in again.err
    found = info(bench)
    assert [(item["reason"], item["execution"]["counter"]) for item in found["nodes"]] == [("reused", 1), ("reused", 2)]
    changed = bench.call("pipeline", "run", "all", "--word.n=5")
    assert changed.process.returncode == 0, changed.err
    assert (
        "node word: not reused: the nearest earlier execution is #1, which differs: parameter n: 1 -> 5" in changed.err
    )
    found = info(bench)  # its file is the same, so what follows is as before
    assert [(item["reason"], item["execution"]["counter"]) for item in found["nodes"]] == [(None, 3), ("reused", 2)]
    assert len(bench.records()) == 3


def test_two_pipelines_at_once_have_their_own_numbers(bench: Any) -> None:
    write(bench, [node("word", "word"), node("more", "word"), node("read", "read")], [FILES])
    both = [bench.start("pipeline", "run", "all", "--json", "--jobs", "2") for _ in range(2)]
    assert [one.code() for one in both] == [0, 0], [one.err for one in both]
    documents = [json.loads(one.out) for one in both]
    assert {document["counter"] for document in documents} == {1, 2}
    made = [item["execution"]["counter"] for document in documents for item in document["nodes"]]
    assert sorted(made) == [1, 2, 3, 4, 5, 6]
    listed = json.loads(bench.call("pipeline", "list", "--json").out)
    assert {(item["counter"], item["status"]) for item in listed} == {(2, "complete"), (1, "complete")}


def test_one_job_is_one_node_at_a_time_and_executions_know_their_pipeline(bench: Any) -> None:
    tell = {"name": "tell", "image": IMAGE, "command": ["echo $VH_PIPELINE_ID", TAGS]}
    write(bench, [node("a", "tell"), node("b", "tell"), node("c", "tell")], [], steps=(tell,))
    done = bench.call("pipeline", "run", "all", "--jobs", "1", "--tag", "nightly")
    assert done.process.returncode == 0
    names = [line.split(" | ")[0] for line in done.out.splitlines()]
    assert names == sorted(names)
    document = info(bench)
    assert f"a | {document['id']}" in done.out
    assert "a | nightly" in done.out


def test_plans_need_no_engine(bench: Any) -> None:
    write(bench, [node("word", "word"), node("read", "read")], [FILES])
    nowhere = {"env": {"DOCKER_HOST": "tcp://127.0.0.1:1"}}
    text = bench.call("pipeline", "plan", "all", **nowhere)
    assert text.out.splitlines() == ["word  (step word)", "read  (step read)", "  <- word.output.* as input words"]
    mermaid = bench.call("pipeline", "plan", "all", "--format", "mermaid", **nowhere)
    assert mermaid.out.startswith("flowchart LR\n")
    dot = bench.call("pipeline", "plan", "all", "--format", "dot", **nowhere)
    assert '"word" -> "read" [label="* → words"];' in dot.out
    assert json.loads(bench.call("pipeline", "plan", "all", "--json", **nowhere).out)["name"] == "all"
    assert bench.call("pipeline", "run", "all", **nowhere).process.returncode == 4


def test_a_terminal_sees_a_table_below_the_output(bench: Any) -> None:
    write(bench, [node("word", "word"), node("read", "read")], [FILES])
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "localhai.cli", "pipeline", "run", "all"],
        cwd=bench.folder,
        env={**os.environ, "LOCALHAI_HOME": str(bench.home), "TERM": "xterm", "COLUMNS": "100"},
        stdin=follower,
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    seen = b""
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:  # the other end is closed
            break
        seen += part
    os.close(leader)
    assert process.wait(60) == 0, seen
    text = seen.decode()
    assert "pipeline #1 all: 1 started, 1 created" in text or "1 complete" in text
    assert "word | one 1" in text
    assert "read | one" in text
    assert "pipeline #1 all: complete" in text
    assert text.rindex("read | one") < text.rindex("complete")


def test_kill_9_in_a_task_node_closes_the_task_too(bench: Any) -> None:
    sweep = {"name": "sweep", "step": "nap", "type": "grid_search"}
    sweep["parameters"] = [{"name": "n", "style": "multiple", "rules": {"items": [1, 2]}}]  # type: ignore[assignment]
    nap = {
        **NAP,
        "parameters": [{"name": "n", "type": "integer"}],
        "command": ["echo nap {parameter-value:n}", "sleep 60"],
    }
    task_node = {"name": "nap", "type": "task", "task": "sweep"}
    document = [{"step": nap}, {"task": sweep}, {"pipeline": {"name": "all", "nodes": [task_node], "edges": []}}]
    (bench.folder / "valohai.yaml").write_text(json.dumps(document))
    running = bench.start("pipeline", "run", "all", "--jobs", "2")
    bench.until(lambda: "nap 1 | nap 1" in running.out and "nap 2 | nap 2" in running.out)
    running.die()
    refused = bench.call("pipeline", "rerun", "1", "--from-failed")
    assert (refused.process.returncode, "of node nap still runs" in refused.err) == (2, True), refused.err
    assert "task #1 was left by a localhai that died" in refused.err
    for counter in ("1", "2"):
        bench.call("execution", "stop", counter)
    bench.until(lambda: all(row.status == "stopped" for row in bench.records()))
    (bench.folder / "valohai.yaml").write_text(json.dumps(document).replace("sleep 60", "true"))
    again = bench.call("pipeline", "rerun", "1", "--from-failed", "--current")
    assert again.process.returncode == 0, again.err
    assert "node nap: goes on with task #1: 0 of 2 executions are kept" in again.err
    assert info(bench)["nodes"][0]["task"]["counter"] == 1


def test_pipelines_are_remembered_in_postgresql(bench: Any, postgresql_url: str) -> None:
    bench.environment["LOCALHAI_DATABASE_URL"] = postgresql_url
    write(bench, [node("word", "word"), node("read", "read")], [FILES])
    assert bench.call("pipeline", "run", "all", "--jobs", "2").process.returncode == 0
    first = info(bench)
    assert (first["counter"], statuses(first)) == (1, {"word": "complete", "read": "complete"})
    again = bench.call("pipeline", "rerun", "1", "--from-failed")
    assert "kept from pipeline #1: word, read" in again.err
    listed = json.loads(bench.call("pipeline", "list", "--json").out)
    assert [item["counter"] for item in listed] == [2, 1]
    write(bench, [node("word", "word"), node("nap", "nap")], [])
    running = bench.start("pipeline", "run", "all", "--jobs", "2")
    bench.until(lambda: "| napping" in running.out and "node word: complete" in running.err)
    running.die()
    looked = bench.call("execution", "list")
    assert "pipeline #3 (all, project news) was left by a localhai that died while nap ran" in looked.err
    assert statuses(info(bench, "3")) == {"word": "complete", "nap": "stopped"}
    counter = str(info(bench, "3")["nodes"][1]["execution"]["counter"])
    bench.call("execution", "stop", counter)
    bench.until(lambda: json.loads(bench.call("execution", "info", counter, "--json").out)["status"] == "stopped")


@pytest.fixture
def postgresql_url() -> Iterator[str]:
    server = postgresql.Server.create()
    server.sql("CREATE DATABASE pipelines")
    yield server.url("pipelines")
    server.remove()
