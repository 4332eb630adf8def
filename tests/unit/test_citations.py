"""What code cites is in the repository: numbered rules of docs/design, and no document that a reader cannot open."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DESIGN = ROOT / "docs" / "design"
CODE = sorted(
    path
    for folder in ("localhai", "tests", "scripts", "benchmarks")
    for path in (ROOT / folder).rglob("*.py")
    if "originals" not in path.parts
)
RULES = {
    name: set(re.findall(r"^#+ (\d+(?:\.\d+)?)\b", (DESIGN / name).read_text(encoding="utf-8"), re.MULTILINE))
    for name in ("platform.md", "wire.md")
}
RULES["page.md"] = set(
    re.findall(r"^(?:## (?=\d+\. ))?(\d+(?:\.\d+)?)\b", (DESIGN / "page.md").read_text(encoding="utf-8"), re.MULTILINE)
)
ENDPOINTS = set(re.findall(r"\bE\d+\b", (DESIGN / "wire.md").read_text(encoding="utf-8")))
_CITED = re.compile(r"\b(platform|wire|page)\.md((?:,? (?:and |to )?(?:E?\d+(?:\.\d+)?))+)")
_DOCUMENT = re.compile(r"(?<![\w.*-])(?:[\w-]+/)*[\w-]+\.md\b")


def cited(text: str) -> list[tuple[str, str]]:
    """Document and number of each citation: `platform.md 1.5, 2.4` are two."""
    return [
        (f"{match[1]}.md", number)
        for match in _CITED.finditer(text)
        for number in re.findall(r"E?\d+(?:\.\d+)?", match[2])
    ]


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_cited_rule_is_there(path: Path) -> None:
    for document, number in cited(path.read_text(encoding="utf-8")):
        assert number in (ENDPOINTS if number.startswith("E") else RULES[document]), f"{document} {number}"


def test_citations_are_found_and_told_apart() -> None:
    assert cited("(platform.md 1.5, 2.4) and wire.md E18, 3.4 to 3.5.") == [
        ("platform.md", "1.5"),
        ("platform.md", "2.4"),
        ("wire.md", "E18"),
        ("wire.md", "3.4"),
        ("wire.md", "3.5"),
    ]


def test_documents_that_docstrings_name_can_be_opened() -> None:
    absent = set()
    for path in (ROOT / "localhai").rglob("*.py"):
        for line in path.read_text(encoding="utf-8").splitlines():
            if '"""' in line or line.lstrip().startswith("#"):
                absent |= {
                    f"{path.relative_to(ROOT)}: {name}" for name in _DOCUMENT.findall(line) if not _is_there(name)
                }
    assert not absent


def _is_there(name: str) -> bool:
    return any((folder / name).is_file() for folder in (ROOT, ROOT / "docs", DESIGN))
