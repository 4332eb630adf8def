"""A real small disk that runs full. Only who may mount one has these tests; test_fetch_local.py has one for all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import small_disks

from localhai.data.cache import Cache
from localhai.data.files import InputSpec
from localhai.data.inputs import fetch_inputs
from localhai.errors import DiskFull
from localhai.system import copies

if TYPE_CHECKING:
    from collections.abc import Iterator

    from localhai.data.sources import DataSources


if small_disks.may_mount():

    @pytest.fixture
    def small_disk(tmp_path: Path) -> Iterator[Path]:
        with small_disks.small_disk(tmp_path / "disk", 4) as folder:
            yield folder

    @pytest.mark.parametrize("foreseen", [True, False])
    def test_a_full_disk_is_one_error_and_leaves_nothing_behind(
        web: Any, sources: DataSources, small_disk: Path, monkeypatch: pytest.MonkeyPatch, *, foreseen: bool
    ) -> None:
        web.add("/big", bytes(6_000_000), sized=foreseen)
        with Cache(small_disk) as cache:
            with pytest.raises(DiskFull, match="there is no space left") as full:
                fetch_inputs([InputSpec("data", (web.url("/big"),))], sources=sources, cache=cache)
            assert "localhai clean --cache" in "".join(full.value.hints)
            assert (cache.report().files, cache.report().unfinished) == (0, 0)
            web.add("/small", b"fits")
            assert fetch_inputs([InputSpec("d", (web.url("/small"),))], sources=sources, cache=cache).files[0].size == 4
            monkeypatch.setattr(copies, "reflink", lambda *_: False)
            origin = small_disk.parent / "big"
            origin.write_bytes(bytes(6_000_000))
            with pytest.raises(DiskFull):
                fetch_inputs([InputSpec("d", (str(origin),))], sources=sources, cache=cache)
            assert (cache.report().files, cache.report().unfinished) == (1, 0)
