"""What is to be masked in an execution, kept beside it for whoever takes it over, and gone with its end.

The file is readable by its owner alone. Values that nobody kept can be masked only as far as they are still known.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from localhai.errors import LocalhaiError, ProjectError
from localhai.executions.run.secrets import Masker, read_env_file
from localhai.system import durable, strict_json

if TYPE_CHECKING:
    from localhai.executions.home import Home
    from localhai.records import ExecutionRecord

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
