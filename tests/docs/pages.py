"""README and docs/ as tests see them: files that a page shows, commands that it runs, output that it promises.

- A fenced block with `title="PATH"` is a file: it is written where the page's commands run.
- A ```console block is run: `$ ` starts a command, `> ` continues it, the rest is its output, or none to leave it open.
  `...` in a line of output stands for any text, `...` as a line for any lines. `# exits 3` behind a command says that
  its exit code is not 0.
- `<!-- not run: REASON -->` before a block leaves it out.
- `<!-- starts in: clone -->` (or `empty`) says where a page begins; otherwise that is a copy of example_project.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))

_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>[\w-]*)(?P<options>[^\n`]*)\n(?P<body>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
_TITLE = re.compile(r'title="([^"]+)"')
_NOT_RUN = re.compile(r"<!-- not run: *(.*?) *-->\s*\Z", re.DOTALL)
_START = re.compile(r"<!-- starts in: (\w+) -->")
_EXITS = re.compile(r"\s+# exits (\d+)$")


@dataclass(frozen=True)
class Block:
    """One fenced block. `not_run` is the reason, None for a block without that marker."""

    page: str
    line: int
    language: str
    title: str | None
    text: str
    not_run: str | None


@dataclass(frozen=True)
class Command:
    """One command with the exit code and the output that the page promises."""

    line: int
    text: str
    exit_code: int
    output: tuple[str, ...]


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        before = _NOT_RUN.search(text[: match.start()])
        title = _TITLE.search(match["options"])
        body = re.sub(f"^{match['indent']}", "", match["body"], flags=re.MULTILINE)
        found.append(
            Block(
                page.name,
                text.count("\n", 0, match.start()) + 1,
                match["language"],
                title[1] if title else None,
                body,
                before[1] if before else None,
            )
        )
    return found


def start(page: Path) -> str:
    """clone, empty or example."""
    match = _START.search(page.read_text(encoding="utf-8"))
    return match[1] if match else "example"


def commands(block: Block) -> list[Command]:
    found: list[Command] = []
    for number, line in enumerate(block.text.splitlines(), block.line + 1):
        if line.startswith("$ "):
            marker = _EXITS.search(line)
            text = line[2 : marker.start()] if marker else line[2:]
            found.append(Command(number, text, int(marker[1]) if marker else 0, ()))
        elif not found:
            raise ValueError(f"{block.page}:{number}: output before any command")
        elif line.startswith("> ") and not found[-1].output:
            last = found[-1]
            found[-1] = Command(last.line, f"{last.text}\n{line[2:]}", last.exit_code, ())
        else:
            last = found[-1]
            found[-1] = Command(last.line, last.text, last.exit_code, (*last.output, line))
    return found


def first_difference(expected: tuple[str, ...], actual: list[str]) -> str | None:
    """What the page shows and the command did not write, None when all is as shown."""
    lines = [line.rstrip() for line in actual]
    place = 0
    skipping = False
    for shown in (line.rstrip() for line in expected):
        if shown.strip() == "...":
            skipping = True
            continue
        pattern = re.compile(".*".join(map(re.escape, shown.split("..."))))
        last = len(lines) if skipping else min(place + 1, len(lines))
        found = next((number for number in range(place, last) if pattern.fullmatch(lines[number])), None)
        if found is None:
            return f"shown but not written: {shown!r}"
        place, skipping = found + 1, False
    if place < len(lines) and not skipping:
        return f"written but not shown: {lines[place]!r}"
    return None
