"""Kill localhai at random, again and again, and look whether anything was lost: `python tests/soak --kills=200`.

Runs, tasks, pipelines and servers, two of them on one home, get SIGINT, SIGTERM, SIGHUP or SIGKILL at a random moment,
sometimes twice, or lose their terminal. After each round everything must have come to a right end. The seed that is
printed makes the same choices again.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from checks import check_all, check_round
from victims import Bench

SCENARIOS = ("run", "run", "run", "task", "pipeline", "serve", "two servers", "terminal")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9))
    parser.add_argument("--home", type=Path, help="keep everything there")
    given = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # nohup, or a shell's background, lets us ignore them,
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # and whoever we start would too
    print(f"seed {given.seed}, {given.kills} kills", flush=True)
    place = given.home or Path(tempfile.mkdtemp(prefix="localhai-soak-"))
    bench, dice = Bench(place), random.Random(given.seed)
    begun, count, faults = time.monotonic(), Counter[str](), list[str]()
    try:
        while bench.kills < given.kills:
            number, name = bench.kills, dice.choice(SCENARIOS)
            bench.play(name, dice)
            count[name] += 1
            found = check_round(bench)
            faults += [f"kill {number} ({name}): {fault}" for fault in found]
            for fault in found:
                print(f"kill {number} ({name}, {bench.told}): {fault}", flush=True)
        faults += check_all(bench)
    finally:
        bench.close()
    statuses = Counter(str(row.status) for row in bench.rows())
    rounds = ", ".join(f"{number} {name}" for name, number in sorted(count.items()))
    ends = ", ".join(f"{number} {name}" for name, number in sorted(statuses.items()))
    print(
        f"{bench.kills} kills in {time.monotonic() - begun:.0f} s ({rounds}); executions: {ends}; faults: {len(faults)}"
    )
    for fault in faults:
        print(f"- {fault}")
    if faults or given.home:
        print(f"seed {given.seed}; everything is in {place}")
    else:
        bench.remove()
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
