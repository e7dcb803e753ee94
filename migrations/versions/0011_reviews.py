"""What is kept of reviews: until when a narrowing must be looked at, who did, what nobody did in time;
and the evidence that an approval of a change was given on."""

import sqlalchemy as sa
from alembic import op

revision = "0011_reviews"
down_revision = "0010_caps"


def upgrade() -> None:
    op.add_column("narrowing", sa.Column("review_by", sa.BigInteger()))
    op.add_column("change_approval", sa.Column("grounds", sa.String(length=80), server_default="", nullable=False))
    op.create_table(
        "narrowing_review",
        sa.Column("narrowing", sa.String(length=40), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("restoration", sa.String(length=40), nullable=False),
        sa.Column("reviewed_at", sa.BigInteger(), nullable=False),
        sa.Column("reviewed_by", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["narrowing"], ["narrowing.id"], name=op.f("fk_narrowing_review_narrowing_narrowing")),
        sa.PrimaryKeyConstraint("narrowing", name=op.f("pk_narrowing_review")),
    )
    op.create_table(
        "missed_review",
        sa.Column("subject", sa.String(length=40), nullable=False),
        sa.Column("noticed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_missed_review")),
    )


def downgrade() -> None:
    op.drop_table("missed_review")
    op.drop_table("narrowing_review")
    op.drop_column("change_approval", "grounds")
    op.drop_column("narrowing", "review_by")
