"""What an approval of a change was given on beside the change itself: the evidence that its gated stages read."""

import msgspec
from sqlalchemy import Connection

from gateway.releases.evidence.store import standing_evidence
from gateway.releases.fulfilment import read_by
from gateway.releases.past import incident_states_by
from gateway.releases.strategies import Strategy, digest_of


def grounds_of(connection: Connection, strategy: Strategy) -> str:
    """Digest of the evidence that stages with requirements read, and of incidents; empty where none has any.

    What is added, withdrawn, opened or closed makes another one, and none that there was before: whoever approved has
    not seen it, also once an incident is over.
    """
    wanted = [requirement for stage in strategy.stages for requirement in stage.opens_when]
    if not wanted:
        return ""
    evidence = standing_evidence(connection, strategy.release)
    read = sorted(each.id for each in read_by(wanted, evidence, strategy.snapshot))
    return digest_of(msgspec.json.encode([read, incident_states_by(connection, strategy.release, None)]))
