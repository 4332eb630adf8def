from __future__ import annotations

import pytest
import valohai_yaml

from localhai.errors import ProjectError, UsageError
from localhai.project.overrides import Overrides
from localhai.project.parity import differing
from localhai.project.plan import ExecutionPlan
from localhai.project.planning import plan
from localhai.system import strict_json


def config_with(*steps):
    return valohai_yaml.parse([{"step": {"name": "train", "image": "python:3.11", "command": "c", **s}} for s in steps])


def planned(step, overrides=None, **settings):
    return plan(config_with(step), "train", overrides, **settings)


STEPS = config_with({"name": "train"}, {"name": "Train model"}, {"name": "preprocess"})


@pytest.mark.parametrize(
    ("wanted", "found"),
    [("train", "train"), ("train m", "Train model"), ("PRE", "preprocess"), ("preprocess", "preprocess")],
)
def test_a_step_is_found_by_name_or_unambiguous_prefix(wanted, found):
    assert plan(STEPS, wanted).step == found


def test_an_ambiguous_step_lists_its_candidates():
    with pytest.raises(UsageError, match="'tr' could be any of these steps: train, Train model"):
        plan(STEPS, "tr")


@pytest.mark.parametrize("wanted", ["prepocess", "preprocessing"])
def test_an_unknown_step_names_the_nearest_and_lists_all(wanted):
    with pytest.raises(UsageError, match=f"there is no step '{wanted}'") as raised:
        plan(STEPS, wanted)
    assert raised.value.hints == ("did you mean preprocess?", "known steps: train, Train model, preprocess")


def test_a_file_without_steps_is_a_fault_of_the_project():
    with pytest.raises(ProjectError, match="no steps"):
        plan(valohai_yaml.parse([]), "train")


@pytest.mark.parametrize(
    ("image", "runs"),
    [
        ("tensorflow/tensorflow:2.6.1-gpu", "tensorflow/tensorflow:2.6.1"),
        ("tensorflow/tensorflow:9-gpu", "tf-cpu"),
        ("python:3.11", "python:3.11"),
    ],
)
def test_the_image_map_finds_stand_ins(image, runs):
    images = {"tensorflow/*-gpu": "tf-cpu", "tensorflow/tensorflow:2.6.1-gpu": "tensorflow/tensorflow:2.6.1"}
    found = planned({"image": image}, images=images)
    assert (found.image, found.image_requested) == (runs, image)


@pytest.mark.parametrize(
    ("requested", "typed", "images", "error", "hints"),
    [
        ("a//b", None, {}, ProjectError, []),
        ("../x", None, {}, ProjectError, []),
        ("python:3.11", None, {"python:*": "a//b"}, ProjectError, ["it stands under [images] in localhai.toml"]),
        ("python:3.11", "../x", {}, UsageError, []),
    ],
)
def test_what_is_no_name_of_an_image_is_said_where_it_enters(requested, typed, images, error, hints):
    with pytest.raises(error, match="is no name of an image") as raised:
        planned({"image": requested}, Overrides(image=typed), images=images)
    assert list(raised.value.hints) == hints


def test_an_image_that_has_a_stand_in_need_be_none():
    assert planned({"image": "OUR IMAGE"}, images={"OUR IMAGE": "ours:1"}).image == "ours:1"


def test_an_image_that_was_typed_is_the_one_that_runs():
    found = planned({}, Overrides(image="mine:1"), images={"*": "other"})
    assert (found.image, found.image_requested) == ("mine:1", "python:3.11")


DATA = {"inputs": [{"name": "data", "default": ["s3://b/1", "s3://b/2"]}]}


@pytest.mark.parametrize(
    ("given", "uris"),
    [
        ({}, ("s3://b/1", "s3://b/2")),
        ({"data": "file.csv"}, ("file.csv",)),
        ({"data": ["x://1", "", "x://2"]}, ("x://1", "x://2")),
    ],
)
def test_inputs_that_were_given_replace_the_defaults(given, uris):
    assert planned(DATA, Overrides(inputs=given)).inputs[0].uris == uris


@pytest.mark.parametrize("empty", ["", [], [""]])
def test_an_input_can_be_cleared(empty):
    step = {"inputs": [{"name": "data", "default": "s3://b/1", "optional": True}]}
    assert planned(step, Overrides(inputs={"data": empty})).inputs[0].uris == ()


def test_required_inputs_without_uris_are_named_with_their_options():
    step = {"inputs": [{"name": "train_data"}, {"name": "labels"}, {"name": "extra", "optional": True}]}
    with pytest.raises(UsageError, match="inputs need files: train_data, labels") as raised:
        planned(step)
    assert raised.value.hints == ("--train-data=URI --labels=URI",)


def test_an_unknown_input_is_an_error():
    with pytest.raises(UsageError, match="there is no input 'date'") as raised:
        planned(DATA, Overrides(inputs={"date": "x"}))
    assert raised.value.hints[0] == "did you mean data?"


def test_parameters_are_filled_into_uris_as_plain_values():
    step = {
        "parameters": [{"name": "day", "default": "a b"}, {"name": "n", "multiple": "repeat", "default": [1, 2]}],
        "inputs": [{"name": "data", "default": "s3://b/{parameter:day}/{parameter:n}/{parameter:none}"}],
    }
    assert planned(step).inputs[0].uris == ("s3://b/a b/1,2/{parameter:none}",)
    given = Overrides(parameters={"day": "x"}, inputs={"data": "s3://c/{parameter:day}"})
    assert planned(step, given).inputs[0].uris == ("s3://c/x",)


