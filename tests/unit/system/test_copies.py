from __future__ import annotations

import errno
import os
import shutil
import stat

import pytest

from localhai.system import copies

DATA = os.urandom((1 << 20) + 17)


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source"
    path.write_bytes(DATA)
    path.chmod(0o444)
    with open(path, "rb") as file:
        yield file


def copied(source, target, clone=None):
    writer, shared = copies.create_copy(source.fileno(), str(target), clone=clone)
    try:
        if not shared:
            copies.copy_bytes(source.fileno(), writer)
        mode = stat.S_IMODE(os.fstat(writer).st_mode)
    finally:
        os.close(writer)
    return target.read_bytes(), mode


def test_a_copy_has_every_byte_whatever_the_disk_can(source, tmp_path):
    source.read(100)  # wherever the file stands

    assert copied(source, tmp_path / "copy") == (DATA, 0o600)


def test_a_copy_is_never_written_over_what_is_there(source, tmp_path):
    (tmp_path / "copy").write_text("mine")

    with pytest.raises(FileExistsError):
        copies.create_copy(source.fileno(), str(tmp_path / "copy"))
    assert (tmp_path / "copy").read_text() == "mine"


def test_a_clone_as_macos_makes_it_needs_no_copying_and_can_be_written_to(source, tmp_path):
    def call(_reader, folder, target, flags):
        assert (folder, flags) == (-2, 2)
        shutil.copy(source.name, os.fsdecode(target))  # with the mode, as fclonefileat does
        return 0

    target = tmp_path / "copy"
    writer, shared = copies.create_copy(source.fileno(), str(target), clone=copies._clone_by(call))
    os.write(writer, b"changed")
    os.close(writer)

    assert shared
    assert target.read_bytes()[:7] == b"changed"


def test_a_mac_disk_that_cannot_clone_is_copied_on(source, tmp_path):
    assert copied(source, tmp_path / "copy", clone=copies._clone_by(lambda *_: -1)) == (DATA, 0o600)


def test_a_system_without_the_call_has_no_clone():
    assert copies._clone_by(None) is None


def test_bytes_are_copied_where_the_kernel_has_no_call_for_it(source, tmp_path, monkeypatch):
    monkeypatch.setattr(copies, "reflink", lambda *_: False)
    monkeypatch.delattr(os, "copy_file_range", raising=False)

    assert copied(source, tmp_path / "copy") == (DATA, 0o600)


def test_what_the_kernel_began_is_ended_by_hand(source, tmp_path, monkeypatch):
    monkeypatch.setattr(copies, "reflink", lambda *_: False)
    answers = [1000, OSError(errno.EXDEV, "another disk")]

    def partly(reader, writer, _size):
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return os.write(writer, os.read(reader, answer))

    monkeypatch.setattr(os, "copy_file_range", partly, raising=False)

    assert copied(source, tmp_path / "copy") == (DATA, 0o600)


def test_a_full_disk_is_not_tried_again_by_hand(source, tmp_path, monkeypatch):
    monkeypatch.setattr(copies, "reflink", lambda *_: False)

    def full(*_):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "copy_file_range", full, raising=False)

    with pytest.raises(OSError, match="full"):
        copied(source, tmp_path / "copy")
