"""Secrets never reach the screen, the log or the records: their values are masked in every byte that passes.

What is to be masked in an execution is kept beside it, readable by its owner alone, for whoever takes it over, and goes
with its end. Values that nobody kept can be masked only as far as they are still known.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from localhai.errors import LocalhaiError, Position, Problem, ProjectError
from localhai.system import durable, strict_json
from localhai.system.text import clean, read_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from localhai.executions.home import Home
    from localhai.records import ExecutionRecord


MASK = b"***"
SHORTEST = 4  # masking "1" or "yes" would make every log unreadable
_LINE = r"(?s)(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)\Z"


def read_env_file(path: Path) -> dict[str, str]:
    """NAME=value lines, as `docker run --env-file` reads them, and with quotes around a value taken off.

    Empty lines and lines that start with # are skipped. Raises ProjectError with the position of a wrong line.
    """
    try:
        lines = read_file(path).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ProjectError(f"{path} cannot be read: {reason}", where=str(path)) from error
    variables: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = re.match(_LINE, line.strip())
        if match is None:
            # the line itself is not shown: it may be a secret
            position = Position(str(path), number, 1)
            problem = Problem("error", "this line is not NAME=value", "env-file", position)
            raise ProjectError(f"{position}: this line is not NAME=value", problems=[problem], where=str(path))
        variables[match[1]] = _unquoted(match[2])
    return variables


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1]
    return value


class Masker:
    """Replaces secret values in a stream of bytes, also where a value is cut between two pieces."""

    def __init__(self, values: Iterable[str]) -> None:
        self.values = sorted({value for value in values if len(value) >= SHORTEST})
        secrets = {form for value in self.values for line in (value, *value.split("\n")) for form in _forms(line)}
        self._secrets = sorted(secrets, key=len, reverse=True)
        self._longest = max(map(len, secrets), default=0)
        self._pattern = re.compile(b"|".join(map(re.escape, self._secrets))) if secrets else None

    def __bool__(self) -> bool:
        return self._pattern is not None

    def mask(self, data: bytes) -> bytes:
        """`data` whole, masked."""
        return data if self._pattern is None else self._pattern.sub(MASK, data)

    def mask_text(self, text: str) -> str:
        return self.mask(clean(text).encode()).decode("utf-8", "replace")

    def mask_value(self, value: Any, *, keys: bool = False) -> Any:
        """A JSON value with its texts masked, `keys` too where they are a step's own. Numbers stay what they are."""
        if isinstance(value, str):
            return self.mask_text(value)
        if isinstance(value, Mapping):
            return {
                self.mask_text(str(name)) if keys else name: self.mask_value(item, keys=keys)
                for name, item in value.items()
            }
        return [self.mask_value(item, keys=keys) for item in value] if isinstance(value, (list, tuple)) else value

    def stream(self) -> MaskedStream:
        """One stream's view: it holds back what may be the beginning of a secret."""
        return MaskedStream(self, self._secrets)


class MaskedStream:
    """Masks one stream piece by piece. `feed` and `end` give (masked bytes, how many bytes they were before)."""

    def __init__(self, masker: Masker, secrets: list[bytes]) -> None:
        self._masker = masker
        self._secrets = secrets
        self._held = b""

    def feed(self, data: bytes) -> tuple[bytes, int]:
        data = self._held + data
        hold = self._tail_that_may_begin_a_secret(data)
        self._held = data[len(data) - hold :] if hold else b""
        ready = data[: len(data) - hold] if hold else data
        return self._masker.mask(ready), len(ready)

    def end(self) -> tuple[bytes, int]:
        ready, self._held = self._held, b""
        return self._masker.mask(ready), len(ready)

    def forget(self) -> None:
        """Drop what was held back: it will be heard again."""
        self._held = b""

    def _tail_that_may_begin_a_secret(self, data: bytes) -> int:
        longest = 0
        for secret in self._secrets:
            for length in range(min(len(secret) - 1, len(data)), longest, -1):
                if data.endswith(secret[:length]):
                    longest = length
                    break
        return longest


def _forms(secret: str) -> Iterator[bytes]:
    """A secret as it is, and as JSON and URLs have it."""
    if len(secret) < SHORTEST:
        return
    forms = (
        secret,
        strict_json.dumps(secret)[1:-1],
        strict_json.dumps(secret, ascii=False)[1:-1],
        quote(secret, safe=""),
    )
    yield from {form.encode() for form in forms}


FILE = "secrets.json"
LOST = "What is to be masked in its output was kept beside it and is gone: masked from here on is what is still known."


def keep(folder: Path, masker: Masker) -> None:
    """Beside an execution that is about to begin. Raises OSError."""
    if masker:
        durable.write(folder / FILE, strict_json.dumps(masker.values).encode())
    else:
        forget(folder)


def forget(folder: Path) -> None:
    """It has ended."""
    with suppress(OSError):
        (folder / FILE).unlink(missing_ok=True)


def kept(folder: Path) -> Masker | None:
    """None where nothing was kept, or nobody can read it any more."""
    with suppress(OSError, ValueError, TypeError, AttributeError):
        return Masker(json.loads((folder / FILE).read_bytes()))
    return None


def masker_of_left(home: Home, record: ExecutionRecord) -> tuple[Masker, bool]:
    """For an execution that another localhai left, and whether something that it masked may be missing."""
    found = kept(home.folder / str(record.folder))
    if found is not None:
        return found, False
    known = Masker(_still_known(home, record))
    return known, bool(record.document.get("masks", record.document.get("env_file")))


def _still_known(home: Home, record: ExecutionRecord) -> list[str]:
    """Of the files that they came from, and of the project's secret variables."""
    found: list[str] = []
    for file in (home.settings.env_file, record.document.get("env_file")):
        with suppress(ProjectError):  # gone or spoiled since
            found += read_env_file(Path(file)).values() if file else ()
    with suppress(LocalhaiError):
        variables = home.records.variables.list(record.project_id)
        found += [variable.value for variable in variables if variable.secret]
    return found
