"""Plain paths, file://, datums, stand-ins, and what the disk under the cache may do."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from localhai.data import checksums, fetching
from localhai.data.cache import Cache
from localhai.data.files import Checksums, FetchedInputs, InputSpec, StoredDatum
from localhai.data.inputs import fetch_inputs
from localhai.data.progress import FileDone, Waiting
from localhai.data.sources import DataSources
from localhai.errors import DiskFull, InputNotFound
from localhai.system import locks

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def fetch(sources: DataSources, cache: Cache) -> Any:
    def fetch(*uris: str, **options: Any) -> FetchedInputs:
        shape = {name: options.pop(name) for name in ("keep_directories", "filename", "optional") if name in options}
        return fetch_inputs([InputSpec("data", uris, **shape)], sources=sources, cache=cache, **options)

    return fetch


def test_a_path_is_copied_and_announced_as_local(fetch: Any, tmp_path: Path) -> None:
    origin = tmp_path / "samples" / "train.csv"
    origin.parent.mkdir()
    origin.write_bytes(b"data")
    for written in ("samples/train.csv", str(origin), origin.as_uri()):
        fetched = fetch(written)
        (file,) = fetched.files
        assert (file.name, file.uri) == ("train.csv", origin.as_uri())
        assert fetched.notes == (f"input data: {origin} is a file of this machine: the platform cannot read it",)
    origin.write_bytes(b"edited by its owner")
    assert file.path.read_bytes() == b"data"
    assert not file.path.samefile(origin)
    assert fetch(str(origin)).files[0].path.read_bytes() == b"edited by its owner"


def test_an_unchanged_local_file_is_not_copied_again(fetch: Any, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"data")
    fetch("x")
    events: list[Any] = []
    fetch("x", progress=events.append)
    assert [event.cached for event in events if isinstance(event, FileDone)] == [True]


def test_local_wildcards(fetch: Any, tmp_path: Path) -> None:
    for name in ("d/a.json", "d/one/b.json", "d/one/two/c.json", "d/one/x.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    assert [file.name for file in fetch("d/*.json").files] == ["a.json"]
    names = [file.name for file in fetch("d/**/*.json", keep_directories="suffix").files]
    assert names == ["a.json", "one/b.json", "one/two/c.json"]
    assert [file.name for file in fetch(f"{tmp_path}/d/*/*.txt").files] == ["x.txt"]


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("gone.csv", "there is no such file"),
        (".", r"it is a folder: write \./\* for its files"),
        ("/dev/null", "it is not a regular file"),
        ("s3://bucket", "s3://BUCKET/KEY is needed"),
        ("s3://bucket/folder/", "it ends with /"),
        ("http:///x", "names no host"),
        ("swift://p/c/k", "on the platform only"),
        ("model://m/1", "on the platform only"),
        ("ftp://h/x", "not a scheme"),
        ("datum://0178-abcd", "no datum of that id or alias"),
        ("", "the URI is empty"),
    ],
)
def test_what_cannot_be_had_says_why(fetch: Any, uri: str, reason: str) -> None:
    with pytest.raises(InputNotFound, match=reason):
        fetch(uri)


@pytest.mark.parametrize(("uri", "extra"), [("gs://bucket/x", "gs"), ("azure://account/container/x", "azure")])
def test_a_missing_extra_is_named(fetch: Any, uri: str, extra: str) -> None:
    with pytest.raises(InputNotFound, match=rf"pip install 'localhai\[{extra}\]'"):
        fetch(uri)


def test_a_forced_name_counts_for_one_file_only_and_cannot_lead_out(fetch: Any, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    assert fetch("a", filename="model.bin").files[0].name == "model.bin"
    escaped = fetch("a", filename="../../x")
    assert escaped.files[0].name == "x"
    assert "not safe" in "\n".join(escaped.notes)
    both = fetch("a", "b", filename="model.bin")
    assert [file.name for file in both.files] == ["a", "b"]
    assert "filename 'model.bin' is not used" in "\n".join(both.notes)


def test_of_two_files_with_one_name_the_later_wins_with_a_warning(fetch: Any, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x").write_text(folder)
    fetched = fetch("one/x", "two/x")
    assert [file.path.read_text() for file in fetched.files] == ["two"]
    assert any("only the last one is kept" in note for note in fetched.notes)


def test_the_inputs_map_stands_in_and_says_so(fetch: Any, tmp_path: Path) -> None:
    samples = tmp_path / "samples"
    samples.mkdir()
    (samples / "train.csv").write_text("local")
    target = str(samples / "train.csv")
    for uri, rule in (
        ("datum://0178-abcd", {"datum://0178-abcd": target}),
        ("datum://0178-abcd", {"datum://0178*": target}),
        ("s3://secret/deep/train.csv", {"s3://secret/*": str(samples)}),
        ("s3://secret/deep/*.csv", {"s3://other/*": "x", "s3://secret/*": str(samples)}),
    ):
        fetched = fetch(uri, input_map=rule)
        assert [file.path.read_text() for file in fetched.files] == ["local"]
        assert f"{uri} is replaced by" in fetched.notes[0]
        (file,) = fetched.files
        assert (file.uri, file.stand_in) == (uri.replace("*.csv", "train.csv"), (samples / "train.csv").as_uri())
    with pytest.raises(InputNotFound, match=r"its stand-in nowhere\.csv: there is no such file"):
        fetch("datum://1", input_map={"datum://*": "nowhere.csv"})


def test_no_pattern_takes_the_place_of_data_that_are_here(fetch: Any, tmp_path: Path) -> None:
    for name in ("made", "sample"):
        (tmp_path / name).write_text(name)
    made = tmp_path / "made"
    datum = StoredDatum("0178", "made", 4, made.as_uri(), checksums.of_bytes(b"made"))
    sample = str(tmp_path / "sample")

    def read(uri: str, **rules: str) -> str:
        found = fetch(uri, input_map=rules, datum_lookup={"0178": datum, "best": datum}.get).files
        return str(found[0].path.read_text())

    assert read("datum://0178", **{"*": sample}) == "made"
    assert read("datum://0178", **{"datum://0178": sample}) == "sample"
    assert read("datum://best", **{"*": sample}) == "sample"  # an alias means whatever was chosen for it
    assert read("datum://0179", **{"datum://*": sample}) == "sample"


def test_a_datum_of_the_local_store_is_given_as_it_is(fetch: Any, tmp_path: Path) -> None:
    stored = tmp_path / "store" / "model 1.pkl"
    stored.parent.mkdir()
    stored.write_bytes(b"model")
    sums = checksums.of_bytes(b"model")
    datum = StoredDatum("0178", "models/best.pkl", 5, stored.as_uri(), sums, metadata=({"k": 1},))
    lookup = {"0178": datum, "best-model": datum}.get
    (file,) = fetch("datum://best-model", datum_lookup=lookup).files
    assert (file.name, file.uri, file.datum_id, file.path) == ("best.pkl", "datum://0178", "0178", stored)
    assert (file.checksums, file.metadata) == (sums, ({"k": 1},))
    assert fetch("datum://0178", datum_lookup=lookup, keep_directories="suffix").files[0].name == "models/best.pkl"
    stored.write_bytes(b"mod")
    with pytest.raises(InputNotFound, match="its bytes are gone from the store"):
        fetch("datum://0178", datum_lookup=lookup)


def test_a_datum_in_s3_is_checked_and_cached(s3_admin: Any, s3_sources: DataSources, bucket: str, cache: Cache) -> None:
    s3_admin.put_object(Bucket=bucket, Key="k/0", Body=b"model")
    good = StoredDatum("d1", "model.pkl", 5, f"s3://{bucket}/k/0", checksums.of_bytes(b"model"))
    bad = StoredDatum("d2", "model.pkl", 5, f"s3://{bucket}/k/0", Checksums("a", "b", "c"))
    options: Any = {"sources": s3_sources, "cache": cache, "datum_lookup": {"d1": good, "d2": bad}.get}
    (file,) = fetch_inputs([InputSpec("m", ("datum://d1",))], **options).files
    assert (file.uri, file.datum_id, file.path.read_bytes()) == ("datum://d1", "d1", b"model")
    s3_admin.delete_object(Bucket=bucket, Key="k/0")
    assert fetch_inputs([InputSpec("m", ("datum://d1",))], **options).files == (file,)
    s3_admin.put_object(Bucket=bucket, Key="k/0", Body=b"model")
    with pytest.raises(InputNotFound, match="their checksums differ"):
        fetch_inputs([InputSpec("m", ("datum://d2",))], **options)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a device that is always full")
@pytest.mark.parametrize("kind", ["http", "path"])
def test_a_full_disk_is_one_error_in_words(
    web: Any, fetch: Any, sources: DataSources, cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """/dev/full in place of the part file: every write to it fails for want of space."""
    web.add("/x", b"data")
    (tmp_path / "x").write_bytes(b"data")
    uri = web.url("/x") if kind == "http" else (tmp_path / "x").as_uri()
    part, _ = cache.part(sources.cache_key(uri))
    part.symlink_to("/dev/full")
    with monkeypatch.context() as patched:
        patched.setattr(fetching, "create_copy", lambda *_: (os.open("/dev/full", os.O_RDWR), False))
        with pytest.raises(DiskFull, match="there is no space left for x"):
            fetch(uri)
    assert not part.is_symlink()
    assert fetch(uri).files[0].size == 4


def test_cleaning_deletes_contents_and_they_come_again(
    fetch: Any, sources: DataSources, cache: Cache, tmp_path: Path
) -> None:
    (tmp_path / "x").write_bytes(b"data")
    fetch("x")
    assert (cache.report().files, cache.report().size) == (1, 4)
    other = Cache(tmp_path / "home")
    assert other.clean().kept == 1  # `cache` is in use
    cache.close()
    assert other.clean(older_than=3600).files == 0
    assert (other.clean().files, other.report().files) == (1, 0)
    assert fetch_inputs([InputSpec("d", ("x",))], sources=sources, cache=cache).files[0].size == 4


def test_whoever_downloads_makes_others_wait_and_then_they_find_it(
    web: Any, sources: DataSources, cache: Cache
) -> None:
    arrived, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        arrived.set()
        assert go_on.wait(10)

    web.add("/x", b"data", before=hold)
    spec = [InputSpec("d", (web.url("/x"),))]
    results: list[Any] = []
    first = threading.Thread(target=lambda: results.append(fetch_inputs(spec, sources=sources, cache=cache)))
    first.start()
    assert arrived.wait(10)
    events: list[Any] = []

    def look(event: Any) -> None:
        events.append(event)
        if isinstance(event, Waiting):
            go_on.set()

    second = fetch_inputs(spec, sources=sources, cache=cache, progress=look)
    first.join()
    assert results[0].files == second.files
    assert web.methods().count("GET") == 1
    assert any(isinstance(event, Waiting) for event in events)


def test_a_lock_dies_with_its_process(tmp_path: Path) -> None:
    script = "import sys,pathlib,time; from localhai.system import locks; "
    script += "locks.acquire(pathlib.Path(sys.argv[1])); print(1)\n"
    path = tmp_path / "lock"
    command = [sys.executable, "-u", "-c", script + "time.sleep(60)", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert locks.acquire(path, wait=False) is None
        holder.kill()
    descriptor = locks.acquire(path, wait=False)
    assert descriptor is not None
    os.close(descriptor)


def test_a_file_that_never_rests_is_refused(fetch: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "growing"
    path.write_bytes(b"x")
    real = fetching.digest

    def digest(*arguments: Any, **options: Any) -> Any:
        with path.open("ab") as file:
            file.write(b"x")
        return real(*arguments, **options)

    monkeypatch.setattr(fetching, "digest", digest)
    with pytest.raises(InputNotFound, match="it is written to while it is read"):
        fetch("growing")


def test_all_files_of_a_version_are_given(fetch: Any, tmp_path: Path) -> None:
    data = []
    for name in ("a.txt", "sub/b.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(name.encode())
        data.append(StoredDatum(name, name, len(name), path.as_uri(), checksums.of_bytes(name.encode())))
    lookup = {"dataset://images/v1": data, "model://news": data[:1], "dataset://none/v1": []}.__getitem__
    found = fetch("dataset://images/v1", version_lookup=lookup, keep_directories="full").files
    assert [(file.name, file.uri) for file in found] == [("a.txt", "datum://a.txt"), ("sub/b.txt", "datum://sub/b.txt")]
    assert [file.name for file in fetch("model://news", version_lookup=lookup).files] == ["a.txt"]
    with pytest.raises(InputNotFound, match="no file matches"):
        fetch("dataset://none/v1", version_lookup=lookup)
    with pytest.raises(InputNotFound, match="can be read on the platform only"):
        fetch("dataset://images/v1")
