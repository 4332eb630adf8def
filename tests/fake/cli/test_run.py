from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from localhai.testing import Canned

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import CommandLine

    from localhai.testing import FakeContainer

OUTPUT = '{"epoch": 1, "loss": 0.8}\n{"epoch": 2, "loss": 0.4}\ndone\n'


def test_the_steps_stdout_is_our_stdout_to_the_byte(localhai: CommandLine) -> None:
    localhai.engine.behave(Canned(output=b"caf\xe9\r50%\r100%\nno newline"), step="train")

    answer = localhai("run", "train")

    assert answer.code == 0
    assert answer.bytes_out == b"caf\xe9\r50%\r100%\nno newline"


def test_own_words_go_to_stderr_and_end_in_a_summary(localhai: CommandLine) -> None:
    answer = localhai("run", "train")

    assert "execution #1 of newsroom: train" in answer.err
    assert "execution #1 train: complete" in answer.err
    assert "exit code 0" in answer.err
    assert [line.split() for line in answer.err.splitlines() if line.startswith("loss")] == [
        ["loss", "0.4", "0.4", "0.8", "2"]
    ]
    assert "plots/loss.svg" in answer.err
    assert "localhai execution info 1" in answer.err


def test_long_and_short_form_are_one(localhai: CommandLine) -> None:
    assert localhai("execution", "run", "train").code == 0
    assert localhai("exec", "run", "tr").code == 0
    assert localhai("run", "--project", str(localhai.project), "train").code == 0
    assert len(localhai("execution", "list", "--json").json) == 3


def test_a_failed_execution_exits_with_1_and_shows_its_last_lines(localhai: CommandLine) -> None:
    def fail(container: FakeContainer) -> int:
        container.out("so far so good\n")
        container.err("ValueError: no\n")
        return 7

    localhai.engine.behave(fail, step="train")

    answer = localhai("run", "train")

    assert answer.code == 1
    assert "error after" in answer.err
    assert "its command ended with exit code 7" in answer.err
    assert "| ValueError: no" in answer.err
    assert "localhai execution logs 1" in answer.err


def test_json_is_one_document_with_the_output_on_stderr(localhai: CommandLine) -> None:
    answer = localhai("run", "train", "--json", "--epochs=9")

    assert answer.json["status"] == "complete"
    assert answer.json["parameters"]["epochs"] == 9
    assert answer.json["metadata"] == {"epoch": 2, "loss": 0.4}
    assert {"id", "counter", "inputs", "outputs", "commit", "image_digest"} <= answer.json.keys()
    assert "done" in answer.err


def test_json_and_quiet_leave_only_the_document(localhai: CommandLine) -> None:
    answer = localhai("run", "--quiet", "train", "--json")

    assert answer.json["status"] == "complete"
    assert answer.err == ""


def test_what_only_the_web_page_shows_is_in_the_log_and_the_record_but_not_in_the_way(localhai: CommandLine) -> None:
    answer = localhai("run", "train", "--environment=aws")

    assert "ignored: environment (see" in answer.err
    assert "description" not in answer.err
    said = "ignored: environment; for the web page only: description, parameters.description (see localhai parity)"
    assert said in localhai("execution", "logs", "1").out
    parity = localhai("execution", "info", "1", "--json").json["parity"]
    differing = {note["key"] for note in parity if note["level"] != "emulated"}
    assert differing == {"environment", "description", "parameters.description"}
    assert {"name", "image", "command", "parameters.name"} <= {note["key"] for note in parity} - differing
    assert "description: ignored" in localhai("plan", "train").out


def test_quiet_is_the_steps_output_alone(localhai: CommandLine) -> None:
    answer = localhai("run", "-q", "train")

    assert (answer.out, answer.err) == (OUTPUT, "")


def test_options_of_vh_win_over_parameters_and_stand_anywhere(localhai: CommandLine) -> None:
    answer = localhai("run", "--tag", "a", "train", "--title=mine", "--tag=b", "--json", "--", "--title=parameter")

    assert answer.json["title"] == "mine"
    assert answer.json["tags"] == ["a", "b"]
    assert answer.json["parameters"]["title"] == "parameter"


