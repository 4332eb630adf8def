"""Addresses of data: what they mean, frozen into a plan; and what cannot be resolved, in words."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from localhai.data.sources.base import Unavailable
from localhai.executions.datums import MOST_NAMES, Addresses
from localhai.executions.log.log import read_events
from localhai.executions.run.finalize import ExecutionEnd, record_end
from localhai.executions.run.outputs import Collected
from localhai.project.plan import ExecutionPlan, PlannedInput
from localhai.records import DatumRecord, Records, new_id
from localhai.records.versions import VersionRequest


def datum(name):
    sums = {"md5": "m", "sha1": "s", "sha256": "t"}
    return DatumRecord(id=new_id(), name=name, size=5, ctime="2026-01-01T00:00:00Z", uri=f"/store/{name}", **sums)


def plan(**inputs):
    planned = tuple(PlannedInput(name, tuple(uris)) for name, uris in inputs.items())
    return ExecutionPlan("use", "i", "i", ("true",), "true", inputs=planned)


@pytest.fixture
def records(tmp_path, empty_database):
    shutil.copy(empty_database, tmp_path / "localhai.db")
    with Records.open(tmp_path) as opened:
        yield opened


@pytest.fixture
def project(records):
    return records.projects.of_folder("/a", "news")


@pytest.fixture
def addresses(records, project):
    return Addresses(records, project.id)


@pytest.fixture
def execution(records, project):
    return records.executions.create(project.id, step="make", image="i", commit=None, document={}, owner=None)


@pytest.fixture
def data(records, execution):
    """Two data; alias `best`, dataset://images/v1 (alias prod) and model://news/v1 hold the first or both."""
    one, two = datum("a.png"), datum("sub/b.png")
    requests = [
        VersionRequest(new_id(), "dataset", "images", "v1", (one.id, two.id), aliases=("prod",)),
        VersionRequest(new_id(), "dataset", "empty", "v1", ()),
        VersionRequest(new_id(), "model", "news", None, (one.id,)),
    ]
    records.executions.add_outputs(execution.id, [one, two], {"best": one.id}, requests)
    return one, two


def test_a_plan_gets_the_data_that_addresses_mean(addresses, data):
    one, two = (f"datum://{item.id}" for item in data)
    wanted = plan(
        words=["datum://best", "s3://bucket/key", "dataset://images/latest"], model=["model://news"], fixed=[two]
    )
    frozen, resolutions = addresses.freeze(wanted, {})
    assert [item.uris for item in frozen.inputs] == [(one, "s3://bucket/key", one, two), (one,), (two,)]
    assert [str(item) for item in resolutions] == [
        f"input words: datum://best is {one}",
        "input words: dataset://images/latest is dataset://images/v1: 2 files",
        "input model: model://news is model://news/v1: 1 file",
    ]
    assert resolutions[1].to_dict() == {
        "input": "words",
        "uri": "dataset://images/latest",
        "version": "dataset://images/v1",
        "data": [item.id for item in data],
    }
    assert addresses.freeze(frozen, {}) == (frozen, ())


@pytest.mark.usefixtures("data")
def test_what_has_a_stand_in_or_no_meaning_stays_as_it_is_written(addresses):
    written = plan(
        a=["dataset://images/v1"], b=["datum://unknown", "dataset://empty/v1", "model://", "file.csv", "gs://x"]
    )
    frozen, resolutions = addresses.freeze(written, {"dataset://images/*": "samples"})
    assert (frozen, resolutions) == (written, ())


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize(
    ("address", "reason"),
    [
        (
            "dataset://nothing/v1",
            "no dataset of that name is known here: it may be on the platform; known: empty, images",
        ),
        ("model://nothing", "no model of that name is known here: it may be on the platform; known: news"),
        ("dataset://images/v9", "the dataset images has no version or alias 'v9'; known: v1, prod"),
        ("model://news/v9", "the model news has no version or alias 'v9'; known: v1"),
        ("dataset://images", "dataset://NAME/VERSION is needed, where VERSION may be an alias or latest"),
        ("dataset://images/v1/a.png", "dataset://NAME/VERSION is needed, where VERSION may be an alias or latest"),
        ("dataset://empty/v1", "dataset://empty/v1 has no files"),
    ],
)
def test_why_an_address_means_nothing_is_said(addresses, address, reason):
    with pytest.raises(Unavailable) as caught:
        addresses.files(address)
    assert caught.value.reason == reason


def test_files_that_were_deleted_are_named(addresses, records, data):
    records.data.purge([data[0].id])
    with pytest.raises(Unavailable) as caught:
        addresses.files("dataset://images/v1")
    assert caught.value.reason == "files of dataset://images/v1 were deleted: a.png"
    with pytest.raises(Unavailable, match=r"the bytes of that datum \(a.png\) were deleted"):
        addresses.datum("best")


def test_long_lists_of_names_are_cut(addresses, records, execution):
    requests = [VersionRequest(new_id(), "dataset", f"d{number:02}", "v1", ()) for number in range(MOST_NAMES + 3)]
    records.executions.add_outputs(execution.id, [datum("x")], {}, requests)
    with pytest.raises(Unavailable) as caught:
        addresses.files("dataset://nothing/v1")
    assert caught.value.reason.endswith("d09 and 3 more")


def test_many_data_are_looked_up_at_once(addresses, data):
    addresses.prefetch([f"datum://{item.id}" for item in data] + ["s3://bucket/key"])
    assert [addresses.datum(item.id).name for item in data] == ["a.png", "sub/b.png"]
    assert addresses.datum("best").id == data[0].id


@pytest.mark.usefixtures("data")
def test_a_version_that_another_execution_made_in_the_same_moment_is_said_in_the_log(records, execution, tmp_path):
    records.executions.update(execution.id, folder="executions/1")
    (tmp_path / "executions" / "1").mkdir(parents=True)
    late = datum("late.png")
    request = VersionRequest(new_id(), "dataset", "images", "v1", (late.id,))
    for status in ("queued", "started"):
        records.executions.transition(execution.id, status)
    end = ExecutionEnd("complete", None, 0, {}, Collected((late,), {}, (request,)))
    home = SimpleNamespace(records=records, folder=Path(tmp_path))
    closed = record_end(home, records.executions.get(execution.id), end)
    assert str(closed.status) == "complete"
    assert [event.message for event in read_events(tmp_path / "executions" / "1")] == [
        "Outputs: dataset://images/v1 is not made: it exists already, and dataset versions never change"
    ]
