"""Who stands behind a key, as the judge is told of them (docs/decisions/0010, 0030)."""

from gateway.access.change_questions import Consent, Party
from gateway.identity.lineages import Lineage


def party_of(lineage: Lineage) -> Party:
    """Somebody."""
    return Party(person=lineage.person, issuers=lineage.issuers, is_machine=lineage.is_machine)


def consent_of(lineage: Lineage, role: str, acknowledged: bool = False) -> Consent:
    """Somebody's agreement in a role, or their wish to act in it."""
    return Consent(
        person=lineage.person,
        issuers=lineage.issuers,
        is_machine=lineage.is_machine,
        role=role,
        acknowledged=acknowledged,
    )