def test_options_that_only_we_have_give_way_behind_the_step(localhai: CommandLine) -> None:
    behind = localhai("run", "--json", "train", "--quiet")
    before = localhai("run", "--quiet", "train")

    assert behind.json["parameters"]["quiet"] is True
    assert "execution #1 of" in behind.err
    assert before.err == ""


def test_parameters_are_spelled_as_options(localhai: CommandLine) -> None:
    answer = localhai("run", "train", "--json", "--learning-rate", "0.25", "--kind=large")

    assert answer.json["parameters"]["learning_rate"] == 0.25
    assert answer.json["command"][0] == "echo --epochs=3 --learning_rate=0.25 --kind=large"


def test_parameters_from_a_file_and_typed_ones_on_top(localhai: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "values.json").write_text(json.dumps({"epochs": 7, "learning-rate": 0.125}))

    answer = localhai("run", "train", "--json", "--parameter-file", str(tmp_path / "values.json"), "--epochs=8")

    assert answer.json["parameters"]["epochs"] == 8
    assert answer.json["parameters"]["learning_rate"] == 0.125


def test_variables_reach_the_container_and_secrets_are_masked(localhai: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "secrets.env").write_text("TOKEN=hunter2hunter2\n")
    localhai.engine.behave(
        lambda container: container.out(f"{container.environment['NAME']} {container.environment['TOKEN']}\n"),
        step="train",
    )

    answer = localhai("run", "train", "--var", "NAME=value", "--env-file", str(tmp_path / "secrets.env"))

    assert answer.out == "value ***\n"


def test_without_git_packaging_ignored_files_are_code_too(localhai: CommandLine) -> None:
    (localhai.project / ".gitignore").write_text("data.csv\n")
    (localhai.project / "data.csv").write_text("rows\n")
    localhai.engine.behave(
        lambda container: container.out(f"{container.path('/valohai/repository/data.csv').exists()}\n"), step="train"
    )

    assert localhai("run", "train").out == "False\n"
    assert localhai("run", "train", "-G").out == "True\n"
    assert localhai("run", "train", "--no-git-packaging").out == "True\n"
    assert localhai("run", "-g", "train").out == "False\n"


def test_outputs_are_copied_on_request(localhai: CommandLine, tmp_path: Path) -> None:
    answer = localhai("run", "train", "--sync", str(tmp_path / "copies-{counter}"))

    assert answer.code == 0
    assert (tmp_path / "copies-1" / "plots" / "loss.svg").read_bytes() == b"<svg/>"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["run"], 2, ["which step?", "train", "evaluate"]),
        (["run", "trian"], 2, ["there is no step 'trian'", "did you mean train?", "known steps: train, evaluate"]),
        (["run", "train", "--epoch=2"], 2, ["there is no parameter or input 'epoch'", "did you mean epochs?"]),
        (["run", "train", "--jsn"], 2, ["or --json?"]),
        (["run", "train", "--epochs=many"], 2, ["'many' is not an integer"]),
        (["run", "train", "--epochs=0"], 2, ["less than the minimum 1"]),
        (["run", "train", "--kind=huge"], 2, ["'huge' is not one of"]),
        (["run", "train", "--var", "NAME"], 2, ["--var 'NAME' is not NAME=VALUE"]),
        (["run", "train", "word"], 2, ["'word' is not an option of step train"]),
        (["run", "--pull=sometimes", "train"], 2, ["sometimes"]),
        (["run", "evaluate"], 2, ["model"]),
        (["run", "evaluate", "--model=/nowhere/model"], 4, ["/nowhere/model"]),
        (["run", "train", "--epochs=2", "--image=nothing:1", "--pull=never"], 4, ["nothing:1"]),
    ],
)
def test_mistakes_have_their_exit_code_and_one_message(
    localhai: CommandLine, arguments: list[str], code: int, words: list[str]
) -> None:
    localhai.engine.images = ["python*"]

    answer = localhai(*arguments)

    assert answer.code == code
    assert answer.out == ""
    assert all(word in answer.err for word in words), answer.err
    assert "Traceback" not in answer.err


