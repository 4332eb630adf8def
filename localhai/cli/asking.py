"""Questions to the person, where there is one."""

from __future__ import annotations

import sys

import click

from localhai.errors import UsageError


def confirm(question: str, *, option: str = "--yes") -> None:
    """Ask; raises click.Abort for no, UsageError naming `option` where nobody can answer."""
    if not sys.stdin.isatty():
        raise UsageError(question.removesuffix(" Go on?"), hints=[f"nobody can be asked here: add {option}"])
    click.confirm(question, abort=True, err=True)
