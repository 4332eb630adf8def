from __future__ import annotations

import errno
import fcntl
import os

from localhai.system.durable import sync_data


def recorded(monkeypatch, *, full):
    calls = []
    monkeypatch.delattr(os, "fdatasync", raising=False)
    monkeypatch.setattr(os, "fsync", lambda number: calls.append(("fsync", number)))
    monkeypatch.setattr(fcntl, "F_FULLFSYNC", 51, raising=False)

    def control(number, command):
        calls.append((command, number))
        if not full:
            raise OSError(errno.ENOTSUP, "not on this disk")

    monkeypatch.setattr(fcntl, "fcntl", control)
    return calls


def test_data_is_synced_where_there_is_fdatasync(monkeypatch):
    calls = []
    monkeypatch.setattr(os, "fdatasync", calls.append, raising=False)

    sync_data(7)

    assert calls == [7]


def test_without_it_the_drive_is_asked_as_on_macos(monkeypatch):
    calls = recorded(monkeypatch, full=True)

    sync_data(7)

    assert calls == [(51, 7)]


def test_a_disk_that_cannot_ask_its_drive_is_synced_as_well_as_it_can(monkeypatch):
    calls = recorded(monkeypatch, full=False)

    sync_data(7)

    assert calls == [(51, 7), ("fsync", 7)]


def test_a_file_is_synced(tmp_path):
    with open(tmp_path / "a", "wb") as file:
        file.write(b"x")
        sync_data(file.fileno())
