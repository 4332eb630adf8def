"""Durations are those of a clock that nobody sets."""

from __future__ import annotations

import itertools

import pytest
from msgspec.structs import replace

from localhai.containers.engine import ContainerState
from localhai.executions.run.verdict import by_engine, moment
from localhai.records import times

BEGAN = "2026-01-01T00:00:00.000000Z"


def state(started, finished):
    return ContainerState("id", "name", "exited", running=False, started=started, finished=finished)


@pytest.mark.parametrize(
    ("record", "started", "finished", "seconds"),
    [
        (BEGAN, "2026-01-01T00:00:02Z", "2026-01-01T00:00:05.25Z", 5.25),
        (None, "2026-01-01T00:00:02.123456789Z", "2026-01-01T00:00:03.123456789Z", 1.0),
        ("2026-01-02T00:00:00.000000Z", "2026-01-01T00:00:02Z", "2026-01-01T00:00:05Z", 3.0),
        (BEGAN, "2026-01-01T00:00:02Z", "2025-12-31T00:00:00Z", 2.0),
        (BEGAN, "2026-01-01T00:00:02Z", None, None),
        (BEGAN, None, None, None),
    ],
)
def test_the_engine_knows_how_long_a_container_ran(record, started, finished, seconds):
    assert by_engine(record, state(started, finished)) == seconds


def test_engines_write_up_to_nine_digits():
    assert moment("2026-01-01T00:00:00.5Z").microsecond == 500_000
    assert moment("2026-01-01T00:00:00Z").microsecond == 0


def test_what_was_measured_counts_once_it_has_ended():
    later = "2025-12-31T00:00:00.000000Z"
    assert times.duration({"duration": 7.5}, BEGAN, later) == 7.5
    assert times.duration({"duration": 7.5}, BEGAN, None) is None
    assert times.duration({}, BEGAN, later) == 0.0


def test_a_clock_that_is_set_back_while_it_runs_changes_no_duration(used_home, tmp_path, monkeypatch):
    from localhai.app.open_project import OpenProject
    from localhai.executions.home import Home
    from localhai.settings import Settings
    from localhai.testing import FakeEngine

    (tmp_path / "valohai.yaml").write_text("- step: {name: train, image: 'python:3.11-slim', command: 'true'}\n")
    engine = FakeEngine()
    with Home(Settings(home=used_home), engine=engine) as home:
        project = OpenProject.at(tmp_path, home=home)
        hours = itertools.count(23, -1)
        monkeypatch.setattr(
            home.records.access, "clock", lambda: times.parse(f"2026-01-01T{next(hours):02}:00:00+00:00")
        )
        engine.behave(lambda container: container.sleep(0.05) or 0, step="train")
        execution = project.run("train")
    engine.close()
    assert execution.record.finished < execution.record.started
    assert 0.05 <= execution.to_dict()["duration"] < 3600


def test_what_is_looked_after_is_asked_for_all_that_the_engine_knows(used_home):
    """The list of an engine has neither times nor whether memory ran out."""
    from localhai.containers import labels
    from localhai.containers.engine import ContainerSpec
    from localhai.executions.home import Home
    from localhai.executions.run.prepare import container_name
    from localhai.executions.run.recovery import find_container
    from localhai.settings import Settings
    from localhai.testing import FakeEngine

    class Brief(FakeEngine):
        def containers(self, labels):
            return [replace(item, started=None, finished=None) for item in super().containers(labels)]

    engine = Brief()
    with Home(Settings(home=used_home), engine=engine) as home:
        project = home.records.projects.of_folder("/p", "p")
        record = home.records.executions.create(project.id, step="s", image="i", commit=None, document={}, owner=None)
        made = labels.build(execution=record.id, project="p")
        container = engine.create(ContainerSpec(container_name(record.id), "i", ("true",), labels=made))
        engine.start(container)
        engine.wait(container)
        found = find_container(home, record)
    engine.close()
    assert found.started is not None
    assert found.finished is not None
