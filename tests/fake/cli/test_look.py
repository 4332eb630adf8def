from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest

from localhai.testing import Canned

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import CommandLine


def run_three(localhai: CommandLine) -> CommandLine:
    """Two trainings, then one that fails."""
    assert localhai("run", "train").code == 0
    assert localhai("run", "train", "--epochs=5", "--tag=second").code == 0
    localhai.engine.behave(Canned(output="no\n", exit_code=2), step="train")
    assert localhai("run", "train").code == 1
    return localhai


@pytest.fixture(scope="module")
def seen(shared: CommandLine) -> CommandLine:
    """They ran before: only for looking."""
    return run_three(shared)


@pytest.fixture
def ran(localhai: CommandLine) -> CommandLine:
    """They ran before: for changing."""
    return run_three(localhai)


def counters(answer: object) -> list[int]:
    return [item["counter"] for item in answer.json]  # type: ignore[attr-defined]


def test_list_is_newest_first_and_filtered(seen: CommandLine) -> None:
    assert counters(seen("execution", "list", "--json")) == [3, 2, 1]
    assert counters(seen("execution", "list", "--json", "--status", "complete")) == [2, 1]
    assert counters(seen("execution", "list", "--json", "--status", "complete", "--status", "error")) == [3, 2, 1]
    assert counters(seen("execution", "list", "--json", "--status", "incomplete")) == []
    assert counters(seen("execution", "list", "--json", "--count", "1")) == [3]
    assert counters(seen("execution", "list", "--json", "--tag", "second")) == [2]
    assert counters(seen("execution", "list", "--json", "--step", "evaluate")) == []


def test_list_as_columns_and_as_separated_values(seen: CommandLine) -> None:
    plain = seen("execution", "list").out.splitlines()
    rows = list(csv.reader(io.StringIO(seen("--output-format", "csv", "execution", "list").out)))

    assert plain[0].split()[:3] == ["#", "Status", "Step"]
    assert plain[1].split()[:3] == ["3", "error", "train"]
    assert [row[0] for row in rows] == ["#", "3", "2", "1"]


def test_list_of_nothing_says_what_to_do(localhai: CommandLine) -> None:
    answer = localhai("execution", "list")

    assert (answer.code, answer.out) == (0, "")
    assert "localhai run STEP" in answer.err


def test_other_projects_are_listed_on_request(ran: CommandLine, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "valohai.yaml").write_text((ran.project / "valohai.yaml").read_text())
    ran("run", "train", project=other)

    assert counters(ran("execution", "list", "--json")) == [3, 2, 1]
    assert counters(ran("execution", "list", "--json", "--all-projects")) == [1, 3, 2, 1]
    assert counters(ran("execution", "list", "--json", project=other)) == [1]


@pytest.mark.parametrize("reference", ["2", "#2", "latest", "id", "prefix"])
def test_an_execution_is_named_in_many_ways(seen: CommandLine, reference: str) -> None:
    wanted = 3 if reference == "latest" else 2
    known = {item["counter"]: item["id"] for item in seen("execution", "list", "--json").json}
    names = {"id": known[2], "prefix": known[2][:-4]}

    answer = seen("execution", "info", names.get(reference, reference), "--json")

    assert answer.json["counter"] == wanted


def test_an_unknown_execution_is_a_mistake_with_candidates(seen: CommandLine) -> None:
    answer = seen("execution", "info", "99")

    assert answer.code == 2
    assert "there is no execution '99'" in answer.err
    assert "#3" in answer.err


def test_info_tells_what_it_used_and_what_came_out(seen: CommandLine) -> None:
    text = seen("execution", "info", "2").out

    for words in ("#2 of newsroom", "complete (exit code 0)", "python:3.11-slim", "model.txt", "epochs", "loss"):
        assert words in text


def test_logs_show_all_streams_or_those_named(localhai: CommandLine) -> None:
    def behave(container: object) -> None:
        container.out("out 1\n")  # type: ignore[attr-defined]
        container.err(" 1%\r 2%\n")  # type: ignore[attr-defined]
        container.out("out 2\n")  # type: ignore[attr-defined]

    localhai.engine.behave(behave, step="train")
    localhai("run", "train", "-q")

    everything = localhai("execution", "logs", "1").out.splitlines()
    assert [line for line in everything if line in {"out 1", " 2%", "out 2"}] == ["out 1", " 2%", "out 2"]
    assert "Execution #1 is complete (exit code 0)" in everything
    assert localhai("execution", "logs", "1", "--stdout").out == "out 1\nout 2\n"
    assert localhai("execution", "logs", "1", "--no-status", "--no-stdout").out == " 2%\n"
    assert localhai("execution", "logs", "1", "--stdout", "--last", "1").out == "out 2\n"
    assert localhai("execution", "logs", "1", "--stdout", "--follow").out == "out 1\nout 2\n"
    events = localhai("execution", "logs", "1", "--stderr", "--json").json
    assert [(event["stream"], event["message"]) for event in events] == [("stderr", " 1%\r 2%")]


