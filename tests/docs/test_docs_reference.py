"""The reference pages say what there is: every command, option, setting, error and key, and nothing else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
import reference
from pages import PAGES, ROOT

from localhai import errors
from localhai.project.parity import TABLE
from localhai.settings import SPECS

DOCS = ROOT / "docs"
COMMANDS = dict(reference.command_tree())


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def section(text: str, path: str) -> str:
    """What stands below the heading of a command, up to the next one."""
    body = re.split(rf"^#+ {re.escape(path)}$", text, maxsplit=1, flags=re.MULTILINE)[1]
    return re.split(r"^#+ ", body, maxsplit=1, flags=re.MULTILINE)[0]


@pytest.mark.parametrize("name", sorted(path.name for path in DOCS.glob("*.md")))
def test_generated_parts_are_as_the_code_has_them(name: str) -> None:
    assert reference.renewed(DOCS / name) == page(name), "python scripts/reference.py writes it anew"


@pytest.mark.parametrize("path", list(COMMANDS))
def test_a_command_is_described_with_all_its_options(path: str) -> None:
    text = section(page("commands.md"), path)
    if text.strip().startswith("The same as"):
        return
    for option in reference.shown_options(COMMANDS[path]):
        for name in (*option.opts, *option.secondary_opts):
            assert f"`{name}`" in text, name
    if isinstance(COMMANDS[path], click.Group):
        assert "Commands: " in text
    else:
        assert f"\n{path} " in text


def test_no_option_is_undescribed_in_help() -> None:
    silent = [
        f"{path} {option.opts[0]}"
        for path, command in COMMANDS.items()
        for option in reference.shown_options(command)
        if not option.help
    ]
    assert not silent


def test_every_setting_has_its_row() -> None:
    text = page("settings.md")
    for name, spec in SPECS.items():
        table, _, key = (spec.toml or "").rpartition(".")
        assert spec.toml is None or f"`[{table}]` `{key}`" in text or f"`[{spec.toml}]`" in text, name
        assert spec.env is None or f"`{spec.env}`" in text, name
        assert spec.doc in text, name


def test_every_variable_that_the_code_reads_is_on_the_settings_page() -> None:
    read = {
        name
        for file in (ROOT / "localhai").rglob("*.py")
        for name in re.findall(r"environ(?:\.get\(|\[)\s*[\"'](LOCALHAI_[A-Z_0-9]+)[\"']", file.read_text())
    }
    assert "LOCALHAI_DEBUG" in read
    for name in read:
        assert f"`{name}`" in page("settings.md"), name


def test_no_page_names_a_variable_that_does_not_exist() -> None:
    code = "".join(file.read_text() for file in (ROOT / "localhai").rglob("*.py"))
    for path in PAGES:
        for name in re.findall(r"LOCALHAI_[A-Z_0-9]+", path.read_text(encoding="utf-8")):
            assert name in code, f"{path.name}: {name}"


def test_the_parity_table_is_whole() -> None:
    text = page("fidelity.md")
    for key, entry in TABLE.items():
        row = next(line for line in text.splitlines() if line.startswith(f"| `{key}` |"))
        assert entry.text in row


def test_every_error_stands_beside_its_exit_code() -> None:
    lines = page("json.md").splitlines()
    for kind in reference.error_classes():
        row = next(line for line in lines if line.startswith(f"| `{kind.exit_code}` |"))
        assert f"`{kind.__name__}`" in row
        assert f"| `{kind.__name__}` | `{kind.exit_code}` |" in page("python.md")
    assert errors.LocalhaiError in reference.error_classes()


def test_everything_public_in_python_is_described() -> None:
    for kind in (reference.OpenProject, reference.Execution, reference.Home, reference.open_project):
        assert kind.__doc__
        for name, item in vars(kind).items():
            if not name.startswith("_") and (callable(item) or isinstance(item, property)):
                assert item.__doc__, f"{kind.__name__}.{name} has no docstring"


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    for path in DOCS.glob("*.md"):
        assert (tmp_path / "site" / f"{path.stem}.html").is_file()


def test_links_of_the_readme_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert links
    for link in links:
        assert (ROOT / link).is_file(), link
