"""Rows of organisations, assertions and keys, and the queries over them."""

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, LargeBinary, String, Table, Text

from gateway.database.naming import metadata

organisation_table = Table(
    "organisation",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", String(64), nullable=False),
    Column("disabled_at", BigInteger),
    Column("disabled_cause", Text),
)

assertion_table = Table(
    "assertion",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("organisation", String(64), ForeignKey("organisation.id"), nullable=False, index=True),
    Column("name", String(64), nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("assurance", Integer, nullable=False),
    Column("asserted_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("asserted_by", String(64), nullable=False),
    Column("withdrawn_at", BigInteger),
    Column("withdrawn_cause", Text),
)

key_table = Table(
    "api_key",
    metadata,
    Column("id", String(12), primary_key=True),
    Column("kind", String(8), nullable=False),
    Column("organisation", String(64), ForeignKey("organisation.id"), nullable=False, index=True),
    Column("label", Text, nullable=False),
    Column("roles", LargeBinary, nullable=False),
    Column("scopes", LargeBinary),
    Column("networks", LargeBinary),
    Column("issued_at", BigInteger, nullable=False),
    Column("issued_by", String(64), nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("rotated_from", String(12)),
    Column("revoked_at", BigInteger),
    Column("revoked_cause", Text),
    Column("last_used_at", BigInteger),
    Column("digest", LargeBinary, nullable=False),
    Column("pepper", String(16), nullable=False),
)
