from __future__ import annotations

import io
import os
import stat
import sys
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localhai.containers.trees import archives


def tar(*members: tuple[tarfile.TarInfo, bytes]):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for info, data in members:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return iter([buffer.getvalue()])


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, link, mode
    return info


def test_a_folder_comes_back_as_it_was_packed(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "empty").mkdir(parents=True)
    (source / "run.sh").write_bytes(b"#!/bin/sh\n")
    (source / "run.sh").chmod(0o755)
    (source / "link").symlink_to("run.sh")
    (source / "big").write_bytes(os.urandom(3_000_000))
    (source / "naïve\nname").write_text("x")

    packed = archives.pack(archives.tree_entries(source, "top", opened=False))
    left_out = archives.unpack(iter(lambda: packed.read(1000), b""), target)

    assert left_out == []
    assert sorted(os.listdir(target)) == sorted(os.listdir(source))
    assert (target / "big").read_bytes() == (source / "big").read_bytes()
    assert os.readlink(target / "link") == "run.sh"
    assert stat.S_IMODE((target / "run.sh").stat().st_mode) == 0o755
    assert int((target / "big").stat().st_mtime) == int((source / "big").stat().st_mtime)


def test_names_that_are_no_utf8_survive(tmp_path):
    entry = archives.ArchiveMember(os.fsdecode(b"top/\xff\xfe"), b"x", 0o644)

    archives.unpack(iter([archives.pack([entry]).read()]), tmp_path / "t")

    assert os.listdir(os.fsencode(tmp_path / "t")) == [b"\xff\xfe"]


@pytest.mark.parametrize(
    "evil",
    [
        member("out/../../evil"),
        member("/evil"),
        member("out/pipe", tarfile.FIFOTYPE),
        member("out/device", tarfile.CHRTYPE),
        member("out/hard", tarfile.LNKTYPE, "../../etc/passwd"),
        member("out/hard", tarfile.LNKTYPE, "/etc/passwd"),
        member("out/hard", tarfile.LNKTYPE, "out/never-there"),
    ],
)
def test_what_leads_out_or_is_no_file_is_left_out(tmp_path, evil):
    left_out = archives.unpack(tar((evil, b""), (member("out/good"), b"good")), tmp_path / "deep" / "t")

    assert left_out == [evil.name]
    assert os.listdir(tmp_path / "deep" / "t") == ["good"]
    assert os.listdir(tmp_path) == ["deep"]


def test_nothing_is_written_through_a_symbolic_link(tmp_path):
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "file").write_text("untouched")
    members = (
        (member("out/door", tarfile.SYMTYPE, str(victim)), b""),
        (member("out/door/file"), b"owned"),
        (member("out/file", tarfile.SYMTYPE, str(victim / "file")), b""),
        (member("out/file"), b"replaced"),
        (member("out/hard", tarfile.LNKTYPE, "out/door/file"), b""),
    )

    left_out = archives.unpack(tar(*members), tmp_path / "t")

    assert left_out == ["out/door/file", "out/hard"]
    assert (victim / "file").read_text() == "untouched"
    assert (tmp_path / "t" / "file").read_text() == "replaced"
    assert (tmp_path / "t" / "door").is_symlink()


def test_hard_links_inside_stay(tmp_path):
    archives.unpack(tar((member("o/a"), b"x"), (member("o/b", tarfile.LNKTYPE, "o/a"), b"")), tmp_path / "t")

    assert (tmp_path / "t" / "b").read_bytes() == b"x"


def test_special_bits_are_dropped_and_files_can_be_read(tmp_path):
    archives.unpack(tar((member("o/a", mode=0o6000), b"x")), tmp_path / "t")

    assert stat.S_IMODE((tmp_path / "t" / "a").stat().st_mode) == 0o400


@given(st.binary(max_size=2000), st.integers(1, 700))
def test_any_content_survives_any_cutting(content, size):
    packed = archives.pack([archives.ArchiveMember("a", content, 0o644)])
    buffer = io.BytesIO(b"".join(iter(lambda: packed.read(size), b"")))

    with tarfile.open(fileobj=buffer) as archive:
        reading = archive.extractfile("a")
        assert reading is not None
        assert reading.read() == content


def test_on_a_disk_that_takes_two_names_for_one_nothing_is_written_over(tmp_path, monkeypatch):
    monkeypatch.setattr(archives.names, "folds", lambda _folder: True)
    stream = tar(
        (member("outputs/A.txt"), b"first"), (member("outputs/a.txt"), b"second"), (member("outputs/A.txt"), b"newer")
    )

    left_out = archives.unpack(stream, tmp_path / "t")

    assert left_out == ["outputs/a.txt"]
    assert [(path.name, path.read_bytes()) for path in (tmp_path / "t").iterdir()] == [("A.txt", b"newer")]


@pytest.mark.skipif(sys.platform != "linux", reason="disks of macOS do not")
def test_a_disk_that_tells_them_apart_keeps_both(tmp_path):
    stream = tar((member("outputs/A.txt"), b"first"), (member("outputs/a.txt"), b"second"))

    assert archives.unpack(stream, tmp_path / "t") == []
    assert sorted(os.listdir(tmp_path / "t")) == ["A.txt", "a.txt"]


def test_a_file_that_fills_its_last_block_ends_no_archive(tmp_path):
    """However it is read: nothing may come for the padding that it does not need."""
    entries = [archives.ArchiveMember(f"{number}", b"x" * 512) for number in range(3)]
    (tmp_path / "file").write_bytes(b"y" * 1024)
    entries.insert(1, archives.ArchiveMember("file", tmp_path / "file"))
    for size in (512, 1024, 1536, 100_000):
        stream, read = archives.pack(entries), b""
        while data := stream.read(size):
            read += data
        with tarfile.open(fileobj=io.BytesIO(read)) as archive:
            assert archive.getnames() == ["0", "file", "1", "2"]
