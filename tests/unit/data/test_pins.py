"""What is about to be used stays in the cache, however long the rest takes to come."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from localhai.data.cache import Cache
from localhai.data.files import Checksums, InputSpec
from localhai.data.inputs import fetch_inputs
from localhai.data.progress import FileDone
from localhai.data.sources import DataSources
from localhai.system import locks

URIS = ["https://host/a", "https://host/b"]
LONG_AGO = time.time() - 7200


def filled(home: Path) -> Cache:
    """A cache whose objects were used two hours ago, and which somebody uses now."""
    cache = Cache(home)
    cache.enter()
    for number, uri in enumerate(URIS):
        part, _ = cache.part(uri)
        part.write_bytes(b"%d" % number)
        cache.add(uri, "v", part, Checksums("1" * 32, "2" * 40, f"{number}" * 64), None)
        os.utime(next(path for path in (home / "cache/data/uris").iterdir() if uri in path.read_text()), (0, LONG_AGO))
    return cache


@pytest.fixture
def not_recent(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if objects had come two hours ago: the time of a change cannot be set."""
    monkeypatch.setattr("localhai.data.cache.RECENT", -10.0)


@pytest.mark.usefixtures("not_recent")
def test_what_is_pinned_stays_and_may_go_when_its_holder_lets_go(tmp_path: Path) -> None:
    with filled(tmp_path) as cache:
        pins = cache.pins()
        with pins.pinned("0" * 64):
            pass
        cleaned = Cache(tmp_path).clean()
        assert (cleaned.files, cleaned.kept) == (1, 1)
        assert cache.last(URIS[0]) is not None
        assert cache.last(URIS[1]) is None

        pins.close()
        pins.close()
        assert Cache(tmp_path).clean().files == 1
        assert list((tmp_path / "cache/data/pins").iterdir()) == []


@pytest.mark.usefixtures("not_recent")
def test_pins_of_a_dead_process_hold_nothing(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from localhai.data.pins import Pins\n"
        "with Pins(Path(sys.argv[1])).pinned('0' * 64): os._exit(1)"
    )
    with filled(tmp_path):
        subprocess.run([sys.executable, "-c", script, tmp_path / "cache" / "data"], check=False)
        assert len(list((tmp_path / "cache/data/pins").iterdir())) == 1
        assert Cache(tmp_path).clean().files == 2
        assert list((tmp_path / "cache/data/pins").iterdir()) == []


def test_cleaning_spares_what_somebody_is_writing_and_takes_old_remains(tmp_path: Path) -> None:
    with filled(tmp_path):
        new, old = (tmp_path / "cache/data/uris" / f".writing-{name}" for name in ("new", "old"))
        new.write_text("{")
        old.write_text("{")
        os.utime(old, (0, LONG_AGO))
    Cache(tmp_path).clean()
    assert new.exists()
    assert not old.exists()


def test_cleaning_takes_lock_files_that_earlier_versions_left(tmp_path: Path) -> None:
    with filled(tmp_path) as cache:
        cache.lock("https://host/x").touch()
        held = locks.acquire(cache.lock("https://host/y"))
    Cache(tmp_path).clean()
    assert list((tmp_path / "cache/data/locks").iterdir()) == [cache.lock("https://host/y")]
    assert held is not None
    os.close(held)


@pytest.mark.usefixtures("not_recent")
def test_what_came_first_is_there_when_the_last_has_come(tmp_path: Path) -> None:
    """However the cache is cleaned meanwhile, and until the container has started."""
    files = [tmp_path / f"{number}.csv" for number in range(4)]
    for path in files:
        path.write_text(path.name)

    def clean(event: object) -> None:
        if isinstance(event, FileDone):
            for record in (tmp_path / "home/cache/data/uris").iterdir():
                with suppress(FileNotFoundError):  # others clean at the same moment, and write what they fetched
                    os.utime(record, (0, LONG_AGO))
            Cache(tmp_path / "home").clean()

    specs = [InputSpec(path.stem, (str(path),)) for path in files]
    with Cache(tmp_path / "home") as cache, cache.pins() as pins, DataSources() as sources:
        for _ in range(2):
            fetched = fetch_inputs(specs, sources=sources, cache=cache, progress=clean, pins=pins)
            assert [file.path.read_text() for file in fetched.files] == [path.name for path in files]
