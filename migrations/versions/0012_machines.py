"""What identity keeps of machines: keys that are clients, tokens revoked before their end, assertions used once."""

import sqlalchemy as sa
from alembic import op

revision = "0012_machines"
down_revision = "0011_reviews"


def upgrade() -> None:
    op.add_column("api_key", sa.Column("is_client", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("api_key", sa.Column("public_keys", sa.LargeBinary()))
    op.create_table(
        "revoked_token",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_by", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revoked_token")),
    )
    op.create_index(op.f("ix_revoked_token_expires_at"), "revoked_token", ["expires_at"])
    op.create_table(
        "used_assertion",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_used_assertion")),
    )
    op.create_index(op.f("ix_used_assertion_expires_at"), "used_assertion", ["expires_at"])


def downgrade() -> None:
    op.drop_table("used_assertion")
    op.drop_table("revoked_token")
    op.drop_column("api_key", "public_keys")
    op.drop_column("api_key", "is_client")
