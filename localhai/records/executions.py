"""Executions: what is known of each, and how they are found and listed; `transitions` makes and changes them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from localhai.records.access import CountedRecords
from localhai.records.data import DatumRecord, of_executions
from localhai.records.database import placeholders, statement
from localhai.records.mapper import Table, names, parts
from localhai.records.times import duration
from localhai.system import strict_json
from localhai.vocabulary import FINAL, INCOMPLETE, Status

if TYPE_CHECKING:
    from collections.abc import Collection

    from localhai.records.database import Transaction
    from localhai.records.owners import Owner

_AT_ONCE = 100
DELETED = "deleted execution"  # how many are gone of a project: a list's length is known without counting its rows

_wild_re = re.compile("[%_!]")


class ExecutionRecord(Struct, frozen=True):
    """One row of executions, with its project's name, its tags and its outputs.

    Times are text as in `times`. `document` holds what has no column: `image_digest, command, parameters, inputs,
    metadata, parity, error` and whatever else the runner remembers; it never holds a secret. `folder` is empty until
    it is known.
    """

    id: str
    project_id: str
    project: str
    counter: int
    status: Status
    step: str
    image: str
    commit: str | None
    created: str
    queued: str | None = None
    started: str | None = None
    finished: str | None = None
    exit_code: int | None = None
    title: str | None = None
    tags: tuple[str, ...] = ()
    environment: str | None = None
    owner: Owner | None = None
    stop_requested: str | None = None
    container_id: str | None = None
    folder: str = ""
    document: Mapping[str, Any] = field(default_factory=dict)
    outputs: tuple[DatumRecord, ...] = ()

    @property
    def duration(self) -> float | None:
        """Seconds from `started` to `finished`; None until it has finished, and when it never started."""
        return duration(self.document, self.started, self.finished)

    @property
    def made_in(self) -> Mapping[str, Any]:
        """`id`, `host` and `folder` of the home that made it; empty where none was noted yet."""
        found: Mapping[str, Any] = self.document.get("home") or {}
        return found

    @property
    def environment_variables(self) -> dict[str, str | None]:
        """What was given to it, by name; None for a secret, and where an earlier localhai kept names only."""
        values = self.document.get("environment_variable_values") or {}
        return {name: values.get(name) for name in self.document.get("environment_variables") or ()}

    def to_dict(self) -> dict[str, Any]:
        """docs/json.md's execution, and `dirty`: the code was not that of a commit.

        Times are ISO-8601 UTC with `Z`, `duration` is in seconds.
        """
        return {
            "id": self.id,
            "counter": self.counter,
            "status": str(self.status),
            "exit_code": self.exit_code,
            "step": self.step,
            "project": self.project,
            "commit": self.commit,
            "dirty": self.document.get("dirty"),
            "image": self.image,
            "image_digest": self.document.get("image_digest"),
            "command": self.document.get("command"),
            "parameters": self.document.get("parameters", {}),
            "inputs": self.document.get("inputs", []),
            "outputs": [output.to_dict() for output in self.outputs],
            "metadata": self.document.get("metadata", {}),
            "environment": self.environment,
            "environment_variables": self.environment_variables,
            "tags": list(self.tags),
            "title": self.title,
            "created": self.created,
            "started": self.started,
            "finished": self.finished,
            "duration": self.duration,
            "parity": self.document.get("parity", []),
            "error": self.document.get("error"),
            "status_detail": self.document.get("status_detail"),
            "reuse": self.document.get("reuse"),
            "not_collected": self.document.get("not_collected"),
        }


def _fill(transaction: Transaction, ids: Sequence[str], whole: bool) -> dict[str, Mapping[str, Sequence[Any]]]:
    tags = "SELECT execution_id, tag AS name FROM execution_tags"
    return {
        "tags": names(transaction, tags, "execution_id", ids, "position"),
        "outputs": of_executions(transaction, ids) if whole else {},
    }


EXECUTIONS = Table.of_project(
    ExecutionRecord,
    "executions",
    "e",
    noun="execution",
    texts=("step", "image", "commit", "title", "environment", "container_id", "folder"),
    times=("queued", "started", "finished", "stop_requested"),
    filled=("tags", "outputs"),
    fill=_fill,
    reads={"status": Status, "folder": lambda stored: stored or ""},
)


class ExecutionLists(CountedRecords[ExecutionRecord]):
    """The part of `records.executions` that finds, lists and counts."""

    table, open = EXECUTIONS, INCOMPLETE
    start, named = "run one: localhai run STEP", "step"
    told = ("give a number, `latest`, an id or the beginning of one",)

    def of_user(
        self,
        user: str,
        project_id: str | None = None,
        *,
        status: Status | str | None = None,
        step: str | None = None,
        tag: str | None = None,
        limit: int = 100,
    ) -> list[ExecutionRecord]:
        """As `executions`, those that this user started.

        The database finds documents in which the user's name stands; whether it stands at the right place is seen here,
        page by page: JSON functions are not in every SQLite, and refuse documents with NaN or NUL.
        """
        found: list[ExecutionRecord] = []
        before = None
        while len(found) < limit:
            where, parameters = conditions(project_id, status, step, tag, user=user, before=before)
            parameters["limit"] = max(limit, _AT_ONCE)
            page = self._select(statement(where, "ORDER BY e.id DESC LIMIT :limit"), parameters)
            found += [item for item in page if item.document.get("user") == user]
            if len(page) < parameters["limit"]:
                break
            before = page[-1].id
        return found[:limit]

    def _select(self, tail: str, parameters: Mapping[str, Any]) -> list[ExecutionRecord]:
        return self._read(lambda transaction: EXECUTIONS.select(transaction, tail, parameters))

    def commits(self) -> set[str]:
        """Those that executions ran with."""
        sql = 'SELECT DISTINCT "commit" FROM executions WHERE "commit" IS NOT NULL'
        return {str(row["commit"]) for row in self._read(lambda transaction: transaction.rows(sql))}

    def ended_before(self, moment: str, project_id: str | None = None) -> list[tuple[str, str | None]]:
        """Ids and folders of those that had ended at that time (ISO-8601 UTC with microseconds), oldest first."""
        listed, parameters = placeholders(sorted(FINAL))
        own = "" if project_id is None else "AND project_id = :project_id"
        parameters |= {"moment": moment} | ({} if project_id is None else {"project_id": project_id})
        sql = statement(
            "SELECT id, folder FROM executions WHERE COALESCE(finished, created) <= :moment",
            own,
            "AND status IN",
            listed,
        )
        found = self._read(lambda transaction: transaction.rows(f"{sql} ORDER BY id", parameters))
        return [(row["id"], row["folder"]) for row in found]

    def count(
        self,
        project_id: str | None = None,
        *,
        status: Status | str | None = None,
        step: str | None = None,
        tag: str | None = None,
    ) -> int:
        """How many `executions` would list without a limit."""
        where, parameters = conditions(project_id, status, step, tag)
        sql = statement("SELECT count(*) AS number FROM executions e", where)
        return int(self._read(lambda transaction: transaction.rows(sql, parameters))[0]["number"])

    def page(
        self,
        project_ids: Sequence[str],
        *,
        statuses: Sequence[str] = (),
        counters: Sequence[int] = (),
        step: str | None = None,
        task_id: str | None = None,
        newest_first: bool = True,
        limit: int,
        offset: int = 0,
    ) -> tuple[list[ExecutionRecord], int]:
        """A page of executions, without their outputs, and how many there are on all pages. No project, no rows."""
        if not project_ids:
            return [], 0
        clauses: list[str] = []
        parameters: dict[str, Any] = {}
        for name, values in (("project_id", project_ids), ("status", statuses), ("counter", counters)):
            if values:
                listed, named = placeholders(values, f"{name}_")
                clauses.append(f"e.{name} IN {listed}")
                parameters |= named
        if step is not None:
            clauses.append("e.step = :step")
            parameters["step"] = step
        if task_id is not None:
            clauses.append("e.id IN (SELECT execution_id FROM task_children WHERE task_id = :task_id)")
            parameters["task_id"] = task_id
        where = statement("WHERE", " AND ".join(clauses))
        order = "ORDER BY e.id DESC" if newest_first else "ORDER BY e.id"
        tail = statement(where, order, "LIMIT :limit OFFSET :offset")
        shown = {**parameters, "limit": limit, "offset": offset}
        total = statement("SELECT count(*) AS number FROM executions e", where)

        def work(transaction: Transaction) -> tuple[list[ExecutionRecord], int]:
            found = EXECUTIONS.select(transaction, tail, shown, whole=False)
            if not any((statuses, counters, step is not None, task_id)):
                return found, _number(transaction, project_ids)
            return found, int(transaction.rows(total, parameters)[0]["number"])

        return self._read(work)

    def counters_of(self, execution_ids: Collection[str]) -> dict[str, int]:
        """The counters of executions by id; those that are gone are not among them."""

        def work(transaction: Transaction) -> dict[str, int]:
            found: dict[str, int] = {}
            for part in parts(sorted(execution_ids)):
                listed, parameters = placeholders(part)
                sql = statement("SELECT id, counter FROM executions WHERE id IN", listed)
                found |= {row["id"]: row["counter"] for row in transaction.rows(sql, parameters)}
            return found

        return self._read(work)

    def by_id(self, execution_ids: Sequence[str]) -> dict[str, ExecutionRecord]:
        """Those of these executions that there are, by id, without their outputs."""

        def work(transaction: Transaction) -> dict[str, ExecutionRecord]:
            return {item.id: item for item in EXECUTIONS.among(transaction, "id", execution_ids, whole=False)}

        return self._read(work)

    def list(
        self,
        project_id: str | None = None,
        *,
        status: Status | str | None = None,
        step: str | None = None,
        tag: str | None = None,
        commit: str | None = None,
        counters: range | None = None,
        limit: int | None = 100,
        offset: int = 0,
        outputs: bool = True,
    ) -> list[ExecutionRecord]:
        """Newest first. `outputs=False` leaves the outputs out where nobody shows them."""
        where, parameters = conditions(project_id, status, step, tag, commit=commit, counters=counters)
        tail = statement(where, "ORDER BY e.id DESC")
        if limit is not None:
            tail = statement(tail, "LIMIT :limit OFFSET :offset")
            parameters |= {"limit": limit, "offset": offset}
        return self._read(lambda transaction: EXECUTIONS.select(transaction, tail, parameters, whole=outputs))


def _number(transaction: Transaction, project_ids: Sequence[str]) -> int:
    """How many executions these projects have, all statuses together."""
    total = 0
    for part in parts(project_ids):
        listed, named = placeholders(part)
        sql = statement(
            "SELECT noun, sum(value) AS number FROM counters WHERE project_id IN",
            listed,
            "AND noun IN ('execution', :deleted) GROUP BY noun",
        )
        for row in transaction.rows(sql, {**named, "deleted": DELETED}):
            total += int(row["number"]) * (-1 if row["noun"] == DELETED else 1)
    return total


_CLAUSES = {
    "project_id": "e.project_id = :project_id",
    "status": "e.status = :status",
    "step": "e.step = :step",
    "tag": "e.id IN (SELECT execution_id FROM execution_tags WHERE tag = :tag)",
    "commit": 'e."commit" = :commit',
    "first": "e.counter >= :first",
    "last": "e.counter <= :last",
    "user": "e.document LIKE :user ESCAPE '!'",
    "before": "e.id < :before",
}


def conditions(
    project_id: str | None,
    status: Status | str | None,
    step: str | None,
    tag: str | None,
    *,
    commit: str | None = None,
    counters: range | None = None,
    user: str | None = None,
    before: str | None = None,
) -> tuple[str, dict[str, Any]]:
    """The WHERE of a list and its parameters."""
    given = {
        "project_id": project_id,
        "status": status and str(status),
        "step": step,
        "tag": tag,
        "commit": commit,
        "first": counters and counters.start,
        "last": counters and counters.stop - 1,
        "user": user and _document_has("user", user),
        "before": before,
    }
    parameters: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    where = " AND ".join(_CLAUSES[name] for name in parameters)
    return statement("WHERE" if where else "", where), parameters


def _document_has(key: str, value: str) -> str:
    """For LIKE: documents in which this pair stands somewhere."""
    pair = f"{strict_json.dumps(key)}: {strict_json.dumps(value)}"
    return "%" + _wild_re.sub(r"!\g<0>", pair) + "%"
