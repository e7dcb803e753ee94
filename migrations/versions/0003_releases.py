"""What releases keep: their strategies, version by version, and the documents they pin."""

import sqlalchemy as sa
from alembic import op

revision = "0003_releases"
down_revision = "0002_identity"


def upgrade() -> None:
    op.create_table(
        "document",
        sa.Column("digest", sa.String(length=80), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("stored_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_document")),
    )
    op.create_table(
        "release",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=80), nullable=False),
        sa.Column("first_applied_at", sa.BigInteger(), nullable=False),
        sa.Column("applied_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_release")),
    )
    op.create_table(
        "strategy_version",
        sa.Column("release", sa.String(length=200), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=80), nullable=False),
        sa.Column("previous", sa.String(length=80), nullable=False),
        sa.Column("strategy", sa.LargeBinary(), nullable=False),
        sa.Column("applied_at", sa.BigInteger(), nullable=False),
        sa.Column("applied_by", sa.String(length=64), nullable=False),
        sa.Column("organisation", sa.String(length=64), nullable=False),
        sa.Column("adopted", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["release"], ["release.name"], name=op.f("fk_strategy_version_release_release")),
        sa.PrimaryKeyConstraint("release", "number", name=op.f("pk_strategy_version")),
    )


def downgrade() -> None:
    op.drop_table("strategy_version")
    op.drop_table("release")
    op.drop_table("document")
