"""The hub's settings: `hub.toml` in its home, overridden by the environment (`KNOWNTO_HUB_...`).

Built once by the command line or by `create_app`; nothing is read at import. Secrets are no settings:
the hub's identity and its pepper are files (`hub/secrets.py`).
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from hub.errors import NotInitialisedError, SettingsError
from hub.review_settings import ReviewSettings

SETTINGS_FILE = "hub.toml"
LEAST_RETENTION_DAYS = 90  # As far back as an alarm can be set to look (`hub.review_settings`).
ID_PATTERN = r"^[a-z0-9][a-z0-9-]{0,63}$"


class HubSettings(BaseSettings):
    """All settings of a hub, with safe defaults."""

    model_config = SettingsConfigDict(env_prefix="KNOWNTO_HUB_", frozen=True, extra="forbid")

    home: Path = Field(description="Folder of this hub: settings, secrets, SQLite database.")
    network: str = Field(pattern=ID_PATTERN, description="Id of the partnership's network.")
    database_url: str = Field(
        default="",
        repr=False,
        description="SQLAlchemy URL; empty = hub.sqlite3 in the home. PostgreSQL: postgresql+psycopg://...",
    )
    origins: tuple[str, ...] = Field(
        default=("http://127.0.0.1:8400", "http://localhost:8400", "http://[::1]:8400"),
        min_length=1,
        description="Origins under which nodes call this hub; a request signed for any other is refused.",
    )
    body_limit_bytes: int = Field(
        default=16 * 1024 * 1024,
        ge=1024,
        description="Longest request body; a full batch of 500 records stays below 2 MiB.",
    )
    lock_timeout_seconds: float = Field(
        default=10.0, gt=0, description="How long a writer waits for another before it gives up."
    )
    answer_quantum_seconds: float = Field(
        default=0.095,
        ge=0,
        le=5,
        description="Answers to look-ups leave at whole multiples of this, the more is asked of the more of "
        "them, so that timing tells nothing.",
    )
    invitation_hours: int = Field(default=24, ge=1, le=24, description="Life of an enrolment token.")
    staff_cases_per_day: int = Field(
        default=200, ge=1, description="Cases one staff id may ask about in a UTC day."
    )
    node_cases_per_day: int = Field(
        default=5_000, ge=1, description="Cases one agency's node may ask about in a UTC day."
    )
    refusals_logged_per_day: int = Field(
        default=1_000, ge=1, description="Refused look-ups of one node logged in a UTC day."
    )
    events_logged_per_day: int = Field(
        default=1_000, ge=1, description="Events one node may report in a UTC day, emergencies aside."
    )
    lists_read_per_day: int = Field(
        default=500, ge=1, description="Pages of cohorts' lists one agency may read in a UTC day."
    )
    known_posterior: float = Field(
        default=0.95, gt=0, lt=1, description="From this posterior on the answer is Known."
    )
    possibly_posterior: float = Field(
        default=0.50, gt=0, lt=1, description="From this posterior on the answer is Possibly known."
    )
    review: ReviewSettings = Field(
        default_factory=ReviewSettings, description="Where alarms begin, and by when items are reviewed."
    )

    retention_days: int = Field(
        default=2190,
        ge=LEAST_RETENTION_DAYS,
        description="Days for which the log's texts and decided reviews are kept; 2190 are six years.",
    )
    link_seconds: float = Field(
        default=30.0, gt=0, description="How often a served hub looks for pushes whose changes it links."
    )
    witness_quorum: int = Field(
        default=0,
        ge=0,
        description="Cosignatures that make a checkpoint a witnessed one; 0 = more than half of the nodes.",
    )

    @model_validator(mode="after")
    def _require_ordered_thresholds(self) -> HubSettings:
        if self.possibly_posterior > self.known_posterior:
            raise ValueError("possibly_posterior: above known_posterior")
        return self

    @property
    def url(self) -> str:
        """The database URL, with the default filled in."""
        return self.database_url or f"sqlite:///{self.sqlite_path}"

    @property
    def sqlite_path(self) -> Path:
        """Where the database is unless a URL says otherwise."""
        return self.home / "hub.sqlite3"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only arguments and the environment; `load_settings` adds the file below both."""
        return (init_settings, env_settings)


def load_settings(home: Path) -> HubSettings:
    """Read the settings of the hub in a home.

    Raises:
        NotInitialisedError: The home holds no hub.toml.
        SettingsError: A setting breaks a rule; the message names it, never its value.
    """
    path = home / SETTINGS_FILE
    if not path.is_file():
        raise NotInitialisedError("there is no hub in this home; `knownto hub init` makes one")

    class FromFile(HubSettings):
        """The same settings with the file as the lowest source."""

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=path))

    try:
        return FromFile(home=home)  # type: ignore[call-arg]
    except ValidationError as error:
        fields = ", ".join(sorted({".".join(map(str, e["loc"])) or "thresholds" for e in error.errors()}))
        raise SettingsError(f"{SETTINGS_FILE} or KNOWNTO_HUB_*: {fields}: not a permitted value") from None
    except ValueError:
        raise SettingsError(f"{SETTINGS_FILE}: not TOML") from None


def format_settings(*, network: str, database_url: str) -> str:
    """The first hub.toml: what was chosen at `hub init`, everything else by default."""
    lines = ["# Settings of this hub. What is not named here has its default.", f'network = "{network}"']
    if database_url:
        quoted = database_url.replace("\\", "\\\\").replace('"', '\\"')
        lines.append(f'database_url = "{quoted}"')
    return "\n".join(lines) + "\n"
