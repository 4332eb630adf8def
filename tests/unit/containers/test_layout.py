from __future__ import annotations

import os
import stat

import pytest

from localhai.containers.copying import Size, can_clone, copy_tree, weigh
from localhai.containers.trees import layout
from localhai.containers.trees.ownership import foreign, is_root, remove_tree
from localhai.errors import SurroundingsError
from localhai.system.copies import copy_file

BIG = Size(10 * layout.SMALL.bytes, 3)


@pytest.mark.parametrize(
    ("size", "able", "way"),
    [
        (Size(10, 1), {"clone": False, "overlay": True, "mountable": True}, "copy"),
        (BIG, {"clone": True, "overlay": True, "mountable": True}, "copy"),
        (BIG, {"clone": False, "overlay": True, "mountable": True}, "overlay"),
        (BIG, {"clone": False, "overlay": False, "mountable": True}, "mounts"),
        (BIG, {"clone": False, "overlay": False}, "copy"),
        (Size(10, 100_000), {"clone": False, "overlay": False, "mountable": True}, "copy"),
        (Size(10, 100_000), {"clone": False, "overlay": True}, "overlay"),
    ],
)
def test_the_cheapest_way_that_protects_the_cache_is_chosen(size, able, way):
    assert layout.choose(size, **able) == way


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/x", "", "a//b", "a/.", "a\0b"])
def test_names_that_lead_out_are_refused(name):
    with pytest.raises(SurroundingsError, match="no name of a file"):
        layout.inside("/top", name)


def test_paths_that_the_kernel_would_take_apart_are_not_layered(tmp_path):
    assert layout.can_be_layered(tmp_path)
    assert not layout.can_be_layered(tmp_path / "a:b")
    assert not layout.can_be_layered(tmp_path / "a,b")


def test_a_script_among_config_can_be_run(tmp_path):
    layout.write_config(tmp_path / "config", {"a.json": b"{}", "run": b"#!/bin/sh\n"})

    assert stat.S_IMODE((tmp_path / "config" / "a.json").stat().st_mode) == 0o644
    assert os.access(tmp_path / "config" / "run", os.X_OK)


def test_live_outputs_of_one_name_do_not_collide(tmp_path):
    first, second = (layout.live_target(tmp_path, "a/model") for _ in range(2))

    assert first != second
    assert first.parent.is_dir()


def test_a_copy_is_complete_and_shares_nothing(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "deep").mkdir(parents=True)
    (source / "deep" / "read-only").write_text("x")
    (source / "deep" / "read-only").chmod(0o444)
    (source / "run").write_text("y")
    (source / "run").chmod(0o755)
    (source / "link").symlink_to("nowhere")
    os.mkfifo(source / "pipe")

    copy_tree(str(source), str(target))
    (target / "deep" / "read-only").write_text("changed")

    assert (source / "deep" / "read-only").read_text() == "x"
    assert os.access(target / "run", os.X_OK)
    assert os.readlink(target / "link") == "nowhere"
    assert sorted(os.listdir(target)) == ["deep", "link", "run"]
    assert (target / "run").stat().st_mtime_ns == (source / "run").stat().st_mtime_ns


def test_an_opened_copy_can_be_written_by_everybody(tmp_path):
    (tmp_path / "s" / "d").mkdir(parents=True)
    (tmp_path / "s" / "d" / "f").write_text("x")

    copy_tree(str(tmp_path / "s"), str(tmp_path / "t"), opened=True)

    assert stat.S_IMODE((tmp_path / "t" / "d").stat().st_mode) == 0o777
    assert stat.S_IMODE((tmp_path / "t" / "d" / "f").stat().st_mode) == 0o666
    assert stat.S_IMODE((tmp_path / "s" / "d").stat().st_mode) != 0o777


def test_a_file_copies_byte_for_byte_with_or_without_reflinks(tmp_path):
    data = os.urandom(3_000_001)
    (tmp_path / "a").write_bytes(data)

    copy_file(str(tmp_path / "a"), str(tmp_path / "b"), mode=0o600)

    assert (tmp_path / "b").read_bytes() == data
    assert can_clone(str(tmp_path / "a"), str(tmp_path)) in {True, False}
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_weighing_stops_once_it_is_enough(tmp_path):
    for number in range(10):
        (tmp_path / str(number)).write_text("12345")

    assert weigh(tmp_path, enough=Size(1000, 1000)) == Size(50, 10)
    assert weigh(tmp_path, enough=Size(1, 1)).bytes > 1


def test_a_tree_with_folders_that_are_locked_can_be_deleted(tmp_path):
    deep = tmp_path / "t" / "a" / "b"
    deep.mkdir(parents=True)
    (deep / "f").write_text("x")
    (tmp_path / "t" / "link").symlink_to(tmp_path)
    deep.chmod(0)
    (tmp_path / "t" / "a").chmod(0o500)

    assert remove_tree(str(tmp_path / "t"))
    assert os.listdir(tmp_path) == []
    assert remove_tree(str(tmp_path / "t"))


def test_our_own_files_are_not_foreign(tmp_path):
    (tmp_path / "a").write_text("x")

    assert list(foreign(str(tmp_path))) == []


@pytest.mark.parametrize(
    ("user", "root"), [("", True), ("0", True), ("root:root", True), ("0:5", True), ("1000", False)]
)
def test_who_is_root(user, root):
    assert is_root(user) is root


def test_live_outputs_are_in_the_order_in_which_they_were_taken(tmp_path):
    assert layout.live_outputs(tmp_path) == []
    for number in range(12):
        layout.live_target(tmp_path, "sub/model.bin").write_text(str(number))
    assert [path.read_text() for path in layout.live_outputs(tmp_path)] == [str(number) for number in range(12)]
