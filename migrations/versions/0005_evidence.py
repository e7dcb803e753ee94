"""What requirements read: evidence, approvals of stages, concurrences and incidents; and when stages were opened."""

import sqlalchemy as sa
from alembic import op

revision = "0005_evidence"
down_revision = "0004_access"


def upgrade() -> None:
    op.create_table(
        "concurrence",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("release", sa.String(length=200), nullable=False),
        sa.Column("stage", sa.String(length=80), nullable=False),
        sa.Column("authority", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("given_at", sa.BigInteger(), nullable=False),
        sa.Column("given_by", sa.String(length=64), nullable=False),
        sa.Column("organisation", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_concurrence")),
    )
    op.create_index(op.f("ix_concurrence_release"), "concurrence", ["release"])
    op.create_table(
        "evidence",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("release", sa.String(length=200), nullable=False),
        sa.Column("snapshot", sa.String(length=80), nullable=False),
        sa.Column("files", sa.LargeBinary(), nullable=False),
        sa.Column("findings", sa.LargeBinary(), nullable=False),
        sa.Column("added_at", sa.BigInteger(), nullable=False),
        sa.Column("vouched_by", sa.String(length=64), nullable=False),
        sa.Column("organisation", sa.String(length=64), nullable=False),
        sa.Column("withdrawn_at", sa.BigInteger()),
        sa.Column("withdrawn_cause", sa.Text()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence")),
    )
    op.create_index(op.f("ix_evidence_release"), "evidence", ["release"])
    op.create_table(
        "incident",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("release", sa.String(length=200), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("opened_by", sa.String(length=64), nullable=False),
        sa.Column("closed_at", sa.BigInteger()),
        sa.Column("closed_cause", sa.Text()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
    )
    op.create_index(op.f("ix_incident_release"), "incident", ["release"])
    op.create_table(
        "stage_approval",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("release", sa.String(length=200), nullable=False),
        sa.Column("stage", sa.String(length=80), nullable=False),
        sa.Column("basis", sa.String(length=80), nullable=False),
        sa.Column("persons", sa.LargeBinary(), nullable=False),
        sa.Column("given_at", sa.BigInteger(), nullable=False),
        sa.Column("given_by", sa.String(length=64), nullable=False),
        sa.Column("organisation", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stage_approval")),
    )
    op.create_index(op.f("ix_stage_approval_release"), "stage_approval", ["release"])
    op.create_table(
        "stage_opening",
        sa.Column("release", sa.String(length=200), nullable=False),
        sa.Column("stage", sa.String(length=80), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("release", "stage", name=op.f("pk_stage_opening")),
    )


def downgrade() -> None:
    for table in ("stage_opening", "stage_approval", "incident", "evidence", "concurrence"):
        op.drop_table(table)
