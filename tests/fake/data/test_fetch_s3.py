"""s3:// inputs against a real moto server."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any

import pytest

from localhai.data import segments
from localhai.data.cache import Cache
from localhai.data.files import InputSpec
from localhai.data.inputs import fetch_inputs
from localhai.data.progress import FetchPlanned, FileAdvanced, FileDone, FileStarted
from localhai.data.sources import DataSources
from localhai.errors import InputNotFound
from localhai.system.retry import ONCE

if TYPE_CHECKING:
    from localhai.data.emulated_s3 import EmulatedS3


def test_one_object_arrives_with_name_size_checksums_and_read_only(
    s3_admin: Any, s3_sources: DataSources, bucket: str, cache: Cache
) -> None:
    s3_admin.put_object(Bucket=bucket, Key="data/train.csv", Body=b"a,b\n1,2\n")
    (file,) = fetch_inputs(
        [InputSpec("data", (f"s3://{bucket}/data/train.csv",))], sources=s3_sources, cache=cache
    ).files
    assert (file.input, file.name, file.uri, file.size) == ("data", "train.csv", f"s3://{bucket}/data/train.csv", 8)
    assert file.path.read_bytes() == b"a,b\n1,2\n"
    assert file.path.stat().st_mode & 0o777 == 0o444
    assert file.checksums.md5 == hashlib.md5(b"a,b\n1,2\n").hexdigest()  # noqa: S324 - what inputs.json holds
    assert file.checksums.sha1 == hashlib.sha1(b"a,b\n1,2\n").hexdigest()  # noqa: S324 - what inputs.json holds
    assert file.checksums.sha256 == hashlib.sha256(b"a,b\n1,2\n").hexdigest()


@pytest.mark.parametrize(
    ("pattern", "keep", "names"),
    [
        ("foo/bar/*.jpg", "none", ["top.jpg"]),
        ("foo/bar/**.jpg", "none", ["a.jpg", "b.jpg", "top.jpg"]),
        ("foo/bar/**.jpg", "suffix", ["one/a.jpg", "one/two/b.jpg", "top.jpg"]),
        ("foo/bar/**.jpg", "full", ["foo/bar/one/a.jpg", "foo/bar/one/two/b.jpg", "foo/bar/top.jpg"]),
        ("foo/bar/**/*.jpg", "suffix", ["one/a.jpg", "one/two/b.jpg", "top.jpg"]),
        ("foo/*/one/*.jpg", "suffix", ["bar/one/a.jpg"]),
        ("**", "suffix", ["foo/bar/notes.txt", "foo/bar/one/a.jpg", "foo/bar/one/two/b.jpg", "foo/bar/top.jpg"]),
    ],
)
def test_wildcards_and_keep_directories(
    s3_admin: Any, s3_sources: DataSources, bucket: str, cache: Cache, pattern: str, keep: Any, names: list[str]
) -> None:
    for key in ("foo/bar/top.jpg", "foo/bar/one/a.jpg", "foo/bar/one/two/b.jpg", "foo/bar/notes.txt", "foo/bar/one/"):
        s3_admin.put_object(Bucket=bucket, Key=key, Body=key.encode() if not key.endswith("/") else b"")
    spec = InputSpec("images", (f"s3://{bucket}/{pattern}",), keep_directories=keep)
    files = fetch_inputs([spec], sources=s3_sources, cache=cache).files
    assert sorted(file.name for file in files) == names
    assert all(file.uri.endswith(file.path.read_text()) for file in files)


def test_the_same_input_again_copies_no_bytes(
    s3_admin: Any, s3_sources: DataSources, bucket: str, cache: Cache
) -> None:
    s3_admin.put_object(Bucket=bucket, Key="x", Body=b"old")
    spec = InputSpec("data", (f"s3://{bucket}/x",))
    first = fetch_inputs([spec], sources=s3_sources, cache=cache).files[0]
    events: list[Any] = []
    second = fetch_inputs([spec], sources=s3_sources, cache=cache, progress=events.append).files[0]
    assert second == first
    assert events == [
        FetchPlanned(files=1, size=3, to_download=0),
        FileDone("data", "x", f"s3://{bucket}/x", 3, cached=True),
    ]
    s3_admin.put_object(Bucket=bucket, Key="x", Body=b"newer")
    assert fetch_inputs([spec], sources=s3_sources, cache=cache).files[0].path.read_bytes() == b"newer"


def test_refresh_downloads_again(s3_admin: Any, s3_sources: DataSources, bucket: str, cache: Cache) -> None:
    s3_admin.put_object(Bucket=bucket, Key="x", Body=b"same")
    spec = InputSpec("data", (f"s3://{bucket}/x",))
    fetch_inputs([spec], sources=s3_sources, cache=cache)
    events: list[Any] = []
    fetch_inputs([spec], sources=s3_sources, cache=cache, progress=events.append, refresh=True)
    assert [event.cached for event in events if isinstance(event, FileDone)] == [False]


def test_a_changed_cache_file_is_noticed_and_fetched_again(
    s3_admin: Any, s3_sources: DataSources, bucket: str, cache: Cache
) -> None:
    s3_admin.put_object(Bucket=bucket, Key="x", Body=b"precious")
    spec = InputSpec("data", (f"s3://{bucket}/x",))
    path = fetch_inputs([spec], sources=s3_sources, cache=cache).files[0].path
    for damage in (b"prec", b"PRECIOUS"):
        path.chmod(0o644)
        path.write_bytes(damage)
        again = fetch_inputs([spec], sources=s3_sources, cache=cache).files[0]
        assert again.path.read_bytes() == b"precious"


def test_a_large_object_comes_in_ranges(
    s3_admin: Any, s3_sources: DataSources, bucket: str, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "SEGMENT", 2 << 20)
    body = os.urandom(9_000_000)
    s3_admin.put_object(Bucket=bucket, Key="big.bin", Body=body)
    events: list[Any] = []
    spec = InputSpec("data", (f"s3://{bucket}/big.bin",))
    (file,) = fetch_inputs([spec], sources=s3_sources, cache=cache, progress=events.append).files
    assert (
        file.checksums.sha256 == hashlib.sha256(body).hexdigest() == hashlib.sha256(file.path.read_bytes()).hexdigest()
    )
    assert events[0] == FetchPlanned(files=1, size=9_000_000, to_download=9_000_000)
    assert events[1] == FileStarted("data", "big.bin", f"s3://{bucket}/big.bin", 9_000_000)
    assert [event.done for event in events if isinstance(event, FileAdvanced)][-1] == 9_000_000
    assert cache.report().unfinished == 0


def test_all_that_cannot_be_had_is_one_error_with_lines_to_paste(
    s3_admin: Any, s3_sources: DataSources, bucket: str, cache: Cache
) -> None:
    s3_admin.put_object(Bucket=bucket, Key="here", Body=b"x")
    specs = [
        InputSpec("here", (f"s3://{bucket}/here",)),
        InputSpec("key", (f"s3://{bucket}/dir/gone.csv",)),
        InputSpec("bucket", ("s3://no-such-bucket-anywhere/x",)),
        InputSpec("none", (f"s3://{bucket}/nothing/*.csv",)),
        InputSpec("ds", ("dataset://things/latest",)),
    ]
    with pytest.raises(InputNotFound) as caught:
        fetch_inputs(specs, sources=s3_sources, cache=cache)
    reasons = {name: reason for name, _, reason in caught.value.missing}
    assert reasons == {
        "key": f"there is no such key in the bucket {bucket!r}",
        "bucket": "there is no bucket 'no-such-bucket-anywhere'",
        "none": "no file matches",
        "ds": "dataset:// can be read on the platform only",
    }
    hints = "\n".join(caught.value.hints)
    assert "--key=samples/gone.csv" in hints
    assert '"dataset://things/latest" = "samples/ds"' in hints
    assert cache.report().files == 0


def test_an_optional_input_may_match_nothing(s3_sources: DataSources, bucket: str, cache: Cache) -> None:
    spec = InputSpec("extra", (f"s3://{bucket}/nothing/*",), optional=True)
    fetched = fetch_inputs([spec], sources=s3_sources, cache=cache)
    assert fetched.files == ()
    assert "no file matches" in fetched.notes[0]


def test_denied_is_said_in_words(s3_admin: Any, s3_sources: DataSources, bucket: str, cache: Cache) -> None:
    s3_admin.put_object(Bucket=bucket, Key="secret", Body=b"x")
    policy = '{"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::%s/*"}]}'
    s3_admin.put_bucket_policy(Bucket=bucket, Policy=policy % bucket)
    with pytest.raises(InputNotFound, match="access is denied to these AWS credentials"):
        fetch_inputs([InputSpec("data", (f"s3://{bucket}/secret",))], sources=s3_sources, cache=cache)


@pytest.mark.usefixtures("aws_environment")
def test_without_credentials_public_objects_can_be_had_and_private_ones_say_so(
    s3_admin: Any,
    s3_server: EmulatedS3,
    bucket: str,
    cache: Cache,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    s3_admin.put_object(Bucket=bucket, Key="public", Body=b"x", ACL="public-read")
    s3_admin.put_object(Bucket=bucket, Key="private", Body=b"x")
    with DataSources(s3_endpoint_url=s3_server.endpoint_url) as sources:
        assert (
            fetch_inputs([InputSpec("d", (f"s3://{bucket}/public",))], sources=sources, cache=cache).files[0].size == 1
        )
        with pytest.raises(InputNotFound, match="there are no AWS credentials, and it is not public"):
            fetch_inputs([InputSpec("d", (f"s3://{bucket}/private",))], sources=sources, cache=cache)


@pytest.mark.usefixtures("aws_environment")
def test_an_endpoint_from_the_environment_is_honoured(
    s3_admin: Any,
    s3_server: EmulatedS3,
    bucket: str,
    cache: Cache,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    s3_admin.put_object(Bucket=bucket, Key="x", Body=b"x")
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server.endpoint_url)
    with DataSources() as sources:
        assert fetch_inputs([InputSpec("d", (f"s3://{bucket}/x",))], sources=sources, cache=cache).files[0].size == 1


@pytest.mark.usefixtures("aws_environment")
def test_an_endpoint_that_does_not_answer_is_said(cache: Cache) -> None:
    with (
        DataSources(s3_endpoint_url="http://127.0.0.1:9", retry=ONCE) as offline,
        pytest.raises(InputNotFound, match="S3 does not answer"),
    ):
        fetch_inputs([InputSpec("d", ("s3://some-bucket/x",))], sources=offline, cache=cache)


def test_on_demand_inputs_are_listed_and_not_downloaded(
    s3_admin: Any, s3_sources: DataSources, bucket: str, cache: Cache
) -> None:
    s3_admin.put_object(Bucket=bucket, Key="big", Body=b"12345")
    spec = InputSpec("data", (f"s3://{bucket}/big",), on_demand=True)
    fetched = fetch_inputs([spec], sources=s3_sources, cache=cache)
    assert fetched.files == ()
    assert [(item.name, item.size, item.storage_uri) for item in fetched.on_demand] == [
        ("big", 5, f"s3://{bucket}/big")
    ]
    assert cache.report().files == 0
