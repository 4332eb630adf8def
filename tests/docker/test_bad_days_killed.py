"""localhai or its container dies: the next localhai adopts or closes what is there, and nothing is lost."""

from __future__ import annotations

import http.server
import subprocess
import sys
import threading

import pytest

from localhai.app.recover import recover

pytestmark = pytest.mark.docker

METRICS = """for i in $(seq 1 {count}); do echo "{{\\"epoch\\": $i}}"; sleep 0.1; done"""
OUTPUT = "echo kept > /valohai/outputs/kept.txt"


def wait_for_end(bench) -> dict:
    bench.until(lambda: bench.records()[0].status not in {"created", "queued", "started", "stopping"})
    return bench.last()


def test_kill_9_while_the_container_runs_is_adopted(bench) -> None:
    bench.step(
        [OUTPUT, METRICS.format(count=60), "while test ! -e /valohai/outputs/go; do sleep 0.1; done", "echo end"]
    )
    run = bench.start("run", "work")
    bench.until(lambda: '"epoch": 5}' in run.out)
    run.die()
    look = bench.call("execution", "list")
    assert "was left running by a localhai that died" in look.err
    assert bench.records()[0].status == "started"
    row = bench.records()[0]
    (bench.home / row.folder / "outputs" / "go").touch()
    execution = wait_for_end(bench)
    assert (execution["status"], execution["exit_code"]) == ("complete", 0)
    assert {item["name"] for item in execution["outputs"]} == {"kept.txt", "go"}
    assert execution["metadata"] == {"epoch": 60}
    with bench.open() as project:
        found = project.execution()
        assert [item["epoch"] for item in found.metadata_events()] == list(range(1, 61))
        assert found.logs().count("\n") == 61
        assert "Its localhai died" in "".join(event.message for event in found.events() if event.stream == "status")


def test_kill_9_and_the_container_ended_meanwhile_is_closed(bench) -> None:
    bench.step([OUTPUT, METRICS.format(count=20), "exit 3"])
    run = bench.start("run", "work")
    bench.until(lambda: '"epoch": 3}' in run.out)
    container = bench.container()
    run.die()
    subprocess.run(["docker", "wait", container], check=True, stdout=subprocess.DEVNULL)
    look = bench.call("execution", "list", "--json")
    assert "it is closed as error, log and outputs are kept" in look.err
    execution = bench.last()
    assert (execution["status"], execution["exit_code"]) == ("error", 3)
    assert execution["error"] == "its command ended with exit code 3"
    assert [item["name"] for item in execution["outputs"]] == ["kept.txt"]
    with bench.open() as project:
        found = project.execution()
        assert [item["epoch"] for item in found.metadata_events()] == list(range(1, 21))


