"""What Alembic runs for every upgrade. The connection and its transaction come from `localhai.records.upgrade`."""

from __future__ import annotations

from alembic import context

from localhai.records.upgrade import VERSION_TABLE

connection = context.config.attributes["connection"]
# One transaction around all, with its lock, is open already: Alembic neither begins nor ends one.
context.configure(connection=connection, version_table=VERSION_TABLE, transactional_ddl=False)
context.run_migrations()
