"""URIs, wildcards, names: pure."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localhai.data import checksums
from localhai.data.placement import place, safe
from localhai.data.sources.base import Unavailable
from localhai.data.sources.fsspec import FsspecSource
from localhai.data.uri import _pattern, last_segment, parse
from localhai.data.wanted import Resolved
from localhai.errors import Interrupted
from localhai.system.text import file_name

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("s3://bucket/a/b.csv", ("s3", "bucket", "a/b.csv")),
        ("S3://bucket/x", ("s3", "bucket", "x")),
        ("gs://b/k", ("gs", "b", "k")),
        ("azure://account/container/dir/blob", ("azure", "account/container", "dir/blob")),
        ("https://u:p@host/a%20b.csv?x=1", ("https", "host", "a b.csv")),
        ("file:///tmp/a%20b", ("file", "", "/tmp/a b")),
        ("data/100%.csv", ("file", "", "data/100%.csv")),
        ("datum://best", ("datum", "", "best")),
        ("s3a://b/k", ("s3", "b", "k")),
        ("s3n://b/k", ("s3", "b", "k")),
        ("gcs://b/k", ("gs", "b", "k")),
        ("az://account/c/k", ("azure", "account/c", "k")),
        ("ABFS://account/c/k", ("azure", "account/c", "k")),
        ("http://Host.example:80//a/b?c=d", ("http", "host.example", "a/b")),
        ("http://host", ("http", "host", "")),
        ("file://localhost/tmp/a", ("file", "", "/tmp/a")),
        ("file://localhost", ("file", "", "localhost")),
        ("file://data/a.csv", ("file", "", "data/a.csv")),
        ("file:data/a%20b", ("file", "", "data/a b")),
        ("File:/tmp/a:b", ("file", "", "/tmp/a:b")),
        ("file:///tmp/%ff", ("file", "", "/tmp/\udcff")),
        ("c:data", ("file", "", "c:data")),
        ("s3", ("file", "", "s3")),
        ("swift://project/container/x ", ("swift", "", "project/container/x")),
        ("dataset:// name/v1 ", ("dataset", "", "name/v1")),
    ],
)
def test_parts_of_uris(text: str, parts: tuple[str, str, str]) -> None:
    uri = parse(text)
    assert (uri.scheme, uri.container, uri.key) == parts
    assert uri.text == text.strip()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("  ", "the URI is empty"),
        ("http:///a/b", "the URL names no host"),
        ("S3:bucket/key", "S3:// is needed, with two slashes"),
        ("https:/host/a", "https:// is needed, with two slashes"),
        ("s3a:bucket/key", "s3a:// is needed, with two slashes"),
        ("swift:x", "swift:// is needed, with two slashes"),
        ("s3://bucket", "s3://BUCKET/KEY is needed"),
        ("gcs://bucket/", "gs://BUCKET/KEY is needed"),
        ("s3:///key", "s3://BUCKET/KEY is needed"),
        ("azure://account/container", "azure://ACCOUNT/CONTAINER/BLOB is needed"),
        ("azure://account//blob", "azure://ACCOUNT/CONTAINER/BLOB is needed"),
        ("azure:///container/blob", "azure://ACCOUNT/CONTAINER/BLOB is needed"),
        ("azure://account/container/", "azure://ACCOUNT/CONTAINER/BLOB is needed"),
        ("s3://buck*/key", "a wildcard may stand in the key only"),
        ("azure://account/c*/key", "a wildcard may stand in the key only"),
        ("azure://a b/container/key", "'a b' is no name of an account"),
        (
            "s3://bucket/a/",
            "it ends with /: write s3://bucket/a/* for the files in that folder, s3://bucket/a/** for all below it",
        ),
    ],
)
def test_what_an_address_lacks_is_said(text: str, said: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011  # the whole of it is compared
        parse(text)
    assert str(raised.value) == said


@pytest.mark.parametrize(
    ("text", "wildcard", "root", "prefix"),
    [
        ("s3://bucket/a/b/x*y/*.csv", True, "a/b/", "a/b/x"),
        ("gs://bucket/*", True, "", ""),
        ("azure://account/container/a/*", True, "a/", "a/"),
        ("a/b*", True, "a/", "a/b"),
        ("file:///a/b", False, "/a/", "/a/b"),
        ("https://host/a/*", False, "a/", "a/"),
        ("datum://a*", False, "", "a"),
    ],
)
def test_where_wildcards_begin(text: str, wildcard: bool, root: str, prefix: str) -> None:
    uri = parse(text)
    assert (uri.has_wildcard, uri.root, uri.prefix) == (wildcard, root, prefix)


def test_another_key_of_the_same_container() -> None:
    assert parse("s3a://bucket/a").of_key("b/c") == "s3://bucket/b/c"
    assert parse("azure://account/container/a").of_key("b") == "azure://account/container/b"
    assert parse("/data/*").of_key("/data/a") == "/data/a"


def test_accents_of_paths_match_however_they_are_written() -> None:
    one, two = "caf\u00e9", "cafe\u0301"
    assert parse(f"/data/{one}/*").matches(f"/data/{two}/a")
    assert parse(f"/data/{two}/*").matches(f"/data/{one}/a")
    assert not parse(f"s3://bucket/{one}/*").matches(f"{two}/a")


@pytest.mark.parametrize(
    ("key", "name"), [("a/b.csv", "b.csv"), ("a/b/", "b"), ("a//", "a"), ("b", "b"), ("/a/XX", "XX"), ("", "")]
)
def test_the_last_part_of_a_key(key: str, name: str) -> None:
    assert last_segment(key) == name


@pytest.mark.parametrize(
    ("pattern", "key", "expected"),
    [
        ("a/*.jpg", "a/x.jpg", True),
        ("a/*.jpg", "a/b/x.jpg", False),
        ("a/**.jpg", "a/b/x.jpg", True),
        ("a/**/*.json", "a/x.json", True),
        ("a/**/*.json", "a/b/c/x.json", True),
        ("**/x", "x", True),
        ("a/**", "b/x", False),
        ("a.c/*", "abc/x", False),
        ("a/[x]/*", "a/x/y", False),
        ("a/?.txt", "a/b.txt", False),
        ("a/*", "a/two\nlines", True),
    ],
)
def test_wildcards(pattern: str, key: str, expected: bool) -> None:
    _pattern.cache_clear()  # as if nobody had asked before
    assert parse(f"s3://bucket/{pattern}").matches(key) is expected


@given(st.text(max_size=400))
def test_a_safe_name_never_leads_out(name: str) -> None:
    parts = safe(name).split("/")
    assert not {"", ".", ".."} & set(parts)
    assert all(len(part.encode("utf-8", "surrogatepass")) <= 255 and "\0" not in part for part in parts)


@given(st.binary(min_size=1, max_size=40).filter(lambda raw: b"\0" not in raw))
def test_an_encoded_output_name_is_text_and_can_be_undone(raw: bytes) -> None:
    name = file_name(raw)
    name.encode()
    try:
        assert name == raw.decode()
    except UnicodeDecodeError:
        from urllib.parse import unquote_to_bytes

        assert unquote_to_bytes(name) == raw


def test_a_file_and_a_folder_of_one_name_cannot_both_be() -> None:
    notes: list[str] = []
    assert place("d", ["a", "a/b"], note=notes.append) == [None, "a/b"]
    assert place("d", ["a/b", "a"], note=notes.append) == [None, "a"]
    assert len(notes) == 2


def test_files_of_one_name_may_all_be_kept() -> None:
    notes: list[str] = []
    names = ["m.pkl", "n.pkl", "m.pkl", "2-m.pkl"]
    assert place("d", names, keep_all=True, note=notes.append) == ["1-m.pkl", "n.pkl", None, "2-m.pkl"]
    assert notes[0] == "input d: 2 files are called 'm.pkl': they are numbered ([data] same_names)"
    assert len(notes) == 2  # a file that is called like a numbered one is said too
    assert place("d", ["x/m.pkl"] * 2, keep_all=True, note=notes.append) == ["x/1-m.pkl", "x/2-m.pkl"]


@pytest.mark.parametrize("size", [0, 1, 5_000_000])
def test_checksums_of_files(tmp_path: Path, size: int) -> None:
    path = tmp_path / "x"
    path.write_bytes(os.urandom(size))
    sums = checksums.of_files([path])[path]
    for name in ("md5", "sha1", "sha256"):
        assert getattr(sums, name) == hashlib.new(name, path.read_bytes()).hexdigest()
    assert checksums.of_bytes(path.read_bytes()) == sums


def test_checksums_follow_no_link_and_can_be_stopped(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(bytes(5_000_000))
    (tmp_path / "link").symlink_to("x")
    with pytest.raises(OSError, match="symbolic links"):
        checksums.of_file(tmp_path / "link")
    with pytest.raises(Interrupted):
        checksums.of_file(tmp_path / "x", cancelled=lambda: True)


class Bucket:
    """A file system with fsspec's calls and two files."""

    files = {"bucket/d/a.csv": b"aaa", "bucket/d/e/b.csv": b"bbbb"}  # noqa: RUF012 - never changed

    def info(self, path: str) -> dict[str, Any]:
        if path not in self.files:
            raise FileNotFoundError(path)
        return {"name": path, "size": len(self.files[path]), "type": "file", "etag": f"e{len(self.files[path])}"}

    def find(self, path: str, *, detail: bool) -> dict[str, dict[str, Any]]:
        assert detail
        return {name: self.info(name) for name in self.files if name.startswith(path)}

    def open(self, path: str, mode: str, *, block_size: int) -> Any:
        import io

        assert (mode, block_size) == ("rb", 8 << 20)
        return io.BytesIO(self.files[path])


def test_object_stores_behind_fsspec() -> None:
    accounts: list[str] = []
    source = FsspecSource(lambda account: accounts.append(account) or Bucket())  # type: ignore[func-returns-value]
    found = source.list(parse("azure://account/bucket/d/**.csv"))
    assert [(item.uri, item.size) for item in found] == [
        ("azure://account/bucket/d/a.csv", 3),
        ("azure://account/bucket/d/e/b.csv", 4),
    ]
    assert source.open(found[1], 1, 3).read(10) == b"bb"
    assert source.stat(parse("azure://account/bucket/d/a.csv")).version == "e3 3"
    assert accounts == ["account"]
    with pytest.raises(Unavailable, match="no such bucket or key"):
        source.stat(parse("azure://account/bucket/gone"))


def test_what_is_said_of_inputs_is_said_once_and_in_order() -> None:
    resolved = Resolved()
    for number in (3, 1, 3, 2, 1):
        resolved.note(str(number))
    assert resolved.notes == ["3", "1", "2"]
