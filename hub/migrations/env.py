"""What Alembic runs: the migrations on the connection it is handed, and on nothing else."""

from __future__ import annotations

from alembic import context

from hub.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