def test_outputs_are_listed_filtered_and_copied(seen: CommandLine, tmp_path: Path) -> None:
    listed = seen("execution", "outputs", "1", "--json").json
    copied = seen("execution", "outputs", "1", "--filter", "*.svg", "--download", str(tmp_path / "to"))
    again = seen("execution", "outputs", "1", "--download", str(tmp_path / "to"))

    assert sorted(item["name"] for item in listed) == ["model.txt", "plots/loss.svg"]
    assert copied.code == 0
    assert "is there already" in again.err
    assert (tmp_path / "to" / "model.txt").read_bytes() == b"weights"
    assert (tmp_path / "to" / "plots" / "loss.svg").read_bytes() == b"<svg/>"


def test_metadata_as_table_json_and_events(seen: CommandLine) -> None:
    table = seen("execution", "metadata", "1").out.splitlines()
    summary = seen("execution", "metadata", "1", "--json", "--key", "loss").json
    events = seen("execution", "metadata", "1", "--events", "--json").json
    rows = list(csv.DictReader(io.StringIO(seen("execution", "metadata", "1", "--events", "--csv").out)))

    assert table[2].split() == ["loss", "0.4", "0.4", "0.8", "2"]
    assert summary == {"loss": {"latest": 0.4, "count": 2, "min": 0.4, "max": 0.8}}
    assert [event["loss"] for event in events] == [0.8, 0.4]
    assert [(row["epoch"], row["loss"]) for row in rows] == [("1", "0.8"), ("2", "0.4")]
    assert seen("execution", "metadata", "3", "--events", "--json").json == []


def test_an_unknown_metadata_key_is_a_mistake(seen: CommandLine) -> None:
    answer = seen("execution", "metadata", "1", "--key", "lost")

    assert answer.code == 2
    assert "did you mean loss?" in answer.err


def test_summarize_puts_executions_side_by_side(seen: CommandLine) -> None:
    rows = seen("execution", "summarize", "1-3", "!3", "--json").json
    header, *table = seen("execution", "summarize", "1", "2").out.splitlines()

    assert [(row["counter"], row["parameters"]["epochs"], row["metadata"]["loss"]) for row in rows] == [
        (1, 3, 0.4),
        (2, 5, 0.4),
    ]
    assert header.split()[-3:] == ["--epochs", "epoch", "loss"]
    assert [line.split()[-3:] for line in table] == [["3", "2", "0.4"], ["5", "2", "0.4"]]


def test_data_and_aliases(ran: CommandLine) -> None:
    ran.engine.behave(
        Canned(files={"best.bin": b"b", "best.bin.metadata.json": json.dumps({"valohai.alias": "best"}).encode()}),
        step="train",
    )
    ran("run", "train")

    data = ran("data", "list", "--json").json
    aliases = ran("alias", "list", "--json").json

    assert data[0]["name"] == "best.bin"
    assert {"model.txt", "plots/loss.svg"} <= {item["name"] for item in data}
    assert [item["name"] for item in ran("data", "list", "--json", "--name", "*.svg").json] == ["plots/loss.svg"] * 2
    assert [(item["name"], item["datum"]["name"]) for item in aliases] == [("best", "best.bin")]
    assert "datum://best" in ran("alias", "list").out
    assert "#4" in ran("data", "list").out


def test_stop_asks_only_what_is_in_progress(seen: CommandLine) -> None:
    ended = seen("execution", "stop", "1")
    nothing = seen("execution", "stop", "--all", "--json")

    assert "has ended already: complete" in ended.err
    assert nothing.json == []
    assert seen("execution", "stop").code == 2


