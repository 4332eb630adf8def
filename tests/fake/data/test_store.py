"""The stores keep bytes, once and for all."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

from localhai.data import checksums
from localhai.data import store as stores
from localhai.data.sources import DataSources
from localhai.data.store import Store, open_store
from localhai.errors import SurroundingsError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "folder":
        return open_store(tmp_path / "store")
    bucket = request.getfixturevalue("bucket")
    return open_store(f"s3://{bucket}/prefix", sources=request.getfixturevalue("s3_sources"))


def output(tmp_path: Path, content: bytes = b"model") -> Path:
    path = tmp_path / "outputs" / "model.pkl"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


def test_what_is_put_can_be_read_and_deleted(store: Store, tmp_path: Path) -> None:
    path = output(tmp_path)
    uri = store.put(path, "project/1/sub dir/ü 100%.pkl", checksums.of_file(path))
    with store.open(uri) as file:
        assert file.read() == b"model"
    store.delete(uri)
    with pytest.raises(SurroundingsError):
        store.open(uri)
    store.delete(uri)


def test_a_key_is_never_overwritten(store: Store, tmp_path: Path) -> None:
    path = output(tmp_path, b"first")
    uri = store.put(path, "k", checksums.of_bytes(b"first"))
    assert store.put(path, "k", checksums.of_bytes(b"first")) == uri
    path.unlink()
    path = output(tmp_path, b"second")
    with pytest.raises(SurroundingsError, match="nothing stored is ever replaced"):
        store.put(path, "k", checksums.of_bytes(b"second"))
    with store.open(uri) as file:
        assert file.read() == b"first"


def test_a_local_store_takes_no_second_copy_and_makes_it_read_only(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    path = output(tmp_path)
    stored = store.path(store.put(path, "a/b", checksums.of_file(path)))
    assert stored is not None
    assert stored.samefile(path)
    assert stored.stat().st_mode & 0o777 == 0o444
    store.put(path, "a/c", checksums.of_file(path), move=True)
    assert not path.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="a second disk is at hand on Linux only")
def test_a_store_on_another_disk_gets_a_complete_copy(tmp_path: Path) -> None:
    here = tmp_path.stat().st_dev
    others = [
        place for place in ("/dev/shm", "/var/tmp") if os.access(place, os.W_OK) and os.stat(place).st_dev != here
    ]
    if not others:
        pytest.fail("this test needs a second disk: /dev/shm or /var/tmp")
    import tempfile

    with tempfile.TemporaryDirectory(dir=others[0]) as folder:
        store = open_store(folder)
        path = output(tmp_path)
        stored = store.path(store.put(path, "a", checksums.of_file(path)))
        assert stored is not None
        assert stored.read_bytes() == b"model"
        assert os.listdir(folder) == ["a"]


def test_deleting_takes_empty_folders_along_and_nothing_outside(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    path = output(tmp_path)
    uri = store.put(path, "../../p/1/x", checksums.of_file(path))
    assert (tmp_path / "store" / "p" / "1" / "x").is_file()
    store.delete(uri)
    assert list((tmp_path / "store").iterdir()) == []
    with pytest.raises(SurroundingsError, match="not of this store"):
        store.delete(path.as_uri())


def test_a_large_output_goes_to_s3_in_parts(
    s3_sources: DataSources, bucket: str, s3_admin: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "PART", 5 << 20)  # the least that S3 takes
    content = bytes(6 << 20)
    path = output(tmp_path, content)
    uri = open_store(f"s3://{bucket}", sources=s3_sources).put(path, "big", checksums.of_file(path))
    assert uri == f"s3://{bucket}/big"
    assert s3_admin.head_object(Bucket=bucket, Key="big")["ETag"].endswith('-2"')


def test_what_cannot_be_a_store_is_refused_in_words(s3_sources: DataSources, tmp_path: Path) -> None:
    with pytest.raises(SurroundingsError, match="outputs cannot be kept at gs://bucket/x"):
        open_store("gs://bucket/x", sources=s3_sources)
    with DataSources(s3_folder=tmp_path) as emulated, pytest.raises(SurroundingsError, match="forgets them"):
        open_store("s3://bucket/x", sources=emulated)
    store = open_store("s3://no-such-bucket-here", sources=s3_sources)
    path = output(tmp_path)
    with pytest.raises(SurroundingsError, match="there is no bucket"):
        store.put(path, "k", checksums.of_file(path))


def test_a_check_finds_what_is_missing_and_leaves_nothing(store: Store, tmp_path: Path, request: Any) -> None:
    store.check()
    store.check(write=True)
    if store.url.startswith("s3:"):
        listing = request.getfixturevalue("s3_admin").list_objects_v2(Bucket=request.getfixturevalue("bucket"))
        assert listing["KeyCount"] == 0
    else:
        assert list((tmp_path / "store").iterdir()) == []


@pytest.mark.parametrize("write", [True, False])
def test_a_check_says_that_the_bucket_is_missing(s3_sources: DataSources, *, write: bool) -> None:
    with pytest.raises(SurroundingsError, match=r"there is no (such )?bucket"):
        open_store("s3://no-such-bucket-here/prefix", sources=s3_sources).check(write=write)


def test_a_check_says_that_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SurroundingsError):
        open_store(tmp_path / "file").check()
