"""The one tree of errors. Each says what happened, where, and what to do; each carries its exit code.

::

    LocalhaiError                   1
    ├── UsageError                  2    what was typed: unknown step, parameter, input, id
    ├── ProjectError                3    what the project says: valohai.yaml, localhai.toml, its code
    ├── SurroundingsError           4    what is around us: engine, image, inputs, disk, database
    │   ├── EngineNotFound               no Docker Engine answers
    │   ├── EngineLost                   it answered before, and does not now
    │   ├── ImageNotFound                neither here nor pulled
    │   ├── InputNotFound                one or more inputs cannot be had
    │   ├── DiskFull                     no space left
    │   ├── FilesNotHere                 log and files of an execution are in another home
    │   └── RecordsUnavailable           the database does not answer
    ├── TransitionError             1    an execution cannot go from this status to that one
    ├── NotReused                   5    no earlier execution takes its place, and it should not run
    └── Interrupted               130    Ctrl-C or SIGTERM

Exit codes follow docs/json.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct, to_builtins

Severity = Literal["error", "warning", "hint"]


class Position(Struct, frozen=True):
    """A place in a file: `line` and `column` count from 1, `source` is the text of that line without its newline."""

    file: str
    line: int
    column: int
    source: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Problem(Struct, frozen=True):
    """One thing that is wrong with what a person wrote.

    `message` is a sentence about their text, `hint` what to do, `code` a stable kebab-case name for machines.
    """

    severity: Severity
    message: str
    code: str
    position: Position | None = None
    hint: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The JSON shape of `lint --json`: severity, message, code, hint, position{file, line, column, source}|null."""
        values: dict[str, Any] = to_builtins(self)
        return values


class LocalhaiError(Exception):
    """Base of everything localhai raises on purpose. Shown as one message, never as a traceback.

    `message` says what happened, `where` names the file or thing, `hints` are lines that say what to do.
    """

    exit_code = 1

    def __init__(self, message: str, *, where: str | None = None, hints: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hints = tuple(hints)

    def to_dict(self) -> dict[str, Any]:
        """The JSON shape of an error: kind, message, where, hints, exit_code, and the evidence of the subclass."""
        return {
            "kind": type(self).__name__,
            "message": self.message,
            "where": self.where,
            "hints": list(self.hints),
            "exit_code": self.exit_code,
            **self.evidence(),
        }

    def evidence(self) -> Mapping[str, Any]:
        """What a subclass knows beyond its text; JSON values only."""
        return {}


class UsageError(LocalhaiError):
    """What was typed cannot be meant: an unknown name, a value of the wrong type, an ambiguous id."""

    exit_code = 2


class ProjectError(LocalhaiError):
    """What the project says is wrong. `problems` holds every one of them with its position."""

    exit_code = 3

    def __init__(
        self,
        message: str,
        *,
        problems: Sequence[Problem] = (),
        where: str | None = None,
        hints: Sequence[str] = (),
    ) -> None:
        super().__init__(message, where=where, hints=hints)
        self.problems = tuple(problems)

    def evidence(self) -> Mapping[str, Any]:
        return {"problems": [problem.to_dict() for problem in self.problems]}


MISTAKES = (UsageError, ProjectError)  # of a person: another try comes to the same


class SurroundingsError(LocalhaiError):
    """What localhai needs around it is missing or broken."""

    exit_code = 4


class EngineNotFound(SurroundingsError):
    """No Docker Engine answers. `tried` lists every place with what it said."""

    def __init__(self, message: str, *, tried: Sequence[tuple[str, str]] = (), hints: Sequence[str] = ()) -> None:
        super().__init__(message, hints=hints)
        self.tried = tuple(tried)

    def evidence(self) -> Mapping[str, Any]:
        return {"tried": [{"place": place, "answer": answer} for place, answer in self.tried]}


class EngineLost(SurroundingsError):
    """The engine answered before and does not now: what ran on it is left alone, and looked after once it does."""


class ImageNotFound(SurroundingsError):
    """The image is neither on the engine nor could it be pulled. `passing`: another try may do."""

    passing = False


class InputNotFound(SurroundingsError):
    """One or more inputs cannot be had. `missing` lists (input name, URI, reason)."""

    def __init__(
        self, message: str, *, missing: Sequence[tuple[str, str, str]] = (), hints: Sequence[str] = ()
    ) -> None:
        super().__init__(message, hints=hints)
        self.missing = tuple(missing)

    def evidence(self) -> Mapping[str, Any]:
        return {"missing": [{"input": name, "uri": uri, "reason": reason} for name, uri, reason in self.missing]}


class DiskFull(SurroundingsError):
    """No space left where localhai writes."""


class FilesNotHere(SurroundingsError):
    """Log and files of an execution are in another home that shares the records, or were removed by hand."""


class RecordsUnavailable(SurroundingsError):
    """The database of records does not answer, or is of a newer localhai."""


class TransitionError(LocalhaiError):
    """A change of status that Valohai does not know. `execution` is the id, `old`, `new` and `following` are statuses.

    `following` are those that may come after `old`; none after a final one.
    """

    def __init__(self, execution: str, old: str, new: str, *, following: Sequence[str] = ()) -> None:
        comes = ", ".join(sorted(following)) or "nothing: it is final"
        super().__init__(
            f"execution {execution} is {old} and cannot become {new}",
            where=execution,
            hints=[f"after {old} comes {comes}"],
        )
        self.execution = execution
        self.old = old
        self.new = new

    def evidence(self) -> Mapping[str, Any]:
        return {"execution": self.execution, "old": str(self.old), "new": str(self.new)}


class NotReused(LocalhaiError):
    """No earlier execution equals it, and it was not to run then. `reuse` says why (`executions.reuse.Look`)."""

    exit_code = 5

    def __init__(self, message: str, *, reuse: Mapping[str, Any], hints: Sequence[str] = ()) -> None:
        super().__init__(message, hints=hints)
        self.reuse = dict(reuse)

    def evidence(self) -> Mapping[str, Any]:
        return {"reuse": self.reuse}


class Interrupted(LocalhaiError):
    """Stopped from outside: Ctrl-C, SIGTERM, SIGHUP."""

    exit_code = 130
