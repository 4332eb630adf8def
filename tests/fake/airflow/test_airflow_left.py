"""A deferred task asks again and again how its execution is: also when whoever ran that has died, here or elsewhere."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from localhai.airflow.local import LocalPlatform
from localhai.app.projects import Places
from localhai.executions.home import Home
from localhai.executions.run.heartbeat import own_owner
from localhai.records import Owner
from localhai.settings import Settings
from localhai.testing import FakeEngine

AFAR = Owner("far-away", 1, "1", "b")


@pytest.fixture
def home(tmp_path):
    with Home(Settings(home=tmp_path / "home", host_timeout=0.0), engine=FakeEngine()) as opened:
        yield opened


@pytest.mark.parametrize("owner", [replace(own_owner(), process_start="0"), AFAR])
def test_an_execution_of_a_dead_process_is_closed_by_whoever_asks(home, owner):
    project = home.records.projects.of_folder("/a/news", "news")
    made = home.records.executions.create(
        project.id, step="train", image="i", commit=None, document={}, owner=owner, folder="executions/news/1-x"
    )
    home.records.executions.transition(made.id, "queued")

    assert LocalPlatform(Places(), home=home).details("execution", made.id)["status"] == "crashed"


def test_a_pipeline_of_a_dead_process_is_closed_by_whoever_asks(home):
    project = home.records.projects.of_folder("/a/news", "news")
    made = home.records.pipelines.create(
        project.id, name="p", nodes=[], commit=None, document={}, owner=AFAR, title="p"
    )

    assert LocalPlatform(Places(), home=home).details("pipeline", made.id)["status"] == "crashed"


def test_what_runs_in_a_project_and_was_not_asked_to_stop(home):
    project, other = (
        home.records.projects.of_folder("/a/news", "news"),
        home.records.projects.of_folder("/a/olds", "olds"),
    )

    def execution(where, **more):
        values = {
            "step": "train",
            "image": "i",
            "commit": None,
            "document": {},
            "folder": "f",
            "tags": ["airflow:d/r/t"],
        }
        return home.records.executions.create(where.id, **values, owner=own_owner(), **more).id

    def pipeline():
        document = {"tags": ["airflow:d/r/p"]}
        return home.records.pipelines.create(
            project.id, name="p", nodes=[], commit=None, document=document, owner=own_owner(), title="p"
        ).id

    going, stopped, _elsewhere = execution(project), execution(project), execution(other)
    flowing, halted = pipeline(), pipeline()
    home.records.executions.request_stop(stopped)
    home.records.pipelines.request_stop(halted)

    assert [(kind, key, list(tags)) for kind, key, tags in LocalPlatform(Places(), home=home).running(project.id)] == [
        ("execution", going, ["airflow:d/r/t"]),
        ("pipeline", flowing, ["airflow:d/r/p"]),
    ]
