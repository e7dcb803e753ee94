"""Places in line for capped stages, concurrences with single organisations, reviews of stages that were missed."""

import sqlalchemy as sa
from alembic import op

revision = "0010_caps"
down_revision = "0009_as_of"


def upgrade() -> None:
    op.create_table(
        "place",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("release", sa.String(length=200), nullable=False),
        sa.Column("line", sa.String(length=64), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("organisation", sa.String(length=64), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("asked_by", sa.String(length=64), nullable=False),
        sa.Column("freed_at", sa.BigInteger()),
        sa.Column("freed_by", sa.String(length=64)),
        sa.Column("freed_cause", sa.Text()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_place")),
    )
    op.create_index("uq_place_release_line_number", "place", ["release", "line", "number"], unique=True)
    standing = sa.text("freed_at IS NULL")
    op.create_index(
        "uq_place_release_line_organisation",
        "place",
        ["release", "line", "organisation"],
        unique=True,
        sqlite_where=standing,
        postgresql_where=standing,
    )
    op.create_table(
        "own_concurrence",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("organisation", sa.String(length=64), nullable=False),
        sa.Column("release", sa.String(length=200), nullable=False),
        sa.Column("authority", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("given_at", sa.BigInteger(), nullable=False),
        sa.Column("given_by", sa.String(length=64), nullable=False),
        sa.Column("withdrawn_at", sa.BigInteger()),
        sa.Column("withdrawn_cause", sa.Text()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_own_concurrence")),
    )
    op.create_index(op.f("ix_own_concurrence_organisation"), "own_concurrence", ["organisation"])
    op.create_index(op.f("ix_own_concurrence_release"), "own_concurrence", ["release"])
    op.create_table(
        "stage_overdue",
        sa.Column("release", sa.String(length=200), nullable=False),
        sa.Column("stage", sa.String(length=64), nullable=False),
        sa.Column("review_by", sa.BigInteger(), nullable=False),
        sa.Column("noted_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("release", "stage", "review_by", name=op.f("pk_stage_overdue")),
    )


def downgrade() -> None:
    op.drop_table("stage_overdue")
    op.drop_table("own_concurrence")
    op.drop_table("place")
