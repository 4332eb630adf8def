"""A machine without network: the engine answers at its socket, and there is nothing beyond."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.docker

OFFLINE = (
    "unshare",
    *(["--map-root-user"] if os.getuid() else []),
    "--net",
    "sh",
    "-c",
    'ip link set lo up && exec "$@"',
    "sh",
)
HAS_S3 = '[s3]\nfolder = "s3"\n'
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


def wants(bench: Any, uri: str) -> None:
    bench.step("cat /valohai/inputs/table/*", inputs=[{"name": "table", "default": uri}])


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("s3://bucket-far-away/table.csv", "S3 does not answer"),
        ("https://example.com/table.csv", "the server does not answer: Temporary failure in name resolution"),
    ],
)
def test_an_input_beyond_is_said_in_words_and_may_be_given_from_here(bench: Any, uri: str, reason: str) -> None:
    wants(bench, uri)
    run = bench.call("run", "work", under=OFFLINE, env=KEYS)
    assert run.process.returncode == 4
    assert f"input table: {uri}: {reason}" in run.err
    assert "--table=samples/table.csv" in run.err
    (bench.folder / "table.csv").write_text("a,b\n")
    given = bench.call("run", "work", "--table=table.csv", under=OFFLINE)
    assert (given.process.returncode, "a,b" in given.out) == (0, True), given.err


def test_what_needs_no_network_works(bench: Any) -> None:
    wants(bench, "s3://shop/table.csv")
    (bench.folder / "localhai.toml").write_text(HAS_S3)
    place = Path(bench.folder / "s3" / "shop")
    place.mkdir(parents=True)
    (place / "table.csv").write_text("from the folder\n")
    for line in (["lint"], ["plan", "work"], ["run", "work"], ["doctor"]):
        done = bench.call(*line, under=OFFLINE)
        assert done.process.returncode == 0, done.out + done.err
    assert "from the folder" in bench.log()
