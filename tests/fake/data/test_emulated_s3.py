"""The embedded S3 serves a folder, is not started before it is needed, and never changes the folder."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from localhai.data.emulated_s3 import EmulatedS3
from localhai.data.files import InputSpec
from localhai.data.inputs import fetch_inputs
from localhai.data.sources import DataSources
from localhai.errors import InputNotFound

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from localhai.data.cache import Cache


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "s3"
    for key in ("train/a.csv", "train/deep/ü b.csv", "readme.txt"):
        path = folder / "seeded" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(key)
    return folder


@pytest.fixture
def client(folder: Path) -> Iterator[Any]:
    import boto3

    with EmulatedS3(folder) as server:
        client = boto3.client(
            "s3",
            endpoint_url=server.endpoint_url,
            region_name=server.region,
            aws_access_key_id=server.access_key,
            aws_secret_access_key=server.secret_key,
        )
        yield client
        client.close()


def test_inputs_come_from_the_folder_and_the_second_time_no_server_is_started(folder: Path, cache: Cache) -> None:
    spec = InputSpec("data", ("s3://seeded/**.csv",), keep_directories="suffix")
    with DataSources(s3_folder=folder) as sources:
        files = fetch_inputs([spec], sources=sources, cache=cache).files
        assert {file.name: file.path.read_text() for file in files} == {
            "train/a.csv": "train/a.csv",
            "train/deep/ü b.csv": "train/deep/ü b.csv",
        }
        assert sources.emulated_s3.running
    with DataSources(s3_folder=folder) as sources:
        assert fetch_inputs([spec], sources=sources, cache=cache).files == files
        assert not sources.emulated_s3.running


def test_what_is_not_in_the_folder_is_said(folder: Path, cache: Cache) -> None:
    specs = [InputSpec("a", ("s3://seeded/gone",)), InputSpec("b", ("s3://another-bucket/x",))]
    with DataSources(s3_folder=folder) as sources, pytest.raises(InputNotFound) as caught:
        fetch_inputs(specs, sources=sources, cache=cache)
    assert [reason for _, _, reason in caught.value.missing] == [
        "there is no such key in the bucket 'seeded'",
        "there is no bucket 'another-bucket'",
    ]


def test_it_answers_as_s3_does(client: Any, folder: Path) -> None:
    listed = client.list_objects_v2(Bucket="seeded", Prefix="train/")["Contents"]
    assert [(item["Key"], item["Size"]) for item in listed] == [("train/a.csv", 11), ("train/deep/ü b.csv", 19)]
    head = client.head_object(Bucket="seeded", Key="train/a.csv")
    assert head["ContentLength"] == 11
    part = client.get_object(Bucket="seeded", Key="train/a.csv", Range="bytes=6-8", IfMatch=head["ETag"])
    assert (part["Body"].read(), part["ContentRange"]) == (b"a.c", "bytes 6-8/11")
    for wrong in ({"Range": "bytes=99-"}, {"IfMatch": '"other"'}, {"Key": "gone"}):
        with pytest.raises(client.exceptions.ClientError):
            client.get_object(**{"Bucket": "seeded", "Key": "train/a.csv", **wrong})
    (folder / "seeded" / "train" / "a.csv").write_text("edited")
    assert client.get_object(Bucket="seeded", Key="train/a.csv")["Body"].read() == b"edited"


def test_what_is_written_is_served_and_the_folder_stays_as_it_is(client: Any, folder: Path) -> None:
    client.put_object(Bucket="seeded", Key="train/a.csv", Body=b"written")
    client.delete_object(Bucket="seeded", Key="readme.txt")
    assert client.get_object(Bucket="seeded", Key="train/a.csv")["Body"].read() == b"written"
    keys = [item["Key"] for item in client.list_objects_v2(Bucket="seeded")["Contents"]]
    assert keys == ["train/a.csv", "train/deep/ü b.csv"]
    assert (folder / "seeded" / "train" / "a.csv").read_text() == "train/a.csv"
    assert (folder / "seeded" / "readme.txt").exists()


def test_keys_do_not_lead_out_of_the_folder(folder: Path) -> None:
    (folder.parent / "secret").write_text("x")
    server = EmulatedS3(folder)
    assert server.seed_object("seeded", "readme.txt") is not None
    assert server.seed_object("..", "secret") is None
    assert server.seed_object("seeded", "../../secret") is None


def test_neither_boto3_nor_moto_is_loaded_before_an_s3_uri_is_met(folder: Path, tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from localhai.data import cache, inputs, outputs, store, checksums
from localhai.data.files import InputSpec
from localhai.data.sources import DataSources
home, folder, file = map(Path, sys.argv[1:])
with DataSources(s3_folder=folder) as sources, cache.Cache(home) as held:
    inputs.fetch_inputs([InputSpec("a", (str(file),))], sources=sources, cache=held)
    store.open_store(home / "store")
print([name for name in ("boto3", "botocore", "moto", "requests", "urllib3", "flask") if name in sys.modules])
"""
    arguments = [str(tmp_path / "home"), str(folder), str(folder / "seeded" / "readme.txt")]
    result = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
    assert result.stderr == ""
