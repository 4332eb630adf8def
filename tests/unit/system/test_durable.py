"""Bytes are on the disk before the name that vouches for them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from localhai.data.cache import Cache
from localhai.data.files import Checksums
from localhai.data.store import LocalStore
from localhai.errors import SurroundingsError
from localhai.system import durable

SUMS = Checksums("1" * 32, "2" * 40, "3" * 64)


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What was asked of the disk, in order: syncs with the name of what was synced, links and renames by target."""
    calls: list[tuple[str, str]] = []
    sync = durable.sync_data
    replace, link = os.replace, os.link

    def noted_sync(descriptor: int) -> None:
        state = os.fstat(descriptor)
        names = (path.name for path in (tmp_path, *tmp_path.rglob("*")) if os.path.samestat(path.stat(), state))
        calls.append(("sync", next(names)))
        sync(descriptor)

    def noted_replace(source: Any, target: Any, **more: Any) -> None:
        calls.append(("name", os.path.basename(target)))
        replace(source, target, **more)

    def noted_link(source: Any, target: Any, **more: Any) -> None:
        calls.append(("name", os.path.basename(target)))
        link(source, target, **more)

    monkeypatch.setattr(durable, "sync_data", noted_sync)
    monkeypatch.setattr(os, "replace", noted_replace)
    monkeypatch.setattr(os, "link", noted_link)
    return calls


def test_a_small_file_is_synced_then_named_then_its_folder_is_synced(
    tmp_path: Path, told: list[tuple[str, str]]
) -> None:
    durable.write(tmp_path / "end.json", b"{}")
    assert [what for what, _ in told] == ["sync", "name", "sync"]
    assert told[0][1].startswith(".writing-")
    assert told[1:] == [("name", "end.json"), ("sync", tmp_path.name)]
    assert os.listdir(tmp_path) == ["end.json"]


def test_a_finished_download_is_synced_before_the_cache_has_it(tmp_path: Path, told: list[tuple[str, str]]) -> None:
    with Cache(tmp_path) as cache:
        part, _ = cache.part("https://host/a")
        part.write_bytes(b"abc")
        cache.add("https://host/a", "v1", part, SUMS, None)
    assert told[:2] == [("sync", part.name), ("name", SUMS.sha256)]


def test_stored_outputs_are_synced_before_they_have_their_names_and_folders_once(
    tmp_path: Path, told: list[tuple[str, str]]
) -> None:
    files = []
    for number in range(20):
        path = tmp_path / f"output-{number}"
        path.write_bytes(b"x")
        files.append((path, f"project/execution/output-{number}", SUMS))
    LocalStore(tmp_path / "store").put_all(files)

    assert sorted(told[:20]) == sorted(("sync", path.name) for path, _, _ in files)
    assert [what for what, _ in told[20:40]] == ["name"] * 20
    assert sorted(told[40:]) == [("sync", "execution"), ("sync", "project"), ("sync", "store")]


@pytest.mark.parametrize(
    "left", [b"", b"a" * 4096, bytes(10_000), b"a" * 4096 + bytes(5904), b"a" * 8192 + bytes(1000)]
)
def test_what_a_power_cut_left_of_an_output_is_made_whole(tmp_path: Path, left: bytes) -> None:
    store, output = LocalStore(tmp_path / "store"), tmp_path / "model"
    output.write_bytes(b"a" * 10_000)
    kept = tmp_path / "store" / "p" / "e" / "model"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(left)
    kept.chmod(0o444)

    uri = store.put(output, "p/e/model", SUMS)
    with store.open(uri) as file:
        assert file.read() == b"a" * 10_000
    assert os.listdir(kept.parent) == ["model"]


@pytest.mark.parametrize("other", [b"b" * 10_000, b"a" * 10_001, b"a" * 4096 + b"\0b" + bytes(2000)])
def test_other_bytes_are_never_replaced(tmp_path: Path, other: bytes) -> None:
    store, output = LocalStore(tmp_path / "store"), tmp_path / "model"
    output.write_bytes(b"a" * 10_000)
    kept = tmp_path / "store" / "model"
    kept.parent.mkdir()
    kept.write_bytes(other)

    with pytest.raises(SurroundingsError, match="holds other bytes"):
        store.put(output, "model", SUMS)
    assert kept.read_bytes() == other
