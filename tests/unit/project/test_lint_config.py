"""load_config: the typed config, its errors, and the memory of clean files."""

from __future__ import annotations

import hashlib

import pytest

from localhai.errors import ProjectError
from localhai.pipelines import planning as pipeline_planning
from localhai.project import faulty, planning
from localhai.project.config import load_config
from localhai.project.folder import find_yaml

GOOD = "- step: {name: train, image: busybox, command: 'date {parameters}'}\n"


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "valohai.yaml"
    file.write_text(GOOD)
    return file


def test_config_positions_and_digest(path):
    project = load_config(path)
    assert project.path == path
    assert project.config.steps["train"].image == "busybox"
    assert project.positions.value((0, "step", "image")).column == GOOD.index("busybox") + 1
    assert project.digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_errors_are_raised_together_and_warnings_are_not(path):
    path.write_text(GOOD + "- step: {name: train, image: 8, command: 9}\n- stepp: {}\n")
    with pytest.raises(ProjectError) as caught:
        load_config(path)
    assert caught.value.message == "valohai.yaml has 2 errors"
    assert caught.value.exit_code == 3
    assert [problem.severity for problem in caught.value.problems] == ["error", "error"]


def test_warnings_do_not_stop(path):
    path.write_text(GOOD + GOOD)
    assert list(load_config(path).config.steps) == ["train"]


def test_syntax_errors_are_project_errors(path):
    path.write_text("- step: [\n")
    with pytest.raises(ProjectError) as caught:
        load_config(path)
    assert caught.value.problems[0].position.line == 2


def test_a_clean_verdict_is_kept_and_gives_the_same(path, tmp_path):
    verdicts = tmp_path / "verdicts"
    first = load_config(path, verdicts=verdicts)
    assert len(list(verdicts.iterdir())) == 1
    again = load_config(path, verdicts=verdicts)
    assert again.config.serialize() == first.config.serialize()
    assert again.positions.value((0, "step", "image")) == first.positions.value((0, "step", "image"))


def test_a_verdict_is_of_the_content_not_of_the_name(path, tmp_path):
    verdicts = tmp_path / "verdicts"
    load_config(path, verdicts=verdicts)
    path.write_text("- step: {name: train, image: 8, command: date}\n")
    with pytest.raises(ProjectError):
        load_config(path, verdicts=verdicts)
    assert len(list(verdicts.iterdir())) == 1


def test_a_verdict_that_cannot_be_kept_does_no_harm(path, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    assert load_config(path, verdicts=blocked / "verdicts").config.steps


def test_finding_the_file_in_a_folder_above(path):
    below = path.parent / "a" / "b"
    below.mkdir(parents=True)
    assert find_yaml(below) == (path.parent, path)


def test_not_finding_it_says_where_it_looked_and_what_is_near(tmp_path):
    with pytest.raises(ProjectError, match=str(tmp_path)):
        find_yaml(tmp_path)
    (tmp_path / "valohai.yml").write_text("")
    with pytest.raises(ProjectError) as caught:
        find_yaml(tmp_path)
    assert "valohai.yml" in caught.value.hints[0]


PIPELINE = """\
- pipeline:
    name: {name}
    nodes: [{{name: a, type: execution, step: train}}, {{name: b, type: execution, step: train}}]
    edges: [[{source}, b.input.x]]
"""
INPUT = GOOD.replace("}\n", ", inputs: [{name: x, optional: true}]}\n")


@pytest.mark.parametrize("source", ["nobody.output.y", "a.outputs.y", "a.output"])
def test_one_bad_edge_refuses_its_pipeline_and_nothing_else(path, tmp_path, source):
    good = PIPELINE.format(name="good", source="a.output.y")
    path.write_text(INPUT + PIPELINE.format(name="bad", source=source) + good)
    for _ in range(2):  # a verdict would be remembered
        config = load_config(path, verdicts=tmp_path / "verdicts").config
        assert planning.plan(config, "train").step == "train"
        assert pipeline_planning.plan(config, "good").name == "good"
        with pytest.raises(ProjectError, match="pipeline bad has 1 error") as caught:
            pipeline_planning.plan(config, "ba")
        assert [problem.position.line for problem in caught.value.problems] == [5]
        assert faulty.sentences(config) == (
            "pipeline bad of valohai.yaml has 1 error and cannot run: see localhai lint",
        )


def test_a_faulty_step_refuses_itself_and_what_runs_it(path):
    broken = "- step: {name: broken, image: i, command: c, stop-condition: 'a >'}\n"
    one = "- pipeline: {name: p, nodes: [{name: a, type: execution, step: broken}], edges: []}\n"
    task = "- task: {name: t, step: broken, type: grid_search, parameters: []}\n"
    path.write_text(GOOD + broken + one + task)
    config = load_config(path).config
    assert planning.plan(config, "train").step == "train"
    with pytest.raises(ProjectError, match="step broken has 1 error"):
        planning.plan(config, "broken")
    with pytest.raises(ProjectError, match="step broken has 1 error"):
        pipeline_planning.plan(config, "p")


def test_a_file_of_the_wrong_shape_is_refused_as_a_whole(path):
    path.write_text(GOOD + "- pipeline: {name: p, nodes: 8, edges: []}\n")
    with pytest.raises(ProjectError, match=r"valohai\.yaml has 1 error"):
        load_config(path)
