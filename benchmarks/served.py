"""`localhai serve` against `localhai run`, a bare FastAPI route, itself with less to remember, and http.server."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING

from history import remember
from measure import IMAGE, MEBIBYTE, Bench, Project, Row, ratio, side_by_side, timed
from serving import Client, per_second, program, require, serving, split, waited

from localhai.executions.log.log import LogWriter

if TYPE_CHECKING:
    from pathlib import Path

YAML = f"""
- step:
    name: noop
    image: {IMAGE}
    command: "true"
- step:
    name: put
    image: {IMAGE}
    command: head -c SIZE /dev/zero > /valohai/outputs/zeros.bin
"""
CLIENTS, SECONDS = 50, 3.0
FEW, MANY = 1000, 100_000
LAST = 2000  # lines, where a client names no limit
SHORT, LONG = 10_000, 1_000_000
ROUTE = """
import socket, sqlite3, sys, threading
import uvicorn
from fastapi import FastAPI

app, kept = FastAPI(), threading.local()

@app.get("/executions/{execution_id}/")
def execution(execution_id: str):
    if not hasattr(kept, "connection"):
        kept.connection = sqlite3.connect(sys.argv[1])
        kept.connection.row_factory = sqlite3.Row
    return dict(kept.connection.execute("SELECT * FROM executions WHERE id = ?", (execution_id,)).fetchone())

listening = socket.create_server(("127.0.0.1", 0), backlog=2048)
print(f"http://127.0.0.1:{listening.getsockname()[1]}", file=sys.stderr, flush=True)
uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None, access_log=False)).run(sockets=[listening])
"""
FILES = """
import sys
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

server = ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler)
print(f"http://127.0.0.1:{server.server_port}", file=sys.stderr, flush=True)
sys.stderr = open("/dev/null", "w")
server.serve_forever()
"""


def measure(bench: Bench) -> list[Row]:
    size = round(1024 * bench.scale) * MEBIBYTE
    project = Project(bench.folder, YAML.replace("SIZE", str(size)))
    project.run("noop")
    return [row(bench, project) for row in (_post, _detail, _list, _events, _download)]


def _project_id(client: Client) -> str:
    found: str = client.call("GET", "/api/v0/projects/")["results"][0]["id"]
    return found


def _git(project: Project) -> None:
    """Over the API a project on this machine runs commits."""
    who = ("-c", "user.name=a", "-c", "user.email=a@b.example")
    for words in (("init", "-q"), ("add", "."), ("commit", "-qm", "one")):
        subprocess.run(["git", *who, *words], cwd=project.folder, check=True)


def _post(bench: Bench, project: Project) -> Row:
    _git(project)
    with serving(bench.folder, project.home) as client:
        body = {"project": _project_id(client), "step": "noop"}

        def posted() -> None:
            asking = client.fresh()
            made = asking.call("POST", "/api/v0/executions/", body)
            require(waited(asking, made["id"])["status"] == "complete")

        sides = side_by_side(lambda: timed(posted), lambda: project.run("noop").seconds, bench.rounds_or(21))
    return ratio("a no-op step by POST until it is complete", "localhai run noop", 1.0, sides)


def _detail(bench: Bench, project: Project) -> Row:
    with serving(bench.folder, project.home) as client:
        found = client.call("GET", "/api/v0/executions/?limit=1")["results"][0]["id"]
        database = str(project.home / "localhai.db")
        with program(bench.folder, "route", ROUTE, database) as place:
            seconds = SECONDS * min(1, bench.scale * 2)
            sides = side_by_side(
                lambda: 1 / per_second(client.place, f"/api/v0/executions/{found}/", clients=CLIENTS, seconds=seconds),
                lambda: 1 / per_second(place, f"/executions/{found}/", clients=CLIENTS, seconds=seconds),
                bench.rounds_or(3),
            )
    return ratio(f"GET /executions/ID/, {CLIENTS} clients", "a FastAPI route that reads one SQLite row", 2.0, sides)


def _list(bench: Bench, project: Project) -> Row:
    many = max(FEW, round(MANY * bench.scale))
    places = {}
    for count in (FEW, many):
        places[count] = bench.folder / f"home-{count}"
        shutil.copytree(project.home, places[count], symlinks=True)
        remember(places[count] / "localhai.db", count)
    path = "/api/v0/executions/?limit=100&ordering=-counter&deleted=false"
    with serving(bench.folder, places[FEW]) as few, serving(bench.folder, places[many]) as lots:
        path += f"&project={_project_id(few)}"
        sides = side_by_side(
            lambda: timed(lambda: lots.call("GET", path)),
            lambda: timed(lambda: few.call("GET", path)),
            bench.rounds_or(41),
        )
    return ratio(f"list of 100 of {many:,} executions", f"of {FEW:,}", 1.5, sides)


def _events(bench: Bench, project: Project) -> Row:
    project.run("noop")
    long = max(SHORT, round(LONG * bench.scale))
    with closing(sqlite3.connect(project.home / "localhai.db")) as connection:
        rows = connection.execute("SELECT id, folder FROM executions ORDER BY id DESC LIMIT 2").fetchall()
    for (_, folder), count in zip(rows, (long, SHORT), strict=True):
        _write_log(project.home / folder, count)
    with serving(bench.folder, project.home) as client:

        def last(execution: str) -> None:
            found = client.call("GET", f"/api/v0/executions/{execution}/events/")
            require(len(found["events"]) == LAST)

        sides = side_by_side(
            lambda: timed(lambda: last(rows[0][0])), lambda: timed(lambda: last(rows[1][0])), bench.rounds_or(21)
        )
    return ratio(f"last 2,000 events of {long:,} lines", f"of {SHORT:,} lines", 1.5, sides)


def _write_log(folder: Path, lines: int) -> None:
    """As of a step that flushes each line."""
    writer = LogWriter(folder)
    for number in range(lines):
        writer.write("stdout", f"epoch {number} of {lines}, loss {1 / (number + 1):.6f}\n".encode(), 1.7e9 + number)
    writer.close()


def _download(bench: Bench, project: Project) -> Row:
    project.run("put")
    with serving(bench.folder, project.home) as client:
        datum = client.call("GET", "/api/v0/data/?limit=1")["results"][0]
        url = client.call("GET", f"/api/v0/data/{datum['id']}/download/")["url"]
        (file,) = (path for path in (project.home / "store").rglob("*") if path.is_file())
        with program(file.parent, "files", FILES) as place:
            theirs = f"http://{place}/{file.name}"
            sides = side_by_side(
                lambda: timed(lambda: _fetch(url, datum["size"])),
                lambda: timed(lambda: _fetch(theirs, datum["size"])),
                bench.rounds_or(5),
            )
    return ratio(f"{datum['size'] // MEBIBYTE} MiB datum downloaded", "python -m http.server", 1.2, sides)


def _fetch(url: str, size: int) -> None:
    """All bytes of it, without a look at them."""
    import http.client

    place, path = split(url)
    connection = http.client.HTTPConnection(place, timeout=300)
    connection.request("GET", path)
    answer = connection.getresponse()
    buffer, got = bytearray(MEBIBYTE), 0
    while count := answer.readinto(buffer):
        got += count
    require((answer.status, got) == (http.client.OK, size))
    connection.close()
