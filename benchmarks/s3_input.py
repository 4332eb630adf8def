"""A cold S3 input of 2 GiB, all three checksums included, against boto3's `download_file` from the same server.

Three times, the server in a process of its own: moto as it ships, which reads the whole object for every range and so
punishes small ranges; localhai's front of moto on a line of 2.5 Gbit/s, the fastest that laptops have; and the same at
the speed of the loopback, which no network has. There the three checksums take longest: 6.4 core-seconds of a 2 GiB
file on a core with SHA instructions, 3.5 of them for md5 alone, which no second core can share. With 0.6 of the server
and 1.2 of copying, two cores have 8.2 core-seconds to do where boto3 is through after 3.9 seconds: the best that they
can give is a ratio of about 1.05, when neither core ever waits and nothing else runs. All three are needed before the
step starts: they stand in its /valohai/config/inputs.json and name the file in the cache.
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
LINE = 2.5e9 / 8  # bytes each second
WINDOW = 0.02  # seconds that a sender may be ahead: 6 MB, what a receiver's window holds
PACED = f"""
import threading, time
from localhai.data import emulated_s3, emulated_server
emulated_s3.ADDRESS = "127.0.0.2"  # not taken for nearby
blocks, line, free = emulated_server._blocks, threading.Lock(), 0.0
def paced(*wanted):
    global free
    for block in blocks(*wanted):
        with line:
            free = max(free, time.monotonic() - {WINDOW}) + len(block) / {LINE}
            until = free
        time.sleep(max(0.0, until - time.monotonic()))
        yield block
emulated_server._blocks = paced
{FRONT}"""
GIB = 2
# Each with its rounds: moto and boto3 take minutes.
SERVERS = {"moto": (MOTO, 1), "a server at 2.5 Gbit/s": (PACED, 3), "a server at loopback speed": (FRONT, 5)}


def measure(bench: Bench) -> list[Row]:
    os.environ.update(dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "bench"))
    rows = []
    seed = bench.folder / "seed"
    make_object(seed, round(GIB * 1024 * bench.scale) * MEBIBYTE)
    for name, (code, rounds) in SERVERS.items():
        with subprocess.Popen([sys.executable, "-c", code, seed], stdout=subprocess.PIPE, text=True) as server:
            try:
                sides = _compare(bench, next(iter(server.stdout or ())).strip(), bench.rounds_or(rounds))
            finally:
                server.terminate()
        what = f"{GIB} GiB S3 input, cold, three checksums, from {name}"
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

    from localhai.data.cache import Cache
    from localhai.data.files import InputSpec
    from localhai.data.inputs import fetch_inputs
    from localhai.data.sources import DataSources

    spec = InputSpec("data", (f"s3://{BUCKET}/{KEY}",))
    fetched: list[Path] = []
    client = boto3.client("s3", endpoint_url=endpoint)
    target = bench.folder / "boto3"

    def ours() -> float:
        while fetched:  # each side gives its memory back just before it needs it again
            fetched.pop().unlink()
        with Cache(bench.folder / "home") as cache, DataSources(s3_endpoint_url=endpoint) as sources:
            return timed(lambda: fetched.append(fetch_inputs([spec], sources=sources, cache=cache).files[0].path))

    def theirs() -> float:
        target.unlink(missing_ok=True)
        return timed(lambda: client.download_file(BUCKET, KEY, str(target)))

    return side_by_side(ours, theirs, rounds, warm=False)
