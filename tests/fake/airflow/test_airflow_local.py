"""Dev mode as operators ask for it: which code, which limits, and lines while they come. No Airflow, no Docker."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hearing import Hearing
from msgspec import to_builtins

from localhai.airflow.local import LocalPlatform
from localhai.airflow.platform import ExecutionRequest, PipelineRequest
from localhai.app.projects import Places
from localhai.errors import ProjectError, UsageError
from localhai.executions.home import Home
from localhai.pipelines.plan import Action, Node
from localhai.testing import Canned, FakeContainer, FakeEngine

YAML = """\
- step: {name: show, image: python:3.11-slim, command: cat said.txt}
- pipeline:
    name: one
    nodes: [{name: show, type: execution, step: show}]
    edges: []
"""


class Bench:
    """A project in git: `old` is committed to master, `new` to the branch other, `edited` is in the working tree."""

    def __init__(self, folder: Path, home: Home, engine: FakeEngine) -> None:
        self.folder = folder
        self.engine = engine
        self.platform = LocalPlatform(Places(environ={"LOCALHAI_PROJECTS": f"news={folder}"}), home=home)
        self.hearing = Hearing()

    def git(self, *words: str) -> str:
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@b.example", *words]
        return subprocess.run(command, cwd=self.folder, check=True, capture_output=True, text=True).stdout.strip()

    def said(self, **request: Any) -> str:
        """What the step finds in said.txt."""
        found: list[str] = []

        def show(container: FakeContainer) -> None:
            found.append(container.path("/valohai/repository/said.txt").read_text())

        self.engine.behave(show)
        if request.pop("pipeline", False):
            self.platform.run(PipelineRequest("news", "one", **request), self.hearing)
        else:
            self.platform.run(ExecutionRequest("news", "show", **request), self.hearing)
        return found[0]

    @property
    def words(self) -> str:
        return "\n".join(self.hearing.lines)


@pytest.fixture
def bench(tmp_path: Path, home_folder: Path) -> Iterator[Bench]:  # noqa: ARG001  # the home of this test
    folder = tmp_path / "news"
    folder.mkdir()
    engine = FakeEngine()
    with Home(engine=engine) as home:
        bench = Bench(folder, home, engine)
        (folder / "valohai.yaml").write_text(YAML)
        bench.git("init", "-qb", "master")
        for branch, text in (("master", "old"), ("other", "new")):
            if branch != "master":
                bench.git("checkout", "-qb", branch)
            (folder / "said.txt").write_text(text)
            bench.git("add", ".")
            bench.git("commit", "-qm", text)
        bench.git("checkout", "-q", "master")
        (folder / "said.txt").write_text("edited")
        yield bench


def test_the_working_tree_unless_git_is_asked_for(bench):
    assert bench.said() == "edited"
    assert f"the code is the working tree of {bench.folder} as it is now" in bench.words


@pytest.mark.parametrize("pipeline", [False, True])
def test_a_branch_is_what_git_has(bench, pipeline):
    assert bench.said(branch="other", pipeline=pipeline) == "new"
    assert f"the code is branch other of {bench.folder}, commit {bench.git('rev-parse', 'other')[:12]}" in bench.words
    assert bench.said(branch="master", pipeline=pipeline) == "old"


def test_a_branch_that_only_the_remote_has(bench):
    bench.git("update-ref", "refs/remotes/origin/far", "other")
    assert bench.said(branch="far") == "new"


@pytest.mark.parametrize("pipeline", [False, True])
def test_a_commit(bench, pipeline):
    assert bench.said(commit=bench.git("rev-parse", "other"), pipeline=pipeline) == "new"


def test_a_branch_that_is_not_there(bench):
    with pytest.raises(UsageError, match="nowhere"):
        bench.said(branch="nowhere")


def test_a_branch_of_what_is_no_repository(bench, tmp_path):
    (bench.folder / ".git").rename(tmp_path / "gone")
    with pytest.raises(ProjectError):
        bench.said(branch="master")


def test_an_environment_says_what_may_be_used(bench):
    (bench.folder / "localhai.toml").write_text('[environments]\n"azure-*" = "cpus=2, memory=1g"\n')
    limits: list[tuple[Any, Any]] = []
    bench.engine.behave(lambda container: limits.append((container.spec.cpus, container.spec.memory)))

    bench.platform.run(ExecutionRequest("news", "show", environment="azure-f2"), bench.hearing)
    bench.platform.run(ExecutionRequest("news", "show", environment="other"), bench.hearing)

    assert limits[0] == (2.0, 1 << 30)
    assert limits[1] != limits[0]


def test_lines_are_told_while_the_step_runs(bench):
    heard = threading.Event()

    def talk(container: FakeContainer) -> int:
        container.out("are you there?\n")
        return 0 if heard.wait(20) else 1

    bench.engine.behave(talk)
    bench.hearing.line = lambda text: heard.set() if text == "are you there?" else None

    assert bench.platform.run(ExecutionRequest("news", "show"), bench.hearing)["status"] == "complete"


def test_what_the_original_hook_could_be_asked_for(bench):
    platform = bench.platform
    project = platform.project_id("news")
    assert platform.fetch(project) == {"commits": [], "errors": []}
    assert platform.repository_id(project) == project
    assert platform.newest_commit(project, "other") == bench.git("rev-parse", "other")
    with pytest.raises(UsageError, match="there is no commit 'nowhere'"):
        platform.newest_commit(project, "nowhere")
    with pytest.raises(UsageError, match="no project other"):
        platform.newest_commit("other", "master")
    bench.engine.behave(lambda _container: None)
    made = platform.run(ExecutionRequest("news", "show", tags=["one"]), bench.hearing)["id"]
    platform.add_tags(made, ["two", "one"])
    assert platform.details("execution", made)["tags"] == ["one", "two"]


def test_what_an_xcom_holds_is_strict_json_whatever_a_step_prints(bench):
    odd = b'{"key\\udce9": "\\ud800", "loss": NaN, "raw": "caf\xc3\xa9"}\n{"much": 1e999}\n'
    names = {os.fsdecode(b"caf\xe9.txt"): b"x"}
    bench.engine.behave(Canned(output=odd, files=names))
    details = bench.platform.run(ExecutionRequest("news", "show"), bench.hearing)
    found = orjson.loads(json.dumps(details, allow_nan=False).encode())
    json.dumps(details, ensure_ascii=False).encode()
    assert found["cumulative_metadata"] == {"key\\xe9": "\\ud800", "loss": None, "raw": "café", "much": None}
    assert [item["name"] for item in found["outputs"]] == ["caf%E9.txt"]


@pytest.mark.parametrize("when", ["node-starting", "node-error"])
@pytest.mark.parametrize("on_error", ["retry", "continue"])
def test_what_follows_from_a_node_that_runs_as_a_whole_is_left_to_the_dag(bench, when, on_error):
    """Nobody could approve it here, its attempts are Airflow's, and its failure must be seen."""
    runs: list[str] = []

    def fail(_: FakeContainer) -> int:
        runs.append("run")
        return 1

    bench.engine.behave(fail)
    actions = (Action((when,), (), ("require-approval",)),)
    node = Node("show", "execution", step="show", on_error=on_error, actions=actions)  # type: ignore[arg-type]
    known = {"node": to_builtins(node), "edges": [], "results": {}}

    details = bench.platform.run(PipelineRequest("news", "one", node=known), bench.hearing)

    assert (details["status"], runs) == ("error", ["run"])
