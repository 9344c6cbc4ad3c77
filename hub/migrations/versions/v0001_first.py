"""The first layout: agencies, documents, caseload index, consents, access log, budgets.

Revision: 0001.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make all tables, and the one row that counts the log."""
    op.create_table(
        "agencies",
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("area", sa.Text(), nullable=True),
        sa.Column("custodian", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=True),
        sa.Column("exchange_key", sa.Text(), nullable=True),
        sa.Column("fingerprint", sa.Text(), nullable=True),
        sa.Column("invitation_sha256", sa.Text(), nullable=True),
        sa.Column("invitation_expires", TIME, nullable=True),
        sa.Column("invitation_used", sa.Boolean(), nullable=False),
        sa.Column("as_of", TIME, nullable=True),
        sa.Column("shared_records", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("agency", name="pk_agencies"),
        sa.UniqueConstraint("fingerprint", name="uq_agencies_fingerprint"),
    )
    op.create_table(
        "agreements",
        sa.Column("agreement", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("not_before", TIME, nullable=False),
        sa.Column("expires", TIME, nullable=False),
        sa.PrimaryKeyConstraint("agreement", name="pk_agreements"),
    )
    op.create_table(
        "log_entries",
        sa.Column("index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("agency", sa.Text(), nullable=True),
        sa.Column("entry", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("index", name="pk_log_entries"),
    )
    op.create_index("ix_log_entries_agency", "log_entries", ["agency", "index"], unique=False)
    op.create_table(
        "log_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_log_head"),
    )
    op.create_table(
        "nonces",
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("expires", TIME, nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", "nonce", name="pk_nonces"),
    )
    op.create_index("ix_nonces_expires", "nonces", ["expires"], unique=False)
    op.create_table(
        "agreement_parties",
        sa.Column("agreement", sa.Text(), nullable=False),
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=True),
        sa.Column("signed_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(["agency"], ["agencies.agency"], name="fk_agreement_parties_agency"),
        sa.ForeignKeyConstraint(
            ["agreement"], ["agreements.agreement"], name="fk_agreement_parties_agreement"
        ),
        sa.PrimaryKeyConstraint("agreement", "agency", name="pk_agreement_parties"),
    )
    op.create_index("ix_agreement_parties_agency", "agreement_parties", ["agency"], unique=False)
    op.create_table(
        "budget_use",
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("staff", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("cases", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["agency"], ["agencies.agency"], name="fk_budget_use_agency"),
        sa.PrimaryKeyConstraint("agency", "staff", "day", name="pk_budget_use"),
    )
    op.create_table(
        "consents",
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("handle", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["agency"], ["agencies.agency"], name="fk_consents_agency"),
        sa.PrimaryKeyConstraint("agency", "handle", "version", name="pk_consents"),
    )
    op.create_table(
        "epochs",
        sa.Column("number", ROW_ID, nullable=False),
        sa.Column("epoch", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("schema_digest", sa.Text(), nullable=False),
        sa.Column("custodian", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["custodian"], ["agencies.agency"], name="fk_epochs_custodian"),
        sa.PrimaryKeyConstraint("number", name="pk_epochs"),
        sa.UniqueConstraint("epoch", name="uq_epochs_epoch"),
    )
    op.create_table(
        "log_subjects",
        sa.Column("index", sa.BigInteger(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("case", sa.Integer(), nullable=True),
        sa.Column("handle", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["holder"], ["agencies.agency"], name="fk_log_subjects_holder"),
        sa.ForeignKeyConstraint(["index"], ["log_entries.index"], name="fk_log_subjects_index"),
        sa.PrimaryKeyConstraint("index", "holder", "number", name="pk_log_subjects"),
    )
    op.create_index("ix_log_subjects_holder", "log_subjects", ["holder", "index"], unique=False)
    op.create_table(
        "lookup_requests",
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("body_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("log_index", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["agency"], ["agencies.agency"], name="fk_lookup_requests_agency"),
        sa.ForeignKeyConstraint(["log_index"], ["log_entries.index"], name="fk_lookup_requests_log_index"),
        sa.PrimaryKeyConstraint("agency", "request", name="pk_lookup_requests"),
    )
    op.create_table(
        "records",
        sa.Column("record", ROW_ID, nullable=False),
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("handle", sa.Text(), nullable=False),
        sa.Column("area", sa.Text(), nullable=True),
        sa.Column("card", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["agency"], ["agencies.agency"], name="fk_records_agency"),
        sa.PrimaryKeyConstraint("record", name="pk_records"),
    )
    op.create_index("uq_records_agency_handle", "records", ["agency", "handle"], unique=True)
    op.create_table(
        "envelopes",
        sa.Column("epoch", sa.Text(), nullable=False),
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["agency"], ["agencies.agency"], name="fk_envelopes_agency"),
        sa.ForeignKeyConstraint(["epoch"], ["epochs.epoch"], name="fk_envelopes_epoch"),
        sa.PrimaryKeyConstraint("epoch", "agency", name="pk_envelopes"),
    )
    op.create_table(
        "pushes",
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("push", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Text(), nullable=False),
        sa.Column("began", TIME, nullable=False),
        sa.Column("completed", TIME, nullable=True),
        sa.ForeignKeyConstraint(["agency"], ["agencies.agency"], name="fk_pushes_agency"),
        sa.ForeignKeyConstraint(["epoch"], ["epochs.epoch"], name="fk_pushes_epoch"),
        sa.PrimaryKeyConstraint("agency", "push", name="pk_pushes"),
    )
    op.create_table(
        "shared_areas",
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["agency"], ["agencies.agency"], name="fk_shared_areas_agency"),
        sa.PrimaryKeyConstraint("agency", "area", name="pk_shared_areas"),
    )
    op.create_table(
        "tokens",
        sa.Column("token", ROW_ID, nullable=False),
        sa.Column("record", ROW_ID, nullable=False),
        sa.Column("tags", sa.LargeBinary(), nullable=False),
        sa.Column("names", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["record"], ["records.record"], name="fk_tokens_record", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token", name="pk_tokens"),
    )
    op.create_index("ix_tokens_record", "tokens", ["record"], unique=False)
    op.create_table(
        "tags",
        sa.Column("tag", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("token", ROW_ID, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["token"], ["tokens.token"], name="fk_tags_token", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tag", "token", name="pk_tags"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_tags_token", "tags", ["token"], unique=False)
    op.execute("INSERT INTO log_head (id, size) VALUES (1, 0)")


def downgrade() -> None:
    """Remove all tables."""
    op.drop_index("ix_tags_token", table_name="tags")
    op.drop_table("tags")
    op.drop_index("ix_tokens_record", table_name="tokens")
    op.drop_table("tokens")
    op.drop_table("shared_areas")
    op.drop_table("pushes")
    op.drop_table("envelopes")
    op.drop_index("uq_records_agency_handle", table_name="records")
    op.drop_table("records")
    op.drop_table("lookup_requests")
    op.drop_index("ix_log_subjects_holder", table_name="log_subjects")
    op.drop_table("log_subjects")
    op.drop_table("epochs")
    op.drop_table("consents")
    op.drop_table("budget_use")
    op.drop_index("ix_agreement_parties_agency", table_name="agreement_parties")
    op.drop_table("agreement_parties")
    op.drop_index("ix_nonces_expires", table_name="nonces")
    op.drop_table("nonces")
    op.drop_table("log_head")
    op.drop_index("ix_log_entries_agency", table_name="log_entries")
    op.drop_table("log_entries")
    op.drop_table("agreements")
    op.drop_table("agencies")
