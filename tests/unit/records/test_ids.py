"""Ids are UUIDs and sort by time."""

from __future__ import annotations

import os
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

from localhai.records import new_id


def test_ids_are_version_7_uuids_of_now():
    before = time.time_ns() // 1_000_000
    made = uuid.UUID(new_id())
    assert made.variant == uuid.RFC_4122
    assert made.version == 7
    assert 0 <= (made.int >> 80) - before < 60_000


def test_ids_grow_within_a_process():
    ids = [new_id() for _ in range(20_000)]
    assert ids == sorted(set(ids))


def test_threads_never_share_an_id():
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda _: new_id(), range(5000)))
    assert len(set(ids)) == 5000


def test_a_clock_set_back_does_not_take_ids_back(monkeypatch):
    first = new_id()
    monkeypatch.setattr(time, "time_ns", lambda: 1_000_000_000)
    assert new_id() > first


def test_a_forked_child_makes_ids_of_its_own():
    new_id()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, new_id().encode())
        os._exit(0)
    mine = new_id()
    os.waitpid(child, 0)
    assert os.read(reading, 100).decode() != mine
    os.close(reading)
    os.close(writing)