def test_how_an_input_is_laid_out_is_kept():
    item = {"name": "d", "default": "u", "keep-directories": True, "filename": "f", "download": "on-demand"}
    found = planned({"inputs": [item]}).inputs[0]
    assert (found.keep_directories, found.filename, found.on_demand) == ("full", "f", True)


VARIABLES = {
    "environment-variables": [{"name": "A", "default": "step"}, {"name": "B"}, {"name": "TOKEN", "optional": False}]
}


def test_variables_of_the_project_yield_to_defaults_and_these_to_what_was_given():
    found = planned(
        VARIABLES,
        Overrides(environment_variables={"C": "given"}),
        environment_variables={"A": "project", "C": "project", "TOKEN": "project"},
    )
    assert found.environment_variables == {"A": "step", "C": "given", "TOKEN": "project"}


def test_a_required_variable_needs_a_value():
    with pytest.raises(UsageError, match="an environment variable needs a value: TOKEN") as raised:
        planned(VARIABLES)
    assert raised.value.hints[0] == "--var TOKEN=..."


def test_a_secret_counts_as_a_value_and_stays_out_of_the_plan():
    assert "TOKEN" not in planned(VARIABLES, secrets={"TOKEN"}).environment_variables


def test_a_secret_takes_the_place_of_a_default_but_not_of_what_was_given():
    given = Overrides(environment_variables={"B": "given"})
    found = planned(VARIABLES, given, secrets={"A", "B", "TOKEN"}, environment_variables={"TOKEN": "project"})
    assert found.environment_variables == {"B": "given"}


def test_limits_are_seconds_cores_and_megabytes():
    limits = planned(
        {
            "time-limit": "1h 30m",
            "no-output-timeout": 90,
            "stop-condition": "a > 1",
            "resources": {"cpu": {"max": 1.5}, "memory": {"min": 10, "max": 20}, "devices": {"nvidia.com/gpu": 1}},
        }
    ).limits
    assert (limits.time_limit, limits.no_output_timeout, limits.stop_condition) == (5400.0, 90.0, "a > 1")
    assert (limits.cpu_min, limits.cpu_max, limits.memory_min, limits.memory_max) == (None, 1.5, 10, 20)
    assert limits.devices == {"nvidia.com/gpu": 1}


def test_no_devices_and_unset_devices_differ():
    assert planned({"resources": {"devices": {}}}).limits.devices == {}
    assert planned({}).limits.devices is None


def test_a_time_limit_that_was_given_wins():
    assert planned({"time-limit": 10}, Overrides(time_limit="2m")).limits.time_limit == 120.0


def test_mounts_are_planned_only_when_allowed():
    step = {"mounts": ["/data:/mnt", {"source": "host:/x", "destination": "/n", "type": "NFS"}]}
    refused, allowed = planned(step), planned(step, mounts=True)
    assert refused.mounts == ()
    assert [(note.key, note.level) for note in differing(refused.parity)] == [("mounts", "ignored")]
    assert [(mount.source, mount.destination) for mount in allowed.mounts] == [("/data", "/mnt")]
    assert [(note.key, note.level) for note in differing(allowed.parity)] == [
        ("mounts", "approximated"),
        ("mounts.type", "ignored"),
    ]


def test_what_was_typed_is_kept():
    found = planned({}, Overrides(title="t", tags=["a", "b"], environment="aws"), project="p", commit="~1")
    assert (found.title, found.tags, found.environment, found.project, found.commit) == (
        "t",
        ("a", "b"),
        "aws",
        "p",
        "~1",
    )
    assert [note.key for note in differing(found.parity)] == ["environment"]


PIPELINE_YAML = [
    {"step": {"name": "make", "image": "i", "command": "m"}},
    {
        "step": {
            "name": "train",
            "image": "i",
            "command": "t {parameters}",
            "inputs": [{"name": "data"}, {"name": "own"}],
            "parameters": [{"name": "lr", "type": "float"}, {"name": "n", "type": "integer", "default": 1}],
        }
    },
    {
        "pipeline": {
            "name": "p",
            "nodes": [
                {"name": "a", "type": "execution", "step": "make"},
                {"name": "b", "type": "execution", "step": "train"},
            ],
            "edges": [["a.output.*.csv", "b.input.data"], ["a.metadata.best", "b.parameter.lr"]],
        }
    },
]


def test_a_plan_that_is_looked_at_names_what_a_pipeline_brings():
    config = valohai_yaml.objs.Config.parse(PIPELINE_YAML)
    given = Overrides(inputs={"own": ["s3://b/x"]})
    found = plan(config, "train", given, look=True)
    assert found.awaiting == {
        "input data": "comes from a pipeline: a.output.*.csv of p",
        "parameter lr": "comes from a pipeline: a.metadata.best of p",
    }
    assert (found.parameters, [item.uris for item in found.inputs]) == ({"n": 1}, [(), ("s3://b/x",)])
    assert strict_json.convert(found.to_dict(), ExecutionPlan) == found
    given = Overrides(inputs={"own": ["s3://b/x"], "data": ["s3://b/y"]}, parameters={"lr": "0.5"})
    assert plan(config, "train", given, look=True).awaiting == {}


@pytest.mark.parametrize(("look", "inputs"), [(False, {"own": ["s3://b/x"]}), (True, {})])
def test_what_no_pipeline_brings_and_what_is_to_run_has_to_be_given(look, inputs):
    config = valohai_yaml.objs.Config.parse(PIPELINE_YAML)
    with pytest.raises(UsageError, match=r"needs a value|needs a file"):
        plan(config, "train", Overrides(inputs=inputs), look=look)
