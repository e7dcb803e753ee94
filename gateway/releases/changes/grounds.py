"""What an approval of a change was given on beside the change itself: the evidence that its gated stages read."""

import msgspec
from sqlalchemy import Connection

from gateway.releases.evidence.records import Evidence
from gateway.releases.evidence.store import evidence_of
from gateway.releases.fulfilment import seen
from gateway.releases.past import incident_states_by
from gateway.releases.strategies import Strategy, digest_of


class Grounds(msgspec.Struct, frozen=True):
    """What is known of a release."""

    evidence: tuple[Evidence, ...]
    """All that was added, withdrawn or not."""
    incidents: list[tuple[str, bool]]
    """Ids, and whether each is open."""

    def digest_for(self, strategy: Strategy) -> str:
        """Digest of the evidence that stages with requirements read, and of incidents; empty where none has any.

        What is added, withdrawn, opened or closed makes another one, and none that there was before: whoever approved
        has not seen it, also once an incident is over.
        """
        wanted = [requirement for stage in strategy.stages for requirement in stage.opens_when]
        if not wanted:
            return ""
        return digest_of(msgspec.json.encode([seen(wanted, self.evidence, strategy.snapshot), self.incidents]))


def known_of(connection: Connection, release: str) -> Grounds:
    """What is known of a release now."""
    return Grounds(evidence_of(connection, release), incident_states_by(connection, release, None))


def grounds_of(connection: Connection, strategy: Strategy) -> str:
    """What an approval of this strategy is given on now."""
    return known_of(connection, strategy.release).digest_for(strategy)
