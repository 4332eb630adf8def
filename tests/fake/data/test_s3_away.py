"""An S3 that is busy or away for a moment: what is read from it and kept in it arrives all the same."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import localhai
from localhai.data.cache import Cache
from localhai.data.checksums import of_bytes, of_file
from localhai.data.files import InputSpec
from localhai.data.inputs import fetch_inputs
from localhai.data.progress import Waiting
from localhai.data.sources import DataSources
from localhai.data.store import open_store
from localhai.errors import InputNotFound, Interrupted, SurroundingsError
from localhai.executions.home import Home
from localhai.executions.run.collect import collect
from localhai.settings import Settings
from localhai.system.retry import Retry, Waiter
from localhai.testing import Canned, FakeEngine

MANY = 7  # botocore itself tries three times, in silence


@pytest.fixture
def before(s3_fault: Any, request: pytest.FixtureRequest) -> Iterator[DataSources]:
    request.getfixturevalue("aws_environment")
    with DataSources(s3_endpoint_url=s3_fault.address, retry=Retry(attempts=4, first=0.001, longest=0.002)) as sources:
        yield sources


@pytest.mark.parametrize("answer", [0, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("name", ["x", "*"])
def test_looks_and_listings_are_tried_again(
    before: DataSources, s3_fault: Any, s3_admin: Any, bucket: str, cache: Cache, answer: int, name: str
) -> None:
    s3_admin.put_object(Bucket=bucket, Key="x", Body=b"data")
    s3_fault.answers[:] = [answer] * MANY
    events: list[Any] = []
    specs = [InputSpec("d", (f"s3://{bucket}/{name}",))]
    (file,) = fetch_inputs(specs, sources=before, cache=cache, progress=events.append).files
    assert file.path.read_bytes() == b"data"
    assert any(isinstance(event, Waiting) and "trying again" in event.reason for event in events)


@pytest.mark.parametrize("answer", [0, 503])
def test_an_output_is_kept_as_soon_as_s3_is_back(
    before: DataSources, s3_fault: Any, s3_admin: Any, bucket: str, tmp_path: Path, answer: int
) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(b"model")
    store, said = open_store(f"s3://{bucket}/kept", sources=before), []
    s3_fault.answers[:] = [answer] * MANY
    uri = store.put(path, "model.pkl", of_file(path), waiter=Waiter(said.append))
    assert uri == f"s3://{bucket}/kept/model.pkl"
    assert s3_admin.get_object(Bucket=bucket, Key="kept/model.pkl")["Body"].read() == b"model"
    assert all(line.startswith(f"The store s3://{bucket}/kept: S3 ") for line in said)
    s3_fault.answers[:] = [404, *[answer] * MANY]  # nothing is known of it, and then the upload fails
    uri = store.put(path, "again.pkl", of_file(path), waiter=Waiter(said.append))
    assert s3_admin.get_object(Bucket=bucket, Key="kept/again.pkl")["Body"].read() == b"model"


def test_a_store_that_stays_away_is_said_and_a_stop_is_heard(
    before: DataSources, s3_fault: Any, bucket: str, tmp_path: Path
) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(b"model")
    store = open_store(f"s3://{bucket}/kept", sources=before)
    s3_fault.answers[:] = [503] * 100
    with pytest.raises(SurroundingsError, match=r"S3 is busy .* \(tried 4 times\)"):
        store.put(path, "model.pkl", of_file(path))
    with pytest.raises(Interrupted):
        store.put(path, "model.pkl", of_file(path), waiter=Waiter(cancelled=lambda: True))


def test_what_cannot_pass_is_not_waited_for(before: DataSources, s3_fault: Any, bucket: str, cache: Cache) -> None:
    s3_fault.answers[:] = [403] * 100
    with pytest.raises(InputNotFound, match="access is denied"):
        fetch_inputs([InputSpec("d", (f"s3://{bucket}/x",))], sources=before, cache=cache)
    assert len(s3_fault.asked) == 1


def test_what_is_read_from_the_store_goes_on_after_a_cut(
    before: DataSources, s3_fault: Any, bucket: str, tmp_path: Path
) -> None:
    body = os.urandom(3_000_000)
    path = tmp_path / "model.pkl"
    path.write_bytes(body)
    store = open_store(f"s3://{bucket}", sources=before)
    uri = store.put(path, "model.pkl", of_bytes(body))
    s3_fault.cut_after[:] = [1_200_000, 100]
    with store.open(uri) as file:
        assert file.read() == body
    with store.open(uri) as file:
        assert file.read(10) == body[:10]


YAML = """\
- step:
    name: train
    image: python:3.11-slim
    command: python train.py
    inputs:
      - name: table
        default: s3://{bucket}/table.csv
"""


@pytest.mark.usefixtures("aws_environment")
def test_an_s3_that_is_away_at_the_beginning_and_the_end_costs_no_execution(
    s3_fault: Any, s3_admin: Any, bucket: str, tmp_path: Path
) -> None:
    s3_admin.put_object(Bucket=bucket, Key="table.csv", Body=b"a,b")
    project = tmp_path / "project"
    project.mkdir()
    (project / "valohai.yaml").write_text(YAML.format(bucket=bucket))
    flags = {"home": tmp_path / "home", "store": f"s3://{bucket}/kept", "s3_endpoint_url": s3_fault.address}

    def work(container: Any) -> int:
        Canned(files={"model.pkl": b"model"}).play(container)
        s3_fault.answers[:] = [0] * 4
        return 0

    s3_fault.answers[:] = [503] * 4
    with closing(FakeEngine()) as engine, Home(Settings.load(flags=flags), engine=engine) as home:
        engine.behave(work, step="train")
        execution = localhai.open_project(project, home=home).run("train")
        said = [event.message for event in execution.events() if event.stream == "status"]
        (output,) = execution.to_dict()["outputs"]
    assert execution.status == "complete"
    assert output["uri"].startswith(f"s3://{bucket}/kept/")
    assert any(line.startswith(f"s3://{bucket}/table.csv: S3 is busy (503); trying again in ") for line in said)
    assert any(line.startswith(f"The store s3://{bucket}/kept: S3 does not answer") for line in said)


@pytest.mark.usefixtures("aws_environment")
def test_a_store_that_stays_away_costs_no_output(
    s3_fault: Any, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "valohai.yaml").write_text("- step: {name: train, image: busybox, command: make}\n")
    settings = {"STORE": f"s3://{bucket}", "PATIENCE": "0.1", "HOME": str(tmp_path / "home")}
    for name, value in settings.items():
        monkeypatch.setenv(f"LOCALHAI_{name}", value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_fault.address)

    def work(container: Any) -> int:
        Canned(files={"model.pkl": b"model"}).play(container)
        s3_fault.answers[:] = [503] * 1000
        return 0

    with closing(FakeEngine()) as engine, Home(Settings.load(), engine=engine) as home:
        engine.behave(work, step="train")
        execution = localhai.open_project(project, home=home).run("train")
        assert "S3 is busy (503)" in execution.to_dict()["not_collected"]
        assert execution.to_dict()["outputs"] == []
        s3_fault.answers.clear()
        (output,) = collect(home, execution.id).outputs
    assert output.uri.startswith(f"s3://{bucket}/")
