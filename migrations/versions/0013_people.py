"""What is kept of people: who they are, their sessions, keys of their own, approvals that went with them.

And which keys nobody issued.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013_people"
down_revision = "0012_machines"
compatible_from = "0013_people"


def upgrade() -> None:
    op.create_table(
        "person",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("organisation", sa.String(length=64), nullable=False),
        sa.Column("issuer", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=255)),
        sa.Column("user_name", sa.String(length=255), nullable=False),
        sa.Column("user_name_folded", sa.String(length=255), nullable=False),
        sa.Column("external_id", sa.String(length=255)),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("disabled_at", sa.BigInteger()),
        sa.Column("disabled_cause", sa.Text()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.ForeignKeyConstraint(
            ["organisation"], ["organisation.id"], name=op.f("fk_person_organisation_organisation")
        ),
        sa.UniqueConstraint("issuer", "subject", name="uq_person_subject"),
        sa.UniqueConstraint("issuer", "user_name_folded", name="uq_person_user_name"),
        sa.UniqueConstraint("issuer", "external_id", name="uq_person_external_id"),
    )
    op.create_index(op.f("ix_person_organisation"), "person", ["organisation"])
    op.create_table(
        "session",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("person", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("roles", sa.LargeBinary(), nullable=False),
        sa.Column("assertions", sa.LargeBinary(), nullable=False),
        sa.Column("signed_in_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("idle", sa.BigInteger(), nullable=False),
        sa.Column("idle_ends_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger()),
        sa.Column("ended_cause", sa.Text()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_session")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_session_person_person")),
    )
    op.create_index("ix_session_person", "session", ["person", "ended_at"])
    op.add_column("api_key", sa.Column("person", sa.String(length=40)))
    op.create_index(op.f("ix_api_key_person"), "api_key", ["person"])
    op.add_column("api_key", sa.Column("is_break_glass", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("stage_approval", sa.Column("withdrawn_at", sa.BigInteger()))
    # Nobody issued those: they are the way in of whoever runs the installation. So are those they were rotated to.
    op.execute(
        "WITH RECURSIVE heirs (id) AS (SELECT id FROM api_key WHERE issued_by = '' UNION "
        "SELECT api_key.id FROM api_key JOIN heirs ON api_key.rotated_from = heirs.id) "
        "UPDATE api_key SET is_break_glass = TRUE WHERE id IN (SELECT id FROM heirs)"
    )


def downgrade() -> None:
    op.drop_column("stage_approval", "withdrawn_at")
    op.drop_column("api_key", "is_break_glass")
    op.drop_index(op.f("ix_api_key_person"), "api_key")
    op.drop_column("api_key", "person")
    op.drop_table("session")
    op.drop_table("person")
