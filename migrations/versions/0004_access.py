"""What access keeps: grants, accepted terms and limits in use."""

import sqlalchemy as sa
from alembic import op

revision = "0004_access"
down_revision = "0003_releases"


def upgrade() -> None:
    op.create_table(
        "access_grant",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("organisation", sa.String(length=64), nullable=False),
        sa.Column("release", sa.String(length=200), nullable=False),
        sa.Column("given_at", sa.BigInteger(), nullable=False),
        sa.Column("given_by", sa.String(length=64), nullable=False),
        sa.Column("authority", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger()),
        sa.Column("revoked_cause", sa.Text()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_grant")),
    )
    op.create_index(op.f("ix_access_grant_organisation"), "access_grant", ["organisation"])
    op.create_index(op.f("ix_access_grant_release"), "access_grant", ["release"])
    op.create_table(
        "limit_use",
        sa.Column("scope", sa.String(length=300), nullable=False),
        sa.Column("seconds", sa.LargeBinary(), nullable=False),
        sa.Column("day", sa.BigInteger(), nullable=False),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column("tokens_used", sa.BigInteger(), nullable=False),
        sa.Column("tokens_reserved", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_limit_use")),
    )
    op.create_table(
        "terms_acceptance",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("organisation", sa.String(length=64), nullable=False),
        sa.Column("release", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=80), nullable=False),
        sa.Column("accepted_at", sa.BigInteger(), nullable=False),
        sa.Column("accepted_by", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_terms_acceptance")),
        sa.UniqueConstraint(
            "organisation", "release", "digest", name=op.f("uq_terms_acceptance_organisation_release_digest")
        ),
    )


def downgrade() -> None:
    op.drop_table("terms_acceptance")
    op.drop_table("limit_use")
    op.drop_table("access_grant")
