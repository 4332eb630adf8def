"""A cold S3 input of 2 GiB, all three checksums included, against boto3's `download_file` from the same server.

Twice, the server in a process of its own: moto as it ships, which reads the whole object for every range and so
punishes small ranges; and localhai's front of moto, which sends files as fast as the loopback carries them. No network
does that. There the three checksums take longest: 4.5 core-seconds of a 2 GiB file on a core with SHA instructions, 2.5
of them for md5 alone, which no second core can share. Copying takes localhai 1 core-second and boto3 2.5, so that two
cores have 5.9 core-seconds to do where boto3 needs 3: the best that they can give is a ratio of about 1.1, when
neither core ever waits and nothing else runs. All three are needed before the step starts: they stand in its
/valohai/config/inputs.json and name the file in the cache. From three cores on md5 alone is the limit.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from measure import MEBIBYTE, Bench, Row, ratio, side_by_side, timed

if TYPE_CHECKING:
    from pathlib import Path

BUCKET, KEY = "bench", "big.bin"
FRONT = """
import sys, threading
from pathlib import Path
from localhai.data.emulated_s3 import EmulatedS3
print(EmulatedS3(Path(sys.argv[1])).endpoint_url, flush=True)
threading.Event().wait()
"""
MOTO = """
import sys, threading, logging
from pathlib import Path
import boto3
from moto.server import ThreadedMotoServer
logging.disable()
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
address = "http://{}:{}".format(*server.get_host_and_port())
client = boto3.client("s3", endpoint_url=address)
(path,) = (path for path in Path(sys.argv[1]).glob("*/*"))
client.create_bucket(Bucket=path.parent.name)
client.upload_file(str(path), path.parent.name, path.name)
print(address, flush=True)
threading.Event().wait()
"""
# Each with its GiB and rounds: four times the size takes moto and boto3 four minutes, sixteen times as long.
SERVERS = {"moto": (MOTO, 0.5, 1), "a server at loopback speed": (FRONT, 2, 5)}


def measure(bench: Bench) -> list[Row]:
    os.environ.update(dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "bench"))
    rows = []
    for name, (code, gib, rounds) in SERVERS.items():
        seed = bench.folder / f"seed-{gib}"
        make_object(seed, round(gib * 1024 * bench.scale) * MEBIBYTE)
        with subprocess.Popen([sys.executable, "-c", code, seed], stdout=subprocess.PIPE, text=True) as server:
            try:
                sides = _compare(bench, next(iter(server.stdout or ())).strip(), bench.rounds_or(rounds))
            finally:
                server.terminate()
        what = f"{gib:g} GiB S3 input, cold, three checksums, from {name}"
        rows.append(ratio(what, "boto3 download_file, same server", 1.15, sides))
    return rows


def make_object(seed: Path, size: int) -> Path:
    """A file `BUCKET/KEY` below the seed folder, of bytes that do not compress."""
    path = seed / BUCKET / KEY
    path.parent.mkdir(parents=True)
    block = os.urandom(MEBIBYTE)
    with path.open("wb") as file:
        for _ in range(size // MEBIBYTE):
            file.write(block)
    return path


def _compare(bench: Bench, endpoint: str, rounds: int) -> tuple[float, float]:
    import boto3

    client = boto3.client("s3", endpoint_url=endpoint)
    target = bench.folder / "boto3"

    def ours() -> float:
        return timed(lambda: _fetch(bench.folder / "home", endpoint))

    def theirs() -> float:
        target.unlink(missing_ok=True)
        return timed(lambda: client.download_file(BUCKET, KEY, str(target)))

    return side_by_side(ours, theirs, rounds, warm=False)


def _fetch(home: Path, endpoint: str) -> None:
    from localhai.data.cache import Cache
    from localhai.data.files import InputSpec
    from localhai.data.inputs import fetch_inputs
    from localhai.data.sources import Sources

    spec = InputSpec("data", (f"s3://{BUCKET}/{KEY}",))
    with Sources(s3_endpoint_url=endpoint) as sources, Cache(home) as cache:
        (file,) = fetch_inputs([spec], sources=sources, cache=cache).files
    file.path.unlink()
