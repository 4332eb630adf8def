"""Locks between processes and threads."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from localhai.system import locks

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_locks_leave_no_files_and_exclude_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    for _ in range(3):
        with locks.held(path):
            assert locks.acquire(path, wait=False) is None
        assert not path.exists()


def test_who_waits_for_a_lock_whose_file_went_takes_a_new_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lock"
    first = locks.acquire(path)
    assert first is not None
    flock = locks.fcntl.flock
    seen: list[int] = []

    def released_meanwhile(descriptor: int, kind: int) -> None:
        if not seen:
            locks.release(path, first)
        seen.append(descriptor)
        flock(descriptor, kind)

    monkeypatch.setattr(locks.fcntl, "flock", released_meanwhile)
    second = locks.acquire(path)
    assert second is not None
    assert len(seen) == 2
    assert locks.acquire(path, wait=False) is None
    os.close(second)
