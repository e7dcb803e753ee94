"""Who stands behind a key, as the judge is told of them (docs/decisions/0010, 0030)."""

from gateway.access.change_questions import Consent, Party
from gateway.clock import NEVER, Instant
from gateway.identity.lineages import Lineage


def party_of(lineage: Lineage) -> Party:
    """Somebody."""
    return Party(
        person=lineage.person, issuers=lineage.issuers, founders=lineage.founders, is_machine=lineage.is_machine
    )


def consent_of(lineage: Lineage, role: str, acknowledged: bool = False, planned_at: Instant = NEVER) -> Consent:
    """Somebody's agreement in a role, or their wish to act in it; `planned_at`: when surely that was, of a change."""
    return Consent(
        person=lineage.person,
        issuers=lineage.issuers,
        founders=lineage.founders,
        is_machine=lineage.is_machine,
        role=role,
        acknowledged=acknowledged,
        is_late=lineage.since > planned_at,
    )
