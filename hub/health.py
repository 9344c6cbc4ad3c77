"""Whether the hub can work: whether what it would log now would be kept.

Asked without a signature and every few seconds, so nothing is left behind, and nobody else is held up.
"""

from __future__ import annotations

import os
import tempfile
from datetime import datetime
from pathlib import Path
from secrets import token_hex

from sqlalchemy import insert
from sqlalchemy.exc import SQLAlchemyError

from hub.database import Database
from hub.errors import UnavailableError
from hub.models import Nonce

# A probe asks every few seconds, and gives up sooner than a call does.
WAIT_SECONDS = 1.0
# More than the entries of the largest look-ups written together.
ROOM_BYTES = 1 << 20


def require_writable(database: Database, *, at: datetime) -> None:
    """Write a row nobody else writes, and take it back; on SQLite write a file beside the database too.

    The row waits for no look-up: PostgreSQL locks that row alone. SQLite has one writer at a time; one that
    stays for longer than a moment is one that a call would have to wait for too. What is taken back never
    reaches SQLite's disk, so that a full one shows in the file alone; the disk of a PostgreSQL server is that
    server's to watch.

    Raises:
        UnavailableError: The database cannot be reached or written, or its disk is full.
    """
    try:
        with database.trying(wait_seconds=WAIT_SECONDS) as session:
            row = {"fingerprint": "", "nonce": token_hex(16), "expires": at}
            session.execute(insert(Nonce).values(row))
        if database.folder is not None:
            _require_room(database.folder)
    except (SQLAlchemyError, OSError) as error:
        raise UnavailableError("the database cannot be reached or written") from error


def _require_room(folder: Path) -> None:
    content = os.urandom(ROOM_BYTES)  # Zeros take no room where the file system compresses.
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        # A disk that is nearly full takes a part, and says so at the next byte.
        file.write(content[file.write(content) :])
