"""A cold S3 input of 2 GiB, all three checksums included, against boto3's `download_file` from the same server.

The server is localhai's embedded S3 in a process of its own: moto behind a front that sends ranges of files as they
are. moto as it ships would flatter us: it reads the whole object for every range.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from measure import MEBIBYTE, Bench, Row, ratio, side_by_side, timed

if TYPE_CHECKING:
    from pathlib import Path

GIB = 2
BUCKET, KEY = "bench", "big.bin"
SERVER = """
import sys, threading
from pathlib import Path
from localhai.data.emulated_s3 import EmulatedS3
print(EmulatedS3(Path(sys.argv[1])).endpoint_url, flush=True)
threading.Event().wait()
"""


def measure(bench: Bench) -> list[Row]:
    size = round(GIB * 1024 * bench.scale) * MEBIBYTE
    seed = bench.folder / "seed"
    make_object(seed, size)
    os.environ.update(dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "bench"))
    with subprocess.Popen([sys.executable, "-c", SERVER, seed], stdout=subprocess.PIPE, text=True) as server:
        try:
            sides = _compare(bench, next(iter(server.stdout or ())).strip())
        finally:
            server.terminate()
    return [ratio(f"{size >> 30} GiB S3 input, cold", "boto3 download_file, same server", 1.15, sides)]


def make_object(seed: Path, size: int) -> Path:
    """A file `BUCKET/KEY` below the seed folder, of bytes that do not compress."""
    path = seed / BUCKET / KEY
    path.parent.mkdir(parents=True)
    block = os.urandom(MEBIBYTE)
    with path.open("wb") as file:
        for _ in range(size // MEBIBYTE):
            file.write(block)
    return path


def _compare(bench: Bench, endpoint: str) -> tuple[float, float]:
    import boto3

    client = boto3.client("s3", endpoint_url=endpoint)
    target = bench.folder / "boto3"

    def ours() -> float:
        return timed(lambda: _fetch(bench.folder / "home", endpoint))

    def theirs() -> float:
        target.unlink(missing_ok=True)
        return timed(lambda: client.download_file(BUCKET, KEY, str(target)))

    return side_by_side(ours, theirs, bench.rounds_or(3))


def _fetch(home: Path, endpoint: str) -> None:
    from localhai.data.cache import Cache
    from localhai.data.files import InputSpec
    from localhai.data.inputs import fetch_inputs
    from localhai.data.sources import Sources

    spec = InputSpec("data", (f"s3://{BUCKET}/{KEY}",))
    with Sources(s3_endpoint_url=endpoint) as sources, Cache(home) as cache:
        (file,) = fetch_inputs([spec], sources=sources, cache=cache).files
    file.path.unlink()