def test_delete_takes_outputs_along_and_asks_for_it(ran: CommandLine) -> None:
    outputs = ran("execution", "outputs", "2", "--json").json
    execution = ran.home.execution("2", project_id=_project_id(ran))

    refused = ran("execution", "delete", "2")
    folder = execution.folder
    done = ran("execution", "delete", "2", "--purge-outputs", "--json")

    assert refused.code == 2
    assert "This deletes 2 outputs" in refused.err
    assert [item["counter"] for item in done.json] == [2]
    assert counters(ran("execution", "list", "--json")) == [3, 1]
    assert not folder.exists()
    assert {item["name"] for item in outputs} == {"model.txt", "plots/loss.svg"}
    assert not list((ran.home.folder / "store").rglob(f"*{execution.id}*"))


def test_outputs_that_are_kept_can_be_used_after_their_execution_is_gone(ran: CommandLine) -> None:
    [model, _] = ran("execution", "outputs", "2", "--json").json
    execution = ran.home.execution("2", project_id=_project_id(ran))

    done = ran("execution", "delete", "2", "--no-purge-outputs")

    assert done.code == 0
    assert "its outputs are kept" in done.err
    assert not execution.folder.exists()
    assert counters(ran("execution", "list", "--json")) == [3, 1]
    assert ran("execution", "list", "--deleted", "--json").json == []
    assert model["id"] in [item["id"] for item in ran("data", "list", "--json").json]
    ran("run", "train", f"--data=datum://{model['id']}", "-q")
    [used] = ran("execution", "info", "4", "--json").json["inputs"]
    assert [file["name"] for file in used["files"]] == ["model.txt"]


def test_deleting_the_latest_moves_latest(ran: CommandLine) -> None:
    assert ran("execution", "delete", "3").code == 0

    latest = ran.home.folder / "executions" / "newsroom" / "latest"
    assert latest.resolve().name.startswith("2-")
    assert ran("execution", "info", "latest", "--json").json["counter"] == 2


def test_watch_shows_what_was_and_exits_as_run(seen: CommandLine) -> None:
    good, bad = seen("execution", "watch", "1"), seen("execution", "watch", "3")

    assert good.out.endswith("done\n")
    assert "execution #1 train: complete" in good.err
    assert (good.code, bad.code) == (0, 1)


def test_outside_of_a_project_ids_still_work(ran: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    from localhai.cli.call import Call
    from localhai.cli.main import cli

    monkeypatch.chdir(tmp_path)
    known = ran("execution", "info", "1", "--json").json["id"]

    by_id = CliRunner().invoke(cli, ["execution", "info", known, "--json"], obj=Call(home=ran.home))
    by_number = CliRunner().invoke(cli, ["execution", "info", "1"], obj=Call(home=ran.home))

    assert json.loads(by_id.stdout)["counter"] == 1
    assert by_number.exit_code == 2
    assert "no project is given" in by_number.stderr


def _project_id(localhai: CommandLine) -> str:
    return localhai.home.records.projects.find("newsroom").id


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["list", "--owned", "-n", "2"], 0, ["train"]),
        (["list", "--deleted"], 0, ["no deleted executions: nothing is kept"]),
        (["outputs", "1", "--sync"], 2, ["--sync needs a folder"]),
        (["outputs", "1", "--sync", "--download", "TO"], 0, ["copied 2 files"]),
        (["ssh", "1", "--address", "a:1"], 2, ["localhai shell 1", "docker exec"]),
        (["download", "1"], 2, ["localhai execution outputs 1 --download DIR"]),
        (["open", "1"], 0, ["/executions/newsroom/1-"]),
        (["run", "train", "--adhoc", "--commit=main"], 2, ["--adhoc and --commit exclude each other"]),
    ],
)
def test_what_is_typed_for_vh_works_or_is_explained(
    seen: CommandLine, tmp_path: Path, arguments: list[str], code: int, words: list[str]
) -> None:
    answer = seen("execution", *(str(tmp_path / "to") if word == "TO" else word for word in arguments))

    assert answer.code == code, answer.err
    assert all(word in answer.out + answer.err for word in words), answer.err


def test_options_of_vh_that_change_nothing_here_are_named(localhai: CommandLine) -> None:
    answer = localhai("execution", "start", "train", "--no-validate-adhoc", "--autorestart")

    assert answer.code == 0
    assert all(word in answer.err for word in ("--no-validate-adhoc", "--autorestart"))


def test_open_gives_the_folder_as_json(seen: CommandLine) -> None:
    answer = seen("execution", "open", "latest", "--json").json

    assert answer["counter"] == 3
    assert answer["folder"] == str(seen.home.execution(answer["id"]).folder)
