"""What is typed for `vh` works here, or one line says that it has no effect."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from localhai.cli.elsewhere import ELSEWHERE
from localhai.cli.platform import IDLE, OF_RUNS
from localhai.system.process import own_address

if TYPE_CHECKING:
    from conftest import CommandLine


def repository(localhai: CommandLine) -> None:
    git = ["git", "-C", str(localhai.project), "-c", "user.name=A", "-c", "user.email=a@example.com"]
    for words in (["init", "-q"], ["add", "valohai.yaml"], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], check=True, capture_output=True)


def typed(name: str) -> list[str]:
    item = IDLE[name]
    return [item.spelled] if item.kind in {"flag", "switch"} else [f"{name}=1"]


@pytest.mark.parametrize("name", OF_RUNS)
def test_options_of_a_run_without_effect_are_taken_and_said(localhai: CommandLine, name: str) -> None:
    answer = localhai("run", "train", *typed(name))
    assert answer.code == 0
    assert f"without effect on this machine: {IDLE[name].spelled}" in answer.err
    assert IDLE[name].spelled not in localhai("run", "train", *typed(name), "-q").err


@pytest.mark.parametrize("words", [["--priority", "train"], ["train", "--priority"], ["--priority=5", "train"]])
def test_a_priority_may_stand_without_a_number(localhai: CommandLine, words: list[str]) -> None:
    answer = localhai("run", *words)
    assert answer.code == 0
    assert "without effect on this machine: --priority" in answer.err


def test_groups_of_variables_are_said_to_be_without_effect(localhai: CommandLine) -> None:
    answer = localhai("run", "train", "--environment-variable-groups", "cloud", "--json")
    assert "environment-variable-groups" in answer.err
    notes = {note["key"]: note["level"] for note in answer.json["parity"]}
    assert notes["environment-variable-groups"] == "ignored"


def test_files_that_git_does_not_know_can_be_left_out(localhai: CommandLine) -> None:
    repository(localhai)

    def code(container) -> None:
        container.out("\n".join(sorted(path.name for path in container.path("/valohai/repository").iterdir())) + "\n")

    localhai.engine.behave(code, step="train")
    assert localhai("run", "train").out.split() == ["train.py", "valohai.yaml"]
    assert localhai("run", "train", "--no-include-untracked").out.split() == ["valohai.yaml"]
    assert localhai("run", "train", "--include-untracked").out.split() == ["train.py", "valohai.yaml"]
    swept = localhai("task", "run", "train", "--grid", "epochs=1", "--no-include-untracked", "--output", "--json")
    assert swept.code == 0
    assert "train.py" not in swept.err


def test_a_task_takes_the_words_of_vh(localhai: CommandLine) -> None:
    words = ["--adhoc", "-g", "--max-queued", "1", "--priority", "--jobs", "2"]
    answer = localhai("task", "run", "train", "--grid", "epochs=1,2", *words, "--json")
    assert answer.code == 0, answer.err
    assert "without effect on this machine: --priority" in answer.err
    assert answer.json["plan"]["maximum_queued_executions"] == 1
    assert localhai("task", "run", "train", "--grid", "epochs=1", "--adhoc", "--commit=main").code == 2
    assert [item["counter"] for item in localhai("task", "list", "--owned", "--json").json] == [1]
    assert localhai("task", "list", "--deleted", "--json").json == []
    assert localhai("task", "stop", "--all", "--json").json == []
    assert localhai("task", "stop", "all").code == 0
    assert localhai("task", "stop").code == 2


@pytest.mark.parametrize("path", ELSEWHERE)
def test_commands_that_are_elsewhere_say_so(localhai: CommandLine, path: str) -> None:
    item = ELSEWHERE[path]
    answer = localhai(*path.split(), "word", "--any-option", "-x")
    assert answer.code == (0 if item.is_done else 2)
    assert item.why in answer.err
    assert item.hint in answer.err


def test_words_before_a_command(localhai: CommandLine) -> None:
    words = ["--valohai-host=https://a.example", "--valohai-token=secret", "--project-mode=local", "--no-debug"]
    answer = localhai(*words, "--project-root", str(localhai.project), "execution", "list", "--json")
    assert (answer.code, answer.json) == (0, [])
    assert "--valohai-host" in answer.err
    assert "secret" not in answer.err


def test_maxima_for_kubernetes_are_maxima_here_too(localhai: CommandLine) -> None:
    answer = localhai("run", "train", "--k8s-cpu-max", "0.5", "--k8s-memory-max", "256")
    assert "without effect" not in answer.err
    for reference in ("1", "2"):
        plan = localhai.home.execution("latest").plan()
        assert (plan.limits.cpu_max, plan.limits.memory_max) == (0.5, 256), reference
        localhai("rerun", "1", "-q")


def test_a_step_knows_the_address_of_this_machine(localhai: CommandLine) -> None:
    seen: dict[str, str] = {}
    localhai.engine.behave(lambda container: seen.update(container.environment), step="train")
    assert localhai("run", "train", "--var", "VH_LOCAL_IP=mine").code == 0
    assert seen["VH_LOCAL_IP"] == seen["VH_PUBLIC_IP"] == own_address()
