"""A hub's home: the folder with its settings, its two secrets and, by default, its database."""

from __future__ import annotations

from pathlib import Path

from hub.database import Database
from hub.errors import AlreadyInitialisedError
from hub.secrets import IDENTITY_FILE, PEPPER_FILE, make_secrets
from hub.settings import SETTINGS_FILE, HubSettings, format_settings, load_settings
from hub.upgrades import upgrade
from keys.identity import PublicIdentity

OWN_FILES = (SETTINGS_FILE, IDENTITY_FILE, PEPPER_FILE)


def require_new(home: Path) -> None:
    """Refuse to make a hub where there is one; secrets are never overwritten.

    Raises:
        AlreadyInitialisedError: The home holds one of a hub's files.
    """
    for name in OWN_FILES:
        if (home / name).exists():
            raise AlreadyInitialisedError(f"{name}: this home holds a hub already")


def initialise(home: Path, *, network: str, database_url: str = "") -> PublicIdentity:
    """Make a hub: settings, identity, pepper and an empty database of the newest layout.

    A try that fails takes back the secrets and settings it made, so that the next is not refused for them.

    Raises:
        AlreadyInitialisedError: There is one already.
        SettingsError: The network's id or the URL is not permitted.
    """
    require_new(home)
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        identity = make_secrets(home)
        path = home / SETTINGS_FILE
        path.touch(mode=0o600)  # A database URL may carry a password.
        path.write_text(format_settings(network=network, database_url=database_url), encoding="utf-8")
        settings = load_settings(home)
        if not settings.database_url:
            # SQLite gives its journals the mode of the database itself.
            settings.sqlite_path.touch(mode=0o600)
        prepare_database(settings)
    except AlreadyInitialisedError:
        raise  # Somebody else's files, made at the same moment.
    except BaseException:
        for name in OWN_FILES:
            (home / name).unlink(missing_ok=True)
        raise
    return identity.public


def prepare_database(settings: HubSettings) -> None:
    """Bring the database to the newest layout."""
    database = Database(settings.url, lock_timeout_seconds=settings.lock_timeout_seconds)
    try:
        upgrade(database)
    finally:
        database.close()
