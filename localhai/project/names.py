"""Finding what a person typed among the names that exist: exactly, as `vh` spells options, or by prefix."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from localhai.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable


def option_name(name: str) -> str:
    """The option for a parameter or input, without its dashes: ASCII letters, digits and `-`, as `vh` spells it."""
    import unicodedata

    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", errors="ignore").decode()
    return re.sub(r"[^-a-zA-Z0-9]+", "-", ascii_only).strip("-")


def find_by_option(wanted: str, known: Iterable[str]) -> str | None:
    """The known name that `wanted` stands for: the name itself, else the only one with the same option name."""
    known = list(known)
    if wanted in known:
        return wanted
    folded = option_name(wanted).lower()
    found = [name for name in known if folded and option_name(name).lower() == folded]
    return found[0] if len(found) == 1 else None


def find_by_prefix(kind: str, plural: str, wanted: str, known: Collection[str]) -> str:
    """The known name that is `wanted`, or the only one to begin with it in any case of letters (as `vh` finds steps).

    Raises UsageError that lists the candidates, or all names and the nearest one.
    """
    if wanted in known:
        return wanted
    found = [name for name in known if wanted and name.lower().startswith(wanted.lower())]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(
            f"{wanted!r} could be any of these {plural}: {listing(found)}",
            hints=[f"give more of the name, such as {max(found, key=len)!r}"],
        )
    raise unknown(kind, plural, wanted, known)


def unknown(kind: str, plural: str, wanted: str, known: Collection[str], *, of: str = "") -> UsageError:
    """The error for a name that does not exist: says the nearest and lists the known ones. `of` names their owner."""
    hints = []
    near = nearest(wanted, known)
    if near is not None:
        hints.append(f"did you mean {near}?")
    hints.append(f"known {plural}: {listing(known)}" if known else f"there are no {plural}")
    return UsageError(f"there is no {kind} {wanted!r}{of}", hints=hints)


def nearest(wanted: str, known: Iterable[str]) -> str | None:
    """The known name most like `wanted`, if any is like it at all."""
    import difflib

    by_folded = {name.lower(): name for name in known}
    found = difflib.get_close_matches(wanted.lower(), list(by_folded), n=1, cutoff=0.5)
    return by_folded[found[0]] if found else None


def listing(names: Iterable[str]) -> str:
    """Names for a message, in their own order."""
    return ", ".join(names)
