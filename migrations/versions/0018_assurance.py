"""Audiences and scopes may ask for an assurance: nothing is stored otherwise, but older code would not ask for it.

It reads past the `assurance` of a test, and would admit whom only a weaker assertion speaks for.
"""

revision = "0018_assurance"
down_revision = "0017_admitted_since"
compatible_from = "0018_assurance"


def upgrade() -> None:
    """Nothing: the strategies and scopes that are stored keep their form."""


def downgrade() -> None:
    """Nothing."""
