"""`localhai --help` against a Python that does nothing."""

from __future__ import annotations

import sys

from measure import Bench, Row, difference, environment, localhai, run, side_by_side


def measure(bench: Bench) -> list[Row]:
    env = environment(LOCALHAI_HOME=str(bench.folder))
    sides = side_by_side(
        lambda: run(localhai("--help"), env=env).seconds,
        lambda: run([sys.executable, "-c", "pass"], env=env).seconds,
        bench.rounds_or(31),
    )
    return [difference("localhai --help", "python -c pass", 0.15, sides)]
