"""The cache of inputs: what it gives back, what it does not trust, what cleaning takes and leaves."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import time
from pathlib import Path

import pytest

from localhai.data import checksums
from localhai.data.cache import Cache, CacheEntry, CacheReport, Cleaned
from localhai.errors import DiskFull
from localhai.system import locks

DAY = 86400.0


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    made = Cache(tmp_path)
    made.enter()
    return made


def taken_in(
    cache: Cache, uri: str, content: bytes, *, version: str | None = "v1", given: str | None = None
) -> CacheEntry:
    part, _ = cache.part(uri)
    part.write_bytes(content)
    return cache.add(uri, version, part, checksums.of_bytes(content), given)


def record(cache: Cache, uri: str) -> Path:
    """The file that remembers what a URI gave."""
    return cache.folder / "uris" / f"{hashlib.sha256(uri.encode()).hexdigest()}.json"


def used_before(cache: Cache, uri: str, seconds: float) -> None:
    os.utime(record(cache, uri), (0, time.time() - seconds))


def remains(path: Path, size: int, seconds: float) -> Path:
    path.write_bytes(b"x" * size)
    os.utime(path, (0, time.time() - seconds))
    return path


def test_what_comes_in_is_given_back(cache: Cache) -> None:
    before = time.time()
    entry = taken_in(cache, "https://u:pw@host/a", b"abc", given="a.csv")
    assert entry.path == cache.folder / "objects" / entry.checksums.sha256[:2] / entry.checksums.sha256
    assert entry.path.read_bytes() == b"abc"
    assert entry.path.stat().st_mode & 0o777 == 0o444
    assert not cache.part("https://u:pw@host/a")[0].exists()
    assert before <= entry.used <= time.time()
    last = cache.last("https://u:pw@host/a")
    assert last is not None
    assert (last.uri, last.version, last.size, last.checksums, last.path, last.given) == (
        "https://u:pw@host/a",
        "v1",
        3,
        checksums.of_bytes(b"abc"),
        entry.path,
        "a.csv",
    )
    assert abs(last.used - entry.used) < 60
    written = json.loads(record(cache, "https://u:pw@host/a").read_bytes())
    assert written["uri"] == "https://u:***@host/a"
    assert written["sealed"] is True
    assert cache.last("https://host/other") is None


def test_one_content_of_two_uris_is_kept_once(cache: Cache) -> None:
    first, second = (taken_in(cache, f"https://host/{name}", b"abc") for name in "ab")
    assert first.path == second.path
    assert cache.report() == CacheReport(cache.folder, 1, 3, 0)


def test_bytes_that_were_changed_do_not_count(cache: Cache) -> None:
    for uri, change in (
        ("https://host/a", b"ab"),
        ("https://host/b", b"xyz"),
    ):  # a size, and a content of the same size
        path = taken_in(cache, uri, uri.encode()[-1:] * 3).path
        path.chmod(0o644)
        path.write_bytes(change)
        assert cache.last(uri) is None


def test_where_the_disk_keeps_no_fractions_the_size_has_to_do(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("localhai.data.cache._seal", lambda path, _sha256: os.utime(path, (0, 1_000_000)))
    entry = taken_in(cache, "https://host/a", b"abc")
    assert json.loads(record(cache, "https://host/a").read_bytes())["sealed"] is False
    assert cache.last("https://host/a") is not None
    entry.path.chmod(0o644)
    entry.path.write_bytes(b"ab")
    assert cache.last("https://host/a") is None


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"checksums": {}}', '{"checksums": {"sha256": 1}}'])
def test_a_spoiled_record_is_as_none(cache: Cache, content: str) -> None:
    taken_in(cache, "https://host/a", b"abc")
    record(cache, "https://host/a").write_text(content)
    assert cache.last("https://host/a") is None
    cache.close()
    assert cache.clean() == Cleaned(1, 3, 0)


def test_a_touched_uri_was_used_now(cache: Cache) -> None:
    taken_in(cache, "https://host/a", b"abc")
    used_before(cache, "https://host/a", DAY)
    cache.touch("https://host/a")
    last = cache.last("https://host/a")
    assert last is not None
    assert time.time() - last.used < 60
    cache.touch("https://host/unknown")
    assert not record(cache, "https://host/unknown").exists()


def test_files_of_one_uri_are_of_one_name(cache: Cache) -> None:
    uri = "/data/\udcff"
    name = hashlib.sha256(uri.encode("utf-8", "surrogateescape")).hexdigest()
    assert cache.part(uri) == (cache.folder / "parts" / name, cache.folder / "parts" / f"{name}.json")
    assert cache.lock(uri) == cache.folder / "locks" / name


def test_what_is_unfinished_is_counted_by_the_room_it_takes(cache: Cache) -> None:
    part, ranges = cache.part("https://host/a")
    part.write_bytes(b"x" * 10_000)
    with part.open("r+b") as file:
        file.truncate(50_000_000)  # a hole takes no room
    ranges.write_text("{}")
    report = cache.report()
    assert (report.files, report.size) == (0, 0)
    assert report.unfinished == sum(path.stat().st_blocks * 512 for path in (part, ranges))
    assert report.unfinished < 1_000_000


def test_nothing_is_cleaned_where_there_is_no_cache(tmp_path: Path) -> None:
    assert Cache(tmp_path).clean() == Cleaned(0, 0, 0)
    assert Cache(tmp_path).report() == CacheReport(tmp_path / "cache" / "data", 0, 0, 0)
    assert not (tmp_path / "cache").exists()


def test_cleaning_by_age_takes_what_was_not_used_for_so_long(cache: Cache) -> None:
    for days in (1, 3, 5):
        taken_in(cache, f"https://host/{days}", b"x" * days)
        used_before(cache, f"https://host/{days}", days * DAY)
    cache.close()
    assert cache.clean(older_than=4 * DAY) == Cleaned(1, 5, 0)
    assert [cache.last(f"https://host/{days}") is None for days in (1, 3, 5)] == [False, False, True]
    assert cache.clean(older_than=2 * DAY) == Cleaned(1, 3, 0)
    assert cache.clean() == Cleaned(1, 1, 0)
    assert list((cache.folder / "uris").iterdir()) == []


def test_an_object_stays_while_one_of_its_uris_does(cache: Cache) -> None:
    taken_in(cache, "https://host/old", b"abc")
    taken_in(cache, "https://host/new", b"abc")
    used_before(cache, "https://host/old", 3 * DAY)
    cache.close()
    assert cache.clean(older_than=DAY) == Cleaned(0, 0, 0)
    assert cache.last("https://host/old") is None
    assert cache.last("https://host/new") is not None


def test_while_another_uses_the_cache_the_last_hour_stays(cache: Cache) -> None:
    taken_in(cache, "https://host/new", b"abc")
    taken_in(cache, "https://host/old", b"de")
    used_before(cache, "https://host/old", 2 * DAY)
    assert Cache(cache.folder.parent.parent).clean() == Cleaned(0, 0, 2)  # the object itself came just now
    assert cache.last("https://host/new") is not None
    assert cache.last("https://host/old") is None
    assert cache.clean() == Cleaned(0, 0, 2)  # who uses it is no less careful
    cache.close()
    cache.close()
    assert Cache(cache.folder.parent.parent).clean() == Cleaned(2, 5, 0)


def test_a_download_that_may_go_on_outlives_a_cleaning_of_all(cache: Cache) -> None:
    parts = cache.folder / "parts"
    younger, older = remains(parts / "a", 10, 6 * DAY), remains(parts / "b.json", 10, 8 * DAY)
    cache.close()
    cache.clean(older_than=30 * DAY)
    assert younger.exists()
    assert not older.exists()
    held = locks.acquire(cache.folder / "locks" / "a")
    assert held is not None
    cache.clean()
    assert younger.exists()
    os.close(held)
    cache.clean()
    assert not younger.exists()
    assert list((cache.folder / "locks").iterdir()) == []


def test_while_another_uses_the_cache_downloads_of_the_last_hour_stay(cache: Cache) -> None:
    parts = cache.folder / "parts"
    younger, older = remains(parts / "a", 10, 60), remains(parts / "b", 10, 7200)
    Cache(cache.folder.parent.parent).clean()
    assert younger.exists()
    assert not older.exists()


def test_objects_are_in_use_from_entering_to_closing(cache: Cache) -> None:
    gate = cache.folder / "gate"
    cache.enter()
    assert locks.acquire(gate, wait=False) is None
    with cache as same:
        assert same is cache
    free = locks.acquire(gate, wait=False)
    assert free is not None
    os.close(free)
    cache.clean()
    free = locks.acquire(gate, wait=False)
    assert free is not None
    os.close(free)


def test_a_full_disk_is_said(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object, **_more: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", full)
        with pytest.raises(DiskFull) as raised:
            taken_in(cache, "https://host/a", b"abc")
    assert raised.value.message == "there is no space left for the cache of inputs"
    assert raised.value.where == str(cache.folder)
    other = Cache(cache.folder / "other")
    with monkeypatch.context() as patched:
        patched.setattr(Path, "mkdir", full)
        with pytest.raises(DiskFull, match="the cache of inputs") as raised:
            other.enter()
    assert raised.value.where == str(other.folder)
