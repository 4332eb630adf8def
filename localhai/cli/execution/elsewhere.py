"""What `vh` has, or what is often typed, and what does its work here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from localhai.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

_ANY = {"ignore_unknown_options": True}


@click.command("ssh", context_settings=_ANY)
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def ssh(words: Sequence[str]) -> None:
    """Say how to get a shell: nothing here listens for SSH."""
    reference = _reference(words)
    raise UsageError(
        "no container here listens for SSH",
        hints=[
            f"a shell in its environment: localhai shell {reference}",
            f"where it still runs: docker exec -it localhai-ID bash; its ID: localhai execution info {reference}",
        ],
    )


@click.command("download", context_settings=_ANY)
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def download(words: Sequence[str]) -> None:
    """Say how outputs are copied."""
    hint = f"localhai execution outputs {_reference(words)} --download DIR"
    raise UsageError("outputs are downloaded by `execution outputs`, as with vh", hints=[hint])


def _reference(words: Sequence[str]) -> str:
    return next((word for word in words if not word.startswith("-")), "EXECUTION")
