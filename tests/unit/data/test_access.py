"""Who may follow which address: pure."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest

import localhai
from localhai.data.access import EVERYTHING, NO_ADDRESS, NO_FILE, NO_STORE, Access
from localhai.data.uri import parse
from localhai.system.networks import is_public, literal, networks

CLIENT = Access(folders=(), networks=(), projects=frozenset(), store="s3://kept/outputs")

FILES = [
    "/etc/passwd",
    "  /etc/passwd ",
    "\t/etc/passwd\n",
    "file:/etc/passwd",
    "file:etc/passwd",
    "file:///etc/passwd",
    "file:////etc/passwd",
    "file://localhost/etc/passwd",
    "file://server/etc/passwd",
    "FILE:///etc/passwd",
    " File:/etc/passwd",
    "file:///etc/%70asswd",
    "file:%2Fetc%2Fpasswd",
    "%66ile:///etc/passwd",
    "../../etc/passwd",
    "./x",
    "x",
    "~/.ssh/id_rsa",
    "~root/.ssh/id_rsa",
    "/etc/*",
    "file:///etc/**",
    "**",
    "/proc/self/environ",
    "//etc/passwd",
    "unknown:x",
]


@pytest.mark.parametrize("text", FILES)
def test_no_spelling_of_a_file_is_followed_for_a_client(text: str, tmp_path: Path) -> None:
    uri = parse(text)
    assert uri.scheme == "file"
    assert CLIENT.refusal(uri, tmp_path) == NO_FILE
    assert EVERYTHING.refusal(uri, tmp_path) is None


@pytest.mark.parametrize("text", ["s3:/bucket/key", "datum:x", "Http:/host/x", "DATASET:/a/b", "gs:b/k"])
def test_a_scheme_without_two_slashes_is_a_mistake(text: str) -> None:
    with pytest.raises(ValueError, match="two slashes"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "key"), [("Datum://x", "x"), (" datum://x", "x"), ("DATUM://x ", "x"), ("datum:// x", "x")]
)
def test_every_spelling_of_a_datum_is_one(text: str, key: str) -> None:
    assert (parse(text).scheme, parse(text).key) == ("datum", key)


@pytest.mark.parametrize("account", ["evil.example#", "evil.example?x=", "a@evil.example:80#"])
def test_an_account_is_no_way_to_another_host(account: str) -> None:
    with pytest.raises(ValueError, match="no name of an account"):
        parse(f"azure://{account}/container/blob")


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1.2.3",
        "localhost",
        "LOCALHOST.",
        "x.localhost",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "0.0.0.0",  # noqa: S104  # no binding
        "0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:a00:1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::7f00:1]",
        "[2002:7f00:1::]",
        "[2001:0:1:2:3:4:5:6]",
        "[::127.0.0.1]",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "[fe80::1]",
        "[fe80::1%25eth0]",
        "[fc00::1]",
        "[fec0::1]",
        "224.0.0.1",
        "255.255.255.255",
    ],
)
def test_no_spelling_of_a_private_address_is_asked_for_a_client(host: str, tmp_path: Path) -> None:
    for uri in (parse(f"http://{host}/x"), parse(f" HTTPS://u:p@{host}:8443/x")):
        assert CLIENT.refusal(uri, tmp_path) == NO_ADDRESS
        assert EVERYTHING.refusal(uri, tmp_path) is None


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses_are(address: str) -> None:
    assert is_public(address)
    assert CLIENT.may_connect(address)


def test_a_name_is_judged_when_it_is_looked_up() -> None:
    assert literal("example.com") is None


def test_who_is_not_limited_reaches_all(tmp_path: Path) -> None:
    assert EVERYTHING.may_read("/etc/passwd")
    assert EVERYTHING.may_connect("127.0.0.1")
    assert EVERYTHING.refusal(parse("s3://kept/outputs/a"), tmp_path) is None
    open_nets = Access(folders=(), networks=None)
    assert open_nets.may_connect("10.0.0.1")


def test_a_store_is_its_whole_bucket_where_it_has_no_prefix(tmp_path: Path) -> None:
    whole = Access(store="s3://kept")
    assert whole.refusal(parse("s3://kept/a"), tmp_path) == NO_STORE
    assert whole.refusal(parse("s3://other/a"), tmp_path) is None
    deep = Access(store="s3://kept/a/b")
    assert deep.refusal(parse("s3://kept/a/b/c"), tmp_path) == NO_STORE
    assert deep.refusal(parse("s3://kept/a/c"), tmp_path) is None
    assert deep.refusal(parse("gs://kept/a/b/c"), tmp_path) is None


def test_a_folder_with_a_slash_at_its_end_is_the_same(tmp_path: Path) -> None:
    root = Access(folders=("/",))
    assert root.may_read("/etc/passwd")
    assert not Access(folders=(f"{tmp_path}/",)).may_read(f"{tmp_path}-not/x")


def test_a_wildcard_is_judged_by_the_folder_that_it_looks_into(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    access = Access(folders=(str(tmp_path / "open"),))
    assert access.refusal(parse("open/*.csv"), tmp_path) is None
    assert access.refusal(parse("open/*"), tmp_path) is None
    assert access.refusal(parse("op*"), tmp_path) == NO_FILE
    assert access.refusal(parse("open/a*/../../x"), tmp_path) is None, "what it leads to is asked again"


def test_networks_that_are_allowed_open_themselves_only(tmp_path: Path) -> None:
    some = Access(folders=(), networks=networks("10.1.0.0/16"))
    assert some.refusal(parse("http://10.1.2.3/x"), tmp_path) is None
    assert some.refusal(parse("http://[::ffff:10.1.2.3]/x"), tmp_path) is None
    assert some.refusal(parse("http://10.2.0.1/x"), tmp_path) == NO_ADDRESS
    every = Access(folders=(), networks=networks("private"))
    assert every.refusal(parse("http://127.0.0.1/x"), tmp_path) is None
    with pytest.raises(ValueError, match="no network"):
        networks("everywhere")


def test_folders_that_are_allowed_open_what_truly_lies_in_them(tmp_path: Path) -> None:
    shared, home = tmp_path / "shared", tmp_path / "shared" / "home"
    home.mkdir(parents=True)
    (home / "signing-key").write_text("k")
    (shared / "a.csv").write_text("a")
    (shared / "out").symlink_to("/etc")
    (tmp_path / "shared-not").mkdir()
    access = Access(folders=(str(shared),), closed=(str(home),))

    def refused(text: str) -> bool:
        return access.refusal(parse(text), tmp_path) is not None

    assert not refused(f"{shared}/a.csv")
    assert not refused("shared/a.csv")
    assert not refused(f"file:{shared}/*.csv")
    assert refused(f"{shared}/out/passwd")
    assert refused(f"{shared}/../x")
    assert refused(f"{tmp_path}/shared-not/x")
    assert refused(f"{home}/signing-key")
    assert refused(f"{shared}/home/*")
    assert not access.may_read(os.path.join(home, "signing-key"))


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("s3://kept/outputs/a/b", True),
        ("S3A://kept/outputs/a/b", True),
        ("s3://kept/**", True),
        ("s3://kept/out*/x", True),
        ("s3://kept/other/x", False),
        ("s3://kept/other/*", False),
        ("s3://elsewhere/outputs/a", False),
    ],
)
def test_the_objects_of_the_store_are_reached_as_data_only(text: str, refused: bool, tmp_path: Path) -> None:
    assert CLIENT.refusal(parse(text), tmp_path) == (NO_STORE if refused else None)


@pytest.mark.sources
def test_who_asks_is_said_wherever_addresses_are_resolved() -> None:
    """Outside of the room of data: by what `executions.reading` gives, or by the projects that may be read."""
    package, silent, found = Path(localhai.__file__).parent, [], 0
    for path in package.rglob("*.py"):
        if path.is_relative_to(package / "data"):
            continue
        for call in ast.walk(ast.parse(path.read_text())):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
                continue
            named = {keyword.arg for keyword in call.keywords}
            said = {
                "fetch_inputs": None in named,  # **reach_of(...)
                "resolve_inputs": None in named,
                "Addresses": "readable" in named,
            }.get(call.func.id)
            found += said is not None
            if said is False:
                silent.append(f"{path.relative_to(package)}:{call.lineno}")
    assert silent == []
    assert found > 5