def test_mistakes_are_one_json_document_too(localhai: CommandLine) -> None:
    typed = localhai("run", "train", "--epochs=many", "--json")
    missing = localhai("run", "evaluate", "--model=/nowhere/model", "--json")

    assert (typed.code, typed.json["error"]["kind"], typed.json["error"]["exit_code"]) == (2, "UsageError", 2)
    assert missing.code == 4
    assert missing.json["error"]["missing"][0]["input"] == "model"
    assert missing.json["execution"]["status"] == "error"


def test_a_wrong_yaml_exits_with_3_and_shows_the_place(localhai: CommandLine) -> None:
    (localhai.project / "valohai.yaml").write_text("- step:\n    name: train\n    image: x\n    command: 8\n")

    answer = localhai("run", "train")

    assert answer.code == 3
    assert "valohai.yaml:4:" in answer.err
    assert "command: 8" in answer.err


def test_no_project_is_said(localhai: CommandLine, tmp_path: Path) -> None:
    answer = localhai("run", "train", project=tmp_path)

    assert answer.code == 3
    assert "there is no valohai.yaml" in answer.err


def test_help_of_run_lists_the_steps_and_help_of_a_step_its_options(localhai: CommandLine) -> None:
    run = localhai("run", "--help")
    step = localhai("run", "train", "--help")

    assert (run.code, step.code) == (0, 0)
    assert "--environment" in run.out
    assert "Fit a model." in run.out
    assert "--epochs=INTEGER" in step.out
    assert "How often everything is seen.  [min 1; default: 3]" in step.out
    assert "one of small, large" in step.out
    assert "--data=URI" in step.out


def test_options_of_the_platform_are_taken_and_said(localhai: CommandLine) -> None:
    answer = localhai("run", "-a", "-w", "--autorestart", "train", "--k8s-cpu-min", "2", "--ssh", "-G", "-e", "aws")

    assert answer.code == 0
    assert "without effect on this machine: --ssh, --autorestart, --k8s-cpu-min" in answer.err


def test_dry_run_runs_nothing(localhai: CommandLine) -> None:
    answer = localhai("run", "train", "--dry-run", "--json")

    assert answer.json["parameters"]["epochs"] == 3
    assert localhai("execution", "list", "--json").json == []


def test_a_pipeline_with_a_bad_edge_stops_no_step_and_is_said_once(localhai: CommandLine) -> None:
    yaml = localhai.project / "valohai.yaml"
    yaml.write_text(
        yaml.read_text()
        + "- pipeline: {name: p, nodes: [{name: a, type: execution, step: train}], edges: [[a.output.x, b.input.y]]}\n"
    )
    said = "pipeline p of valohai.yaml has 1 error and cannot run: see localhai lint"

    first, second = localhai("run", "train"), localhai("run", "train")

    assert (first.code, second.code) == (0, 0)
    assert (first.err.count(said), second.err.count(said)) == (1, 0)
    refused = localhai("pipeline", "run", "p")
    assert refused.code == 3
    assert "there is no node 'b' in this pipeline" in refused.err
    assert localhai("lint", str(yaml)).code != 0


def test_a_step_that_gets_its_input_from_a_pipeline_can_be_planned(localhai: CommandLine) -> None:
    yaml = localhai.project / "valohai.yaml"
    nodes = "[{name: a, type: execution, step: train}, {name: b, type: execution, step: evaluate}]"
    yaml.write_text(
        yaml.read_text() + f"- pipeline: {{name: p, nodes: {nodes}, edges: [[a.output.model.txt, b.input.model]]}}\n"
    )
    planned = localhai("plan", "evaluate")
    assert planned.code == 0
    assert "model: comes from a pipeline: a.output.model.txt of p" in planned.out
    assert localhai("plan", "evaluate", "--json").json["awaiting"] == {
        "input model": "comes from a pipeline: a.output.model.txt of p"
    }
    assert localhai("run", "evaluate").code == 2
