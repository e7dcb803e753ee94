"""What identity keeps: organisations, what is asserted of them, and their keys."""

import sqlalchemy as sa
from alembic import op

revision = "0002_identity"
down_revision = "0001_ledger"


def upgrade() -> None:
    op.create_table(
        "organisation",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("disabled_at", sa.BigInteger()),
        sa.Column("disabled_cause", sa.Text()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation")),
    )
    op.create_table(
        "api_key",
        sa.Column("id", sa.String(length=12), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("organisation", sa.String(length=64), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("roles", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", sa.LargeBinary()),
        sa.Column("networks", sa.LargeBinary()),
        sa.Column("issued_at", sa.BigInteger(), nullable=False),
        sa.Column("issued_by", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("rotated_from", sa.String(length=12)),
        sa.Column("revoked_at", sa.BigInteger()),
        sa.Column("revoked_cause", sa.Text()),
        sa.Column("last_used_at", sa.BigInteger()),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("pepper", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation"], ["organisation.id"], name=op.f("fk_api_key_organisation_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
    )
    op.create_index(op.f("ix_api_key_organisation"), "api_key", ["organisation"])
    op.create_table(
        "assertion",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("organisation", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("assurance", sa.Integer(), nullable=False),
        sa.Column("asserted_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("asserted_by", sa.String(length=64), nullable=False),
        sa.Column("withdrawn_at", sa.BigInteger()),
        sa.Column("withdrawn_cause", sa.Text()),
        sa.ForeignKeyConstraint(
            ["organisation"], ["organisation.id"], name=op.f("fk_assertion_organisation_organisation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assertion")),
    )
    op.create_index(op.f("ix_assertion_organisation"), "assertion", ["organisation"])


def downgrade() -> None:
    op.drop_table("assertion")
    op.drop_table("api_key")
    op.drop_table("organisation")
