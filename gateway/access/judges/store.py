"""Policy sets by digest, kept when they come into force: what judged once can be asked again."""

import hashlib

import msgspec
from sqlalchemy import BigInteger, Column, Connection, LargeBinary, String, Table, insert, select

from gateway.access.judges.policies import Policy, PolicySet, policy_set
from gateway.access.questions import Question
from gateway.clock import Instant
from gateway.database.naming import metadata
from gateway.errors import Unavailable

policy_table = Table(
    "policy_set",
    metadata,
    Column("digest", String(80), primary_key=True),
    Column("policies", LargeBinary, nullable=False),
    Column("question", String(80), nullable=False),
    Column("kept_at", BigInteger, nullable=False),
)
"""`question` is the digest of the form of the questions that it was kept for."""

_encode = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder(list[Policy]).decode


class KeptPolicies(msgspec.Struct, frozen=True):
    """A policy set, and the form of the questions that it was made to judge."""

    policies: PolicySet
    question: str


def keep_policies(connection: Connection, policies: PolicySet, kept_at: Instant) -> None:
    """Write a policy set that is not there yet; of one that is, the form of question it was kept for stays."""
    there = connection.execute(select(policy_table.c.digest).where(policy_table.c.digest == policies.digest))
    if there.first() is None:
        columns = {"policies": _encode(policies.policies), "question": form_of_question(), "kept_at": kept_at}
        connection.execute(insert(policy_table).values(digest=policies.digest, **columns))


def policies_by_digest(connection: Connection, digest: str) -> KeptPolicies | None:
    """The policy set, or None. Raises Unavailable where it is not what its digest says."""
    row = connection.execute(select(policy_table).where(policy_table.c.digest == digest)).one_or_none()
    if row is None:
        return None
    found = policy_set(_decode(row.policies))
    if found.digest != digest:
        raise Unavailable(
            f"The policies {digest} are not stored as they were kept.",
            next_step="Restore the database from a backup.",
        )
    return KeptPolicies(found, row.question)


def form_of_question() -> str:
    """Digest of what may stand in a question: policies of a time when it was another cannot read today's."""
    schema = msgspec.json.schema(Question)
    return f"sha256:{hashlib.sha256(_encode(_undescribed(schema))).hexdigest()}"


def _undescribed(schema: object) -> object:
    """The schema without what people read in it."""
    if isinstance(schema, dict):
        return {name: _undescribed(value) for name, value in schema.items() if name != "description"}
    return [_undescribed(each) for each in schema] if isinstance(schema, list) else schema
