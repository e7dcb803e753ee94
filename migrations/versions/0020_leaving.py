"""Who ended somebody's access, which names a list has dropped, and as whom somebody was known before.

Who was disabled until now was so by the list where the cause is the one that its acts give, and by hand otherwise.
"""

import sqlalchemy as sa
from alembic import op

revision = "0020_leaving"
down_revision = "0019_assertions_by_name"
only_adds = True

_BY_A_LIST = ("deactivated by whoever keeps the list of people", "taken off the list of people")


def upgrade() -> None:
    for name in ("is_disabled_by_hand", "is_deactivated"):
        op.add_column("person", sa.Column(name, sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("person", sa.Column("formerly", sa.String(length=40)))
    op.create_table(
        "former_name",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("person", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_former_name")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_former_name_person_person")),
    )
    person = sa.table(
        "person",
        *(sa.column(name) for name in ("disabled_at", "disabled_cause", "is_disabled_by_hand", "is_deactivated")),
    )
    by_a_list = person.c.disabled_cause.in_(_BY_A_LIST)
    disabled = sa.update(person).where(person.c.disabled_at.is_not(None))
    op.execute(disabled.where(by_a_list).values(is_deactivated=sa.true()))
    op.execute(disabled.where(sa.not_(by_a_list)).values(is_disabled_by_hand=sa.true()))


def downgrade() -> None:
    op.drop_table("former_name")
    for name in ("formerly", "is_deactivated", "is_disabled_by_hand"):
        op.drop_column("person", name)
