"""Files that are mostly holes: the same checksums as of zeros, without reading what was never written."""

from __future__ import annotations

import hashlib
import os

import pytest

from localhai.data import checksums
from localhai.errors import Interrupted

MEGABYTE = 1 << 20
LAYOUTS = {
    "data, hole, data": [(0, b"begin"), (9 * MEGABYTE + 7, b"end")],
    "hole, data": [(8 * MEGABYTE, b"x" * 5000)],
    "data, hole": [(0, b"x" * 5000)],
    "only a hole": [],
    "data in many places": [(number * MEGABYTE + number, b"y" * 5000) for number in range(0, 12, 3)],
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_holes_count_as_zeros(tmp_path, name) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        for place, content in LAYOUTS[name]:
            file.seek(place)
            file.write(content)
        file.truncate(13 * MEGABYTE + 1)
    found = checksums.of_file(path)
    content = path.read_bytes()
    assert (found.md5, found.sha256) == (hashlib.md5(content).hexdigest(), hashlib.sha256(content).hexdigest())  # noqa: S324


@pytest.mark.skipif(not hasattr(os, "SEEK_DATA"), reason="the system does not tell where holes are")
def test_holes_are_not_read(tmp_path, monkeypatch) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.write(b"begin")
        file.truncate(64 * MEGABYTE)
    if path.stat().st_blocks * 512 >= 64 * MEGABYTE:
        pytest.skip("the file system knows no holes")
    read = []
    real = os.preadv
    monkeypatch.setattr(os, "preadv", lambda *words: read.append(real(*words)) or read[-1])
    checksums.of_file(path)
    assert sum(read) < MEGABYTE


def test_whoever_waits_for_checksums_of_holes_can_interrupt(tmp_path) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    asked = iter([False, False, True])
    with pytest.raises(Interrupted):
        checksums.of_file(path, cancelled=lambda: next(asked))
