"""Since when an organisation is admitted by grants that follow one another: a hold leaves a stage to those alone."""

import sqlalchemy as sa
from alembic import op

revision = "0017_admitted_since"
down_revision = "0016_openings"
compatible_from = "0017_admitted_since"


def upgrade() -> None:
    op.add_column("access_grant", sa.Column("admitted_at", sa.BigInteger()))


def downgrade() -> None:
    with op.batch_alter_table("access_grant") as table:
        table.drop_column("admitted_at")