def test_kill_9_before_the_container_was_made(bench) -> None:
    class Slow(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.set()
            over.wait(90)

        do_HEAD = do_GET  # noqa: N815  # the name that http.server looks for

    asked, over = threading.Event(), threading.Event()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server:
        threading.Thread(target=server.serve_forever).start()
        uri = f"http://127.0.0.1:{server.server_port}/x.csv"
        bench.step("true", inputs=[{"name": "data", "default": uri}])
        run = bench.start("run", "work")
        assert asked.wait(90)
        run.die()
        over.set()
        server.shutdown()
    look = bench.call("execution", "list")
    assert "it is closed as crashed" in look.err
    execution = bench.last()
    assert (execution["status"], execution["exit_code"]) == ("crashed", None)
    assert execution["error"] == "its localhai died before its container ran"


@pytest.mark.parametrize(
    "moment", ["prepare", "engine.create", "engine.start", "finish", "collect", "remove", "record"]
)
def test_kill_9_at_any_moment(bench, moment) -> None:
    """A localhai that kills itself in the middle of a stage, then another look."""
    places = {
        "prepare": "import localhai.executions.run.runner as m; m.prepare = die",
        "engine.create": "import localhai.executions.run.prepare as m; m.tree_contents = die",
        "engine.start": "from localhai.containers.docker.engine import DockerEngine as m; m.start = die",
        "finish": "import localhai.executions.run.finalize as m; m._keep_outputs = die",
        "collect": "import localhai.executions.run.finalize as m; m._end_capture = die",
        "remove": "import localhai.executions.run.finalize as m; m.remove_container = die",
        "record": "import localhai.executions.run.finalize as m; m.record_end = die",
    }
    bench.step([OUTPUT, "echo '{\"a\": 1}'"])
    script = f"""
import os, signal, localhai
def die(*a, **k):
    os.kill(os.getpid(), signal.SIGKILL)
{places[moment]}
localhai.open_project({str(bench.folder)!r}).run("work")
"""
    died = subprocess.run([sys.executable, "-c", script], check=False, timeout=90)
    assert died.returncode == -9
    said: list[str] = []
    with bench.open() as project:
        recover(project.home, said.append)
        recover(project.home, said.append)  # a second look finds nothing to do
        execution = project.execution()
        assert len(said) == 1
        if moment in {"prepare", "engine.create", "engine.start"}:
            assert execution.status == "crashed"
        else:
            assert (execution.status, execution.exit_code) == ("complete", 0)
            assert [item["name"] for item in execution.outputs] == ["kept.txt"]
            assert execution.metadata == {"a": 1}
            assert execution.logs() == '{"a": 1}\n'


def test_kill_9_in_volumes_mode(bench) -> None:
    bench.environment["LOCALHAI_FILES"] = "volumes"
    bench.step([OUTPUT, "echo ready", "sleep 3"])
    run = bench.start("run", "work")
    bench.until(lambda: "ready" in run.out)
    run.die()
    bench.call("execution", "list")
    execution = wait_for_end(bench)
    assert execution["status"] == "complete"
    assert [item["name"] for item in execution["outputs"]] == ["kept.txt"]


def test_a_stop_wish_reaches_the_adopter(bench) -> None:
    bench.step([OUTPUT, "echo ready", "sleep 600"])
    run = bench.start("run", "work")
    bench.until(lambda: "ready" in run.out)
    run.die()
    with bench.open() as project:
        recover(project.home, lambda _: None)
        project.home.records.executions.request_stop(project.execution().id)
    execution = wait_for_end(bench)
    assert (execution["status"], execution["error"]) == ("stopped", "a stop was requested")
    assert [item["name"] for item in execution["outputs"]] == ["kept.txt"]


def test_the_adopter_goes_by_the_settings_of_the_project_not_of_who_looks(bench) -> None:
    store = bench.tmp / "store-of-the-project"
    (bench.folder / "localhai.toml").write_text(f'[store]\nurl = "{store}"\n')
    bench.step([OUTPUT, "echo ready", "sleep 3"])
    run = bench.start("run", "work")
    bench.until(lambda: "ready" in run.out)
    run.die()
    elsewhere = bench.tmp / "elsewhere"
    elsewhere.mkdir()
    bench.call("execution", "list", cwd=elsewhere)
    execution = wait_for_end(bench)
    assert execution["status"] == "complete"
    assert execution["outputs"][0]["uri"].startswith(f"file://{store}")


def test_secrets_stay_masked_when_the_execution_is_adopted(bench) -> None:
    secrets = bench.folder / "secrets.env"
    secrets.write_text("TOKEN=hunter2hunter2\n")
    bench.step(["echo ready", "sleep 2", "echo token $TOKEN"])
    run = bench.start("run", "work", "--env-file", str(secrets))
    bench.until(lambda: "ready" in run.out)
    run.die()
    bench.call("execution", "list")
    execution = wait_for_end(bench)
    assert execution["status"] == "complete"
    assert "token" in bench.log()
    assert "hunter2" not in bench.log()


def test_docker_kill(bench) -> None:
    bench.step([OUTPUT, "echo ready", "sleep 600"])
    run = bench.start("run", "work")
    bench.until(lambda: "ready" in run.out)
    subprocess.run(["docker", "kill", bench.container()], check=True, stdout=subprocess.DEVNULL)
    assert run.code() == 1
    execution = bench.last()
    assert (execution["status"], execution["exit_code"]) == ("error", 137)
    assert execution["error"] == "it was killed by SIGKILL (exit code 137)"
    assert [item["name"] for item in execution["outputs"]] == ["kept.txt"]


def test_docker_rm_f(bench) -> None:
    bench.step([OUTPUT, "echo ready", "sleep 600"])
    run = bench.start("run", "work")
    bench.until(lambda: "ready" in run.out)
    subprocess.run(["docker", "rm", "-f", bench.container()], check=True, stdout=subprocess.DEVNULL)
    assert run.code() == 1
    execution = bench.last()
    assert (execution["status"], execution["error"]) == ("crashed", "its container was removed by somebody else")
    assert [item["name"] for item in execution["outputs"]] == ["kept.txt"]


def test_docker_rm_f_before_anybody_looked(bench) -> None:
    """localhai died, and somebody cleaned up behind it: outputs on this machine are kept."""
    bench.step([OUTPUT, "echo ready", "sleep 600"])
    run = bench.start("run", "work")
    bench.until(lambda: "ready" in run.out)
    container = bench.container()
    run.die()
    subprocess.run(["docker", "rm", "-f", container], check=True, stdout=subprocess.DEVNULL)
    bench.call("execution", "list")
    execution = bench.last()
    assert execution["status"] == "crashed"
    assert execution["error"] == "its localhai died, and its container was removed by somebody else"
    assert [item["name"] for item in execution["outputs"]] == ["kept.txt"]
    assert "ready" in bench.log()
