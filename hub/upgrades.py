"""The database's layout: migrations shipped inside the package, run by Alembic without any ini file."""

from __future__ import annotations

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

import hub.account_models
import hub.approval_models
import hub.count_models
import hub.emergency_models
import hub.linking_models
import hub.log_bound_models
import hub.log_models
import hub.month_models
import hub.override_models
import hub.pair_models
import hub.review_models  # noqa: F401 (Base.metadata is whole only with every module of tables)
from hub.database import Database
from hub.errors import DatabaseOutdatedError
from hub.models import Base


def upgrade(database: Database) -> None:
    """Bring the database to the newest layout; doing it again changes nothing."""
    with database.connect_writing() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def layout_of(database: Database) -> str | None:
    """The revision the database has; None for an empty one."""
    with database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest_layout() -> str:
    """The revision this program needs."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head


def require_current_layout(database: Database) -> None:
    """Refuse to work on a database of another layout.

    Raises:
        DatabaseOutdatedError: It is not the one this program needs.
    """
    if layout_of(database) != newest_layout():
        raise DatabaseOutdatedError(
            "the database has another layout; `knownto hub upgrade` brings it up to date"
        )


def differences(database: Database) -> list[object]:
    """Where the database's tables differ from the models; empty when the migrations are complete."""
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, Base.metadata))


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "hub:migrations")
    config.set_main_option("path_separator", "os")
    return config
