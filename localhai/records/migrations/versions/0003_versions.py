"""Dataset versions, model versions, which execution used which datum, and where an alias pointed before.

Revision ID: 0003
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import sqlalchemy as sa
from alembic import op

if TYPE_CHECKING:
    from collections.abc import Iterator

revision = "0003"
down_revision = "0002"

ID = sa.String(36).with_variant(sa.String(36, collation="C"), "postgresql")
TIME = sa.String(27)
BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DATUM = "datum://"


def upgrade() -> None:
    _named_versions("dataset")
    _named_versions("model")
    op.create_table(
        "input_data",
        # No foreign keys: what a deleted execution used stays known, as do its data.
        sa.Column("execution_id", ID, primary_key=True),
        sa.Column("datum_id", ID, primary_key=True),
        sa.Column("input", sa.Text, primary_key=True),
    )
    op.create_index("input_data_datum", "input_data", ["datum_id"])
    op.create_table(
        "datum_alias_changes",
        sa.Column("id", BIG, primary_key=True, autoincrement=True),
        sa.Column("project_id", ID, sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("datum_id", ID),  # NULL: the alias was deleted
        sa.Column("time", TIME, nullable=False),
    )
    op.create_index("datum_alias_changes_name", "datum_alias_changes", ["project_id", "name"])
    _remember_what_is_known()


def _named_versions(noun: str) -> None:
    op.create_table(
        f"{noun}s",
        sa.Column("id", ID, primary_key=True),
        sa.Column("project_id", ID, sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created", TIME, nullable=False),
        sa.UniqueConstraint("project_id", "name"),
    )
    op.create_table(
        f"{noun}_versions",
        sa.Column("id", ID, primary_key=True),
        sa.Column("parent_id", ID, sa.ForeignKey(f"{noun}s.id"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("counter", sa.Integer, nullable=False),
        sa.Column("created", TIME, nullable=False),
        # No foreign key: a version stays when the execution that made it is deleted.
        sa.Column("execution_id", ID),
        sa.Column("document", sa.Text, nullable=False),
        sa.UniqueConstraint("parent_id", "name"),
        sa.UniqueConstraint("parent_id", "counter"),
    )
    op.create_index(f"{noun}_versions_execution", f"{noun}_versions", ["execution_id"])
    op.create_table(
        f"{noun}_version_files",
        sa.Column("version_id", ID, sa.ForeignKey(f"{noun}_versions.id"), primary_key=True),
        sa.Column("datum_id", ID, sa.ForeignKey("data.id"), primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
    )
    op.create_index(f"{noun}_version_files_datum", f"{noun}_version_files", ["datum_id"])
    op.create_table(
        f"{noun}_version_aliases",
        sa.Column("parent_id", ID, sa.ForeignKey(f"{noun}s.id"), primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("version_id", ID, sa.ForeignKey(f"{noun}_versions.id"), nullable=False),
        sa.Column("updated", TIME, nullable=False),
    )


def _remember_what_is_known() -> None:
    """Executions and aliases of before: their inputs are in their documents, of an alias its last target is known."""
    connection = op.get_bind()
    found = connection.execute(sa.text("SELECT id, document FROM executions")).fetchall()
    used = {(row[0], *use) for row in found for use in _uses(json.loads(row[1]))}
    if used:
        connection.execute(
            sa.text("INSERT INTO input_data (execution_id, input, datum_id) VALUES (:execution, :input, :datum)"),
            [{"execution": execution, "input": name, "datum": datum} for execution, name, datum in sorted(used)],
        )
    connection.execute(
        sa.text(
            "INSERT INTO datum_alias_changes (project_id, name, datum_id, time)"
            " SELECT project_id, name, datum_id, updated FROM datum_aliases ORDER BY updated"
        )
    )


def _uses(document: dict[str, list[dict[str, list[dict[str, str]]]]]) -> Iterator[tuple[str, str]]:
    for item in document.get("inputs", ()):
        for file in item["files"]:
            if file["uri"].startswith(DATUM):
                yield str(item["name"]), file["uri"].removeprefix(DATUM)
