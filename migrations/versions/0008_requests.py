"""Requests for access with their approvals, and what grants are beside given and revoked."""

import sqlalchemy as sa
from alembic import op

revision = "0008_requests"
down_revision = "0007_changes"

OF_GRANTS = ("request", "paused_cause", "superseded_by")


def upgrade() -> None:
    op.create_table(
        "access_request",
        sa.Column("id", sa.String(length=48), nullable=False),
        sa.Column("organisation", sa.String(length=64), nullable=False),
        sa.Column("release", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("form", sa.LargeBinary(), nullable=False),
        sa.Column("answers", sa.LargeBinary()),
        sa.Column("commitment", sa.String(length=80), nullable=False),
        sa.Column("salt", sa.LargeBinary()),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("asked_by", sa.String(length=64), nullable=False),
        sa.Column("acts", sa.Integer(), nullable=False),
        sa.Column("touched_at", sa.BigInteger(), nullable=False),
        sa.Column("review_by", sa.BigInteger()),
        sa.Column("expires_at", sa.BigInteger()),
        sa.Column("late_since", sa.BigInteger()),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("reply", sa.Text(), nullable=False),
        sa.Column("authority", sa.Text(), nullable=False),
        sa.Column("concurrence", sa.Text(), nullable=False),
        sa.Column("concurs_until", sa.BigInteger()),
        sa.Column("closed_at", sa.BigInteger()),
        sa.Column("closed_by", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("is_final", sa.Boolean(), nullable=False),
        sa.Column("grant", sa.String(length=40), nullable=False),
        sa.Column("drop_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_request")),
    )
    for column in ("organisation", "release", "expires_at", "drop_at"):
        op.create_index(op.f(f"ix_access_request_{column}"), "access_request", [column])
    op.create_table(
        "request_approval",
        sa.Column("request", sa.String(length=48), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("commitment", sa.String(length=80), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("given_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["request"], ["access_request.id"], name=op.f("fk_request_approval_request_access_request")
        ),
        sa.PrimaryKeyConstraint("request", "key", "commitment", name=op.f("pk_request_approval")),
    )
    for name in OF_GRANTS:
        op.add_column("access_grant", sa.Column(name, sa.Text(), server_default="", nullable=False))
    op.add_column("access_grant", sa.Column("terms", sa.Text(), server_default="{}", nullable=False))
    op.add_column("access_grant", sa.Column("paused_at", sa.BigInteger()))
    op.add_column("access_grant", sa.Column("superseded_at", sa.BigInteger()))
    op.add_column("access_grant", sa.Column("recertify_by", sa.BigInteger()))
    op.add_column("access_grant", sa.Column("recertify_every", sa.BigInteger()))
    op.add_column("access_grant", sa.Column("recertification_noted", sa.BigInteger()))
    op.create_index(op.f("ix_access_grant_recertify_by"), "access_grant", ["recertify_by"])


def downgrade() -> None:
    op.drop_index(op.f("ix_access_grant_recertify_by"), "access_grant")
    columns = ("recertification_noted", "recertify_every", "recertify_by", "superseded_at", "paused_at", "terms")
    for name in (*columns, *OF_GRANTS):
        op.drop_column("access_grant", name)
    op.drop_table("request_approval")
    op.drop_table("access_request")
