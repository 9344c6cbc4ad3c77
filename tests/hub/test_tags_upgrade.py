"""Tags are made otherwise since layout 0011: an index of before is emptied, and nobody is told a wrong no."""

from __future__ import annotations

from alembic import command
from sqlalchemy import func, select

from hub.database import Database
from hub.models import Consent, Record, SharedArea, Tag, Token
from hub.upgrades import _config, upgrade
from tests.hub.client import codes
from tests.hub.conftest import EPOCH, Network
from tests.hub.known_person import KNOWN, share


def to_layout_before(database: Database) -> None:
    with database.connect_writing() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.downgrade(config, "0010")


def test_after_the_upgrade_there_is_no_reply_until_the_holder_has_pushed(partnership: Network) -> None:
    asker, holder = partnership.nodes["asker"], partnership.nodes["holder-1"]
    share(partnership, "holder-1")

    def answer() -> str:
        question = asker.question([KNOWN], partnership.schema, epoch=EPOCH)
        return codes(asker.look_up(question))["holder-1"]

    assert answer() == "K"
    to_layout_before(partnership.database)
    upgrade(partnership.database)
    with partnership.database.reading() as session:
        held = [session.scalar(select(func.count()).select_from(t)) for t in (Tag, Token, Record, SharedArea)]
        assert held == [0, 0, 0, 0]
        assert session.scalar(select(func.count()).select_from(Consent)) == 1
    assert answer() == "R"
    record = holder.record([KNOWN], partnership.schema)
    assert holder.push([record], partnership.schema, epoch=EPOCH).status == 200
    assert holder.consent(record["handle"]).status == 200
    assert answer() == "K"
