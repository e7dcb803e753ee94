"""Assertions by organisation and name: a scope over all organisations reads one fact after another.

Older code finds the assertions of an organisation by the new index as it did by the old one.
"""

from alembic import op

revision = "0019_assertions_by_name"
down_revision = "0018_assurance"
compatible_from = "0018_assurance"


def upgrade() -> None:
    op.create_index("ix_assertion_organisation_name", "assertion", ["organisation", "name"])
    op.drop_index("ix_assertion_organisation", "assertion")


def downgrade() -> None:
    op.create_index("ix_assertion_organisation", "assertion", ["organisation"])
    op.drop_index("ix_assertion_organisation_name", "assertion")
