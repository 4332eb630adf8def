"""A cold S3 input, checksums included, against boto3's `download_file` from the same server.

    python benchmarks/s3_input.py [--size GIB] [--server moto|embedded] [--rounds N] [--folder FOLDER] [--json]

The server runs in a process of its own: `moto` is moto as it ships, `embedded` is localhai's (moto behind a front that
sends ranges of files as they are; a far faster opponent, since moto reads the whole object for every range). Prints
both times and their ratio (at most 1.15), the best of the rounds each, turn by turn.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT = 1.15
BUCKET, KEY = "bench", "big.bin"
EMBEDDED = """
import sys, threading
from pathlib import Path
from localhai.data.emulated_s3 import EmulatedS3
print(EmulatedS3(Path(sys.argv[1])).endpoint_url, flush=True)
threading.Event().wait()
"""
MOTO = """
import threading
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
server.start()
print("http://%s:%s" % server.get_host_and_port(), flush=True)
threading.Event().wait()
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=float, default=2.0, help="GiB")
    parser.add_argument("--server", choices=("moto", "embedded"), default="moto")
    parser.add_argument("--rounds", type=int, default=0, help="default 1 with moto, 3 with the embedded S3")
    parser.add_argument("--folder", type=Path, help="where everything is written; default the temporary folder")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rounds = arguments.rounds or (1 if arguments.server == "moto" else 3)
    os.environ.update(dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "bench"))
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        figures = measure(Path(folder), int(arguments.size * (1 << 30)), arguments.server, rounds)
    if arguments.json:
        print(json.dumps(figures))
    else:
        text = "localhai with checksums {ours:.2f} s, boto3 {boto3:.2f} s, ratio {ratio:.2f} (at most {limit})"
        print(text.format(**figures))


def measure(folder: Path, size: int, server: str, rounds: int) -> dict[str, float]:
    seed = folder / "seed" / BUCKET / KEY
    seed.parent.mkdir(parents=True)
    block = os.urandom(1 << 20)
    with seed.open("wb") as file:
        for _ in range(size >> 20):
            file.write(block)
    script = EMBEDDED if server == "embedded" else MOTO
    with subprocess.Popen(
        [sys.executable, "-c", script, seed.parent.parent], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            return compare(folder, seed, server, endpoint_of(process), rounds)
        finally:
            process.terminate()


def endpoint_of(process: subprocess.Popen[str]) -> str:
    return next(line.strip() for line in process.stdout or () if line.startswith("http://"))


def compare(folder: Path, seed: Path, server: str, endpoint: str, rounds: int) -> dict[str, float]:
    import boto3

    client = boto3.client("s3", endpoint_url=endpoint)
    if server == "moto":
        client.create_bucket(Bucket=BUCKET)
        client.upload_file(str(seed), BUCKET, KEY)
        seed.unlink()
    ours, theirs = [], []
    for number in range(rounds):
        target = folder / f"boto3-{number}"
        theirs.append(timed(lambda: client.download_file(BUCKET, KEY, str(target))))  # noqa: B023 - called at once
        target.unlink()
        ours.append(timed(lambda: fetch(folder / f"home-{number}", endpoint)))  # noqa: B023 - called at once
    return {"ours": min(ours), "boto3": min(theirs), "ratio": min(ours) / min(theirs), "limit": LIMIT}


def fetch(home: Path, endpoint: str) -> None:
    from localhai.data.cache import Cache
    from localhai.data.files import InputSpec
    from localhai.data.inputs import fetch_inputs
    from localhai.data.sources import Sources

    with Sources(s3_endpoint_url=endpoint) as sources, Cache(home) as cache:
        (file,) = fetch_inputs([InputSpec("data", (f"s3://{BUCKET}/{KEY}",))], sources=sources, cache=cache).files
    file.path.unlink()


def timed(action: Callable[[], Any]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
