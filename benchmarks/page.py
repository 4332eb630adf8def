"""The web page in headless Chromium: its table in docs/benchmarks.md. Both sides of a row are measured in one run.

    python benchmarks/page.py [--rounds N] [--scale 0.1] [--strict] [--json | --write]

The server is a process of its own over a home that is written by its records, without Docker. Frames are drawn as fast
as they come, not sixty a second, so that what is timed is work.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from measure import Bench, Row, ratio, side_by_side, timed
from playwright.sync_api import Browser, Page, sync_playwright
from serving import TOKEN, Client, require, serving
from tables import shown, table, write

from localhai.app.servers import answering
from localhai.executions.home import Home
from localhai.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests" / "support")]

from machine.browser import find  # noqa: E402 - after the paths above
from page_data import PageData  # noqa: E402 - after the paths above

if TYPE_CHECKING:
    from localhai.records import ExecutionRecord

FEW, MANY = 100, 10_000
SHORT, LONG = 1000, 1_000_000
FLAGS = ("--disable-frame-rate-limit", "--disable-gpu-vsync", "--disable-background-timer-throttling")
STATIC = "/page/assets/none.txt"  # a few words and nothing else
TABS, IDLE = 10, 10.0
SEEN = """(wanted) => new Promise((resolve) => {
    const look = () => document.querySelector(wanted) ? requestAnimationFrame(() => resolve(performance.now()))
        : requestAnimationFrame(look);
    look();
})"""
PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
AFTERWARDS = """window.afterwards = () => new Promise((resolve) => {
    const way = new MessageChannel();
    way.port1.onmessage = resolve;
    way.port2.postMessage(0);
})"""  # a task of its own: whatever a frame costs is over then
CLICK = """async (wanted) => {
    const first = () => document.querySelector("[aria-rowindex='2'] a")?.textContent;
    const before = first();
    const start = performance.now();
    document.querySelector(wanted).click();
    do { await new Promise(requestAnimationFrame); } while (first() === before);
    await afterwards();
    return (performance.now() - start) / 1000;
}"""
SCROLL = """async (steps) => {
    const grid = document.querySelector("[role=grid]"), found = [];
    for (let step = 0; step < steps; step += 1) {
        await new Promise(requestAnimationFrame);
        const start = performance.now();
        grid.scrollTop += 340;
        await new Promise(requestAnimationFrame);
        await afterwards();
        found.push(performance.now() - start);
    }
    found.sort((a, b) => a - b);
    return found[Math.floor(found.length * 0.95)] / 1000;
}"""
NODES = "() => document.querySelectorAll('*').length"


class Site:
    """A server over a home with two projects, one with few rows and one with many, and a browser that is let in."""

    def __init__(self, browser: Browser, client: Client, home: Path, projects: dict[int, str]) -> None:
        self.url = f"http://{client.place}"
        self.client = client
        self.home = home
        self.projects = projects
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        context.set_default_timeout(120_000)
        context.add_init_script(AFTERWARDS)
        self.page = context.new_page()
        self.page.goto(self.url)
        self.page.get_by_label("Or paste a token").fill(TOKEN)
        self.page.get_by_role("button", name="Log in").click()
        self.page.get_by_role("heading", level=1).wait_for()

    def open(self, path: str, sign: str, page: Page | None = None) -> float:
        """Seconds from the start of the navigation until what `sign` selects is drawn."""
        page = page or self.page
        page.goto("about:blank")
        page.goto(self.url + path, wait_until="commit")
        return float(page.evaluate(SEEN, sign)) / 1000

    def painted(self, path: str) -> float:
        """Seconds to the first contentful paint."""
        self.page.goto("about:blank")
        self.page.goto(self.url + path)
        while (found := self.page.evaluate(PAINT)) is None:
            self.page.wait_for_timeout(10)
        return float(found) / 1000

    def list_of(self, count: int) -> str:
        return f"/p/{self.projects[count]}/executions/"


def measure(bench: Bench) -> list[Row]:
    rounds = bench.rounds_or(5)
    many, long = (max(FEW * 2, round(number * bench.scale)) for number in (MANY, LONG))
    home = bench.folder / "home"
    projects, logs, ended = planted(home, bench.folder, many, long)
    with ExitStack() as stack:
        playwright = stack.enter_context(sync_playwright())
        options = [*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        browser = playwright.chromium.launch(executable_path=find(os.environ), args=options)
        stack.callback(browser.close)
        site = Site(browser, stack.enter_context(serving(bench.folder, home)), home, projects)
        return [
            *pages(site, ended, rounds),
            *lists(site, many, rounds),
            *log(site, logs, rounds),
            idle(site, browser, FEW),
        ]


def planted(
    home: Path, folder: Path, many: int, long: int
) -> tuple[dict[int, str], dict[int, ExecutionRecord], ExecutionRecord]:
    """What is looked at: projects by their number of executions, executions by their number of lines, a usual one."""
    home.mkdir()
    with Home(Settings.load(flags={"home": home}, environ={})) as opened:
        projects = {}
        for count in (FEW, many):
            (folder / str(count)).mkdir()
            data = PageData(opened, folder / str(count), f"project-{count}")
            data.many(count)
            projects[count] = data.project.id
        (folder / "logs").mkdir()
        data = PageData(opened, folder / "logs", "logs")
        logs = {number: data.long_log(number) for number in (SHORT, long)}
        ended = data.execution(parameters={"learning_rate": 0.1}, metadata=data.curve(0.1), outputs={"a.txt": b"a"})
    return projects, logs, ended


def pages(site: Site, ended: ExecutionRecord, rounds: int) -> list[Row]:
    path = f"/p/{ended.project_id}/execution/{ended.id}/"
    sides = side_by_side(lambda: site.painted(path), lambda: site.painted(STATIC), rounds)
    signs = {path: "h1", f"{path}log/": ".log-text", f"{path}metadata/": "h1", f"{path}outputs/": "h2"}
    nodes = []
    for each, sign in signs.items():
        site.open(each, sign)
        nodes.append(site.page.evaluate(NODES))
    return [
        ratio("first contentful paint of an execution's page", "of a static page, same server", 1.5, sides),
        Row("... nodes of its largest tab", "", max(nodes), 2500, "nodes"),
    ]


def lists(site: Site, many: int, rounds: int) -> list[Row]:
    project = site.projects[many]
    row = "[aria-rowindex='2']"
    asked = ["curl", "-s", "-H", "Accept-Encoding: gzip", "-H", f"Authorization: Token {TOKEN}"]
    wire = subprocess.run([*asked, f"{site.url}/page/table/?project={project}"], check=True, capture_output=True).stdout
    require(wire[:2] == b"\x1f\x8b", "the table is not gzipped")
    first = side_by_side(lambda: site.open(site.list_of(many), row), lambda: site.open(site.list_of(FEW), row), rounds)
    site.open(site.list_of(many), row)
    header = "[role=columnheader]:nth-of-type(1) button, .grid-sort"
    clicks = sorted(float(site.page.evaluate(CLICK, header)) for _ in range(rounds * 2 + 1))
    scrolled = sorted(float(site.page.evaluate(SCROLL, 60)) for _ in range(rounds))
    nodes = site.page.evaluate(NODES)
    return [
        Row(f"a list of {many:,} executions on the wire", "", len(wire) / 1000, 1000, "KB"),
        ratio(f"first row of a list of {many:,}", f"of {FEW}", 2.0, first),
        milliseconds(f"sorting {many:,} rows, from the click to the paint", clicks[len(clicks) // 2], 100),
        milliseconds(f"a step of scrolling in {many:,} rows, 95 of 100", scrolled[len(scrolled) // 2], 16),
        Row("... nodes", "", nodes, 2500, "nodes"),
    ]


def log(site: Site, logs: dict[int, ExecutionRecord], rounds: int) -> list[Row]:
    short, long = sorted(logs)

    def end(number: int) -> float:
        record = logs[number]
        path = f"/p/{record.project_id}/execution/{record.id}/log/#L{number}"
        return site.open(path, f"a[href='#L{number}']")

    words = (f"step {number} of" for number in range(long - 1, 0, -1))  # each once: the server remembers what was found
    file = next(path for path in (site.home / logs[long].folder).iterdir() if path.name.startswith("log"))

    def search() -> float:
        path = f"/page/log/{logs[long].id}/search/?q={next(words).replace(' ', '+')}&count=100"
        return timed(lambda: require(site.client.call("GET", path)["count"] == 1))

    def grep() -> float:
        return timed(lambda: subprocess.run(["grep", "-c", next(words), file], check=True, capture_output=True))

    found = side_by_side(search, grep, rounds)
    return [
        ratio(f"a log of {long:,} lines opened at its end", f"of {short:,}", 2.0,
              side_by_side(lambda: end(long), lambda: end(short), rounds)),
        ratio(f"search in {long:,} lines", "grep -c", 3.0, found),
    ]  # fmt: skip


def idle(site: Site, browser: Browser, count: int) -> Row:
    """How much of a core the server takes while tabs are open and nothing happens."""
    for _ in range(TABS):
        site.open(site.list_of(count), "[aria-rowindex='2']", site.page.context.new_page())
    server = answering(site.home)
    require(server is not None and len(browser.contexts[0].pages) > TABS)
    time.sleep(2)
    before = processor(server.pid)
    time.sleep(IDLE)
    share = (processor(server.pid) - before) / IDLE
    return Row(f"{TABS} idle tabs: of one core, the server takes", "", share * 100, 2, "%")


def processor(pid: int) -> float:
    """Seconds that a process has taken of the processor."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def milliseconds(what: str, seconds: float, limit: float) -> Row:
    return Row(what, "", seconds * 1000, limit, "ms")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, help="default 5")
    parser.add_argument("--scale", type=float, default=1.0, help="part of the full sizes, to try things")
    parser.add_argument("--strict", action="store_true", help="exit with 1 when a limit is broken")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--write", action="store_true", help="put the table into docs/benchmarks.md")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="localhai-bench-") as folder:
        rows = measure(Bench(Path(folder), arguments.rounds, arguments.scale))
    for row in rows:
        print(f"  {row.what}: {shown(row)}", file=sys.stderr)
    print(json.dumps([row.to_dict() for row in rows], indent=2) if arguments.json else table(rows))
    if arguments.write:
        write("bench-page", rows)
    return 1 if arguments.strict and not all(row.ok for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
