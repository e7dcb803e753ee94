"""What identity keeps of lists of people: who was taken off one, groups, and who is in them."""

import sqlalchemy as sa
from alembic import op

revision = "0015_scim"
down_revision = "0014_login"
compatible_from = "0015_scim"


def upgrade() -> None:
    op.add_column("person", sa.Column("removed_at", sa.BigInteger()))
    op.create_table(
        "scim_group",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("issuer", sa.String(length=64), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("external_id", sa.String(length=255)),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scim_group")),
        sa.UniqueConstraint("issuer", "external_id", name="uq_scim_group_external_id"),
    )
    op.create_table(
        "scim_member",
        sa.Column("group", sa.String(length=40), nullable=False),
        sa.Column("person", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("group", "person", name=op.f("pk_scim_member")),
        sa.ForeignKeyConstraint(["group"], ["scim_group.id"], name=op.f("fk_scim_member_group_scim_group")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_scim_member_person_person")),
    )
    op.create_index(op.f("ix_scim_member_person"), "scim_member", ["person"])


def downgrade() -> None:
    op.drop_table("scim_member")
    op.drop_table("scim_group")
    op.drop_column("person", "removed_at")
