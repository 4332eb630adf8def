from __future__ import annotations

import os
import subprocess
import sys

import pytest

from localhai.errors import ProjectError, UsageError
from localhai.project.overrides import Overrides
from localhai.project.remembered import plan_file

YAML = """\
- step:
    name: train
    image: python:3.11
    command: python train.py {parameters}
    parameters:
      - {name: lr, type: float, default: 0.1}
"""


@pytest.fixture
def yaml(tmp_path):
    path = tmp_path / "valohai.yaml"
    path.write_text(YAML)
    return path


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "plans"


def test_a_recalled_plan_is_the_same(yaml, cache):
    overrides = Overrides(parameters={"lr": "0.5"}, tags=["a"])
    settings = {"images": {"python:*": "py"}, "environment_variables": {"A": "1"}, "secrets": {"S"}, "project": "p"}
    first = plan_file(yaml, "train", overrides, cache=cache, **settings)
    assert plan_file(yaml, "train", overrides, cache=cache, **settings) == first
    assert (first.image, first.parameters, first.project) == ("py", {"lr": 0.5}, "p")
    assert len(list(cache.iterdir())) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"step": "tr"},
        {"overrides": Overrides(parameters={"lr": 0.5})},
        {"overrides": Overrides(image="x")},
        {"images": {"python:*": "x"}},
        {"environment_variables": {"A": "2"}},
        {"secrets": ["x"]},
        {"mounts": True},
        {"project": "other"},
    ],
)
def test_whatever_it_depends_on_makes_another_plan(yaml, cache, changed):
    arguments = {"step": "train", **changed}
    plan_file(yaml, "train", cache=cache)
    plan_file(yaml, cache=cache, **arguments)
    assert len(list(cache.iterdir())) == 2


def test_an_edited_file_is_read_again(yaml, cache):
    plan_file(yaml, "train", cache=cache)
    yaml.write_text(YAML.replace("0.1", "0.2"))
    assert plan_file(yaml, "train", cache=cache).parameters == {"lr": 0.2}


def test_the_order_of_the_image_map_counts(yaml, cache):
    assert plan_file(yaml, "train", cache=cache, images={"python:*": "a", "*": "b"}).image == "a"
    assert plan_file(yaml, "train", cache=cache, images={"*": "b", "python:*": "a"}).image == "b"


def test_typed_variables_are_not_kept(yaml, cache):
    found = plan_file(yaml, "train", Overrides(environment_variables={"TOKEN": "secret"}), cache=cache)
    assert found.environment_variables == {"TOKEN": "secret"}
    assert not cache.exists()


def test_errors_are_not_kept(yaml, cache):
    with pytest.raises(UsageError):
        plan_file(yaml, "nothing", cache=cache)
    yaml.write_text("- step: {")
    with pytest.raises(ProjectError):
        plan_file(yaml, "train", cache=cache)
    assert not cache.exists()


def test_a_damaged_file_is_passed_over(yaml, cache):
    first = plan_file(yaml, "train", cache=cache)
    for path in cache.iterdir():
        path.write_text("[]")
    assert plan_file(yaml, "train", cache=cache) == first


def test_only_the_latest_plans_are_kept(yaml, cache):
    cache.mkdir()
    for number in range(250):
        (cache / f"{number}.json").touch()
        os.utime(cache / f"{number}.json", (number, number))
    plan_file(yaml, "train", cache=cache)
    assert len(list(cache.iterdir())) == 200
    assert not (cache / "0.json").exists()


def test_a_recalled_plan_needs_no_parser(yaml, cache):
    plan_file(yaml, "train", cache=cache)
    code = (
        "import sys; from pathlib import Path; from localhai.project.remembered import plan_file\n"
        "plan_file(Path(sys.argv[1]), 'train', cache=Path(sys.argv[2]))\n"
        "print([name for name in ('valohai_yaml', 'yaml', 'jsonschema') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, yaml, cache], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_words_for_the_step_are_recalled_with_the_plan(yaml, cache):
    first = plan_file(yaml, "tr", words=["--lr", "0.5"], cache=cache)
    assert (first.step, first.parameters) == ("train", {"lr": 0.5})
    assert plan_file(yaml, "tr", words=["--lr", "0.5"], cache=cache, load=pytest.fail) == first
    assert plan_file(yaml, "tr", words=["--lr", "0.6"], cache=cache).parameters == {"lr": 0.6}


def test_words_that_the_step_has_not_are_an_error_each_time(yaml, cache):
    for _ in range(2):
        with pytest.raises(UsageError, match="epochs"):
            plan_file(yaml, "train", words=["--epochs", "3"], cache=cache)


def test_a_changed_file_sorts_words_anew(yaml, cache):
    plan_file(yaml, "train", words=["--lr=1"], cache=cache)
    yaml.write_text(YAML.replace("lr", "rate"))
    with pytest.raises(UsageError):
        plan_file(yaml, "train", words=["--lr=1"], cache=cache)


@pytest.mark.parametrize("uri", ["https://u:pass-w0rd@host/a.csv", "https://host/a.csv?sig=pass-w0rd"])
def test_a_plan_with_a_password_in_an_address_is_not_kept(yaml, cache, uri):
    typed = Overrides(inputs={"data": uri})
    yaml.write_text(YAML + "    inputs: [{name: data}]\n")
    assert plan_file(yaml, "train", typed, cache=cache).inputs[0].uris == (uri,)
    assert plan_file(yaml, "train", words=[f"--data={uri}"], cache=cache).inputs[0].uris == (uri,)
    assert not [path for path in cache.rglob("*") if path.is_file() and b"pass-w0rd" in path.read_bytes()]
