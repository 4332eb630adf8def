"""Executions of every kind, for tests that only look."""

from __future__ import annotations

import json

from page_server import PageServer

from localhai.testing import Canned

LINES = 400


def learning(rate: float, epochs: int = 5) -> str:
    """What a training writes that gets better at that rate."""
    lines = [
        json.dumps(
            {"epoch": epoch, "loss": round(1 / (1 + rate * epoch), 4), "accuracy": round(1 - 0.5 / (epoch + rate), 4)}
        )
        for epoch in range(1, epochs + 1)
    ]
    return "\n".join([f"learning at {rate}", *lines, "done\n"])


def seed(server: PageServer) -> None:
    """Five that succeeded, one that failed, one with a long log and outputs of each kind."""
    for rate in (0.1, 0.3, 0.5, 0.7, 0.9):
        server.engine.behave(Canned(output=learning(rate), files={"model.txt": f"weights {rate}"}), step="train")
        server.run(learning_rate=rate)
    said = [("stdout", b"begins\n"), ("stderr", b"ValueError: the data has no column 'label'\n")]
    server.engine.behave(Canned(output=said, exit_code=3), step="train")
    server.run(learning_rate=0.0)
    log = "".join(f"\x1b[32mline {number}\x1b[0m of the log\n" for number in range(1, LINES + 1))
    server.engine.behave(Canned(output=log, files=OUTPUTS), step="evaluate")
    server.run("evaluate")


OUTPUTS = {
    "report.md": "# A report\n\nIt is **good**.\n",
    "table.csv": "name,score\nada,1\nbob,2\n",
    "facts.json": '{"answer": 42}',
    "notes.txt": "plain words\n",
    "picture.svg": '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><circle r="9"/></svg>',
    "page.html": "<h1>A page</h1>",
    "model.bin": b"\x00\x01\x02",
}
