"""What is narrowed: each verb as taken, with its scope, authority and cause."""

import sqlalchemy as sa
from alembic import op

revision = "0006_narrowings"
down_revision = "0005_evidence"


def upgrade() -> None:
    op.create_table(
        "narrowing",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("release", sa.String(length=200), nullable=False),
        sa.Column("verb", sa.String(length=16), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("on_unknown", sa.String(length=8), nullable=False),
        sa.Column("strategy", sa.String(length=80), nullable=False),
        sa.Column("stage", sa.String(length=64), nullable=False),
        sa.Column("inverse_of", sa.String(length=40), nullable=False),
        sa.Column("authority", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("taken_at", sa.BigInteger(), nullable=False),
        sa.Column("taken_by", sa.String(length=64), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["release"], ["release.name"], name=op.f("fk_narrowing_release_release")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_narrowing")),
        sa.UniqueConstraint("release", "number", name=op.f("uq_narrowing_release_number")),
    )
    op.create_index(op.f("ix_narrowing_inverse_of"), "narrowing", ["inverse_of"])


def downgrade() -> None:
    op.drop_table("narrowing")
