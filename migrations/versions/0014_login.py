"""What identity keeps of the command line's sign-ins: codes brought by browsers, codes typed, tokens that renew."""

import sqlalchemy as sa
from alembic import op

revision = "0014_login"
down_revision = "0013_people"


def upgrade() -> None:
    op.create_table(
        "authorization_code",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("allowed_in", sa.String(length=40), nullable=False),
        sa.Column("redirect_uri", sa.Text(), nullable=False),
        sa.Column("challenge", sa.String(length=64), nullable=False),
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger()),
        sa.Column("session", sa.String(length=40)),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_authorization_code")),
    )
    op.create_index(op.f("ix_authorization_code_expires_at"), "authorization_code", ["expires_at"])
    op.create_table(
        "device_authorization",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("user_code", sa.String(length=8)),
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("peer", sa.String(length=64), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("denied_at", sa.BigInteger()),
        sa.Column("allowed_in", sa.String(length=40)),
        sa.Column("used_at", sa.BigInteger()),
        sa.Column("session", sa.String(length=40)),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_device_authorization")),
        sa.UniqueConstraint("user_code", name=op.f("uq_device_authorization_user_code")),
    )
    op.create_index(op.f("ix_device_authorization_expires_at"), "device_authorization", ["expires_at"])
    op.create_index(op.f("ix_device_authorization_peer"), "device_authorization", ["peer"])
    op.create_table(
        "refresh_token",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("session", sa.String(length=40), nullable=False),
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_refresh_token")),
    )
    op.create_index(op.f("ix_refresh_token_expires_at"), "refresh_token", ["expires_at"])
    op.create_index(op.f("ix_refresh_token_session"), "refresh_token", ["session"])


def downgrade() -> None:
    op.drop_table("refresh_token")
    op.drop_table("device_authorization")
    op.drop_table("authorization_code")
