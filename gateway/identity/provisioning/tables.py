"""Rows of groups and of who is in them."""

from sqlalchemy import BigInteger, Column, ForeignKey, String, Table, Text, UniqueConstraint

from gateway.database.naming import metadata

group_table = Table(
    "scim_group",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("issuer", String(64), nullable=False),
    Column("display_name", Text, nullable=False),
    Column("external_id", String(255)),
    Column("created_at", BigInteger, nullable=False),
    Column("created_by", String(64), nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    UniqueConstraint("issuer", "external_id", name="uq_scim_group_external_id"),
)

member_table = Table(
    "scim_member",
    metadata,
    Column("group", String(40), ForeignKey("scim_group.id"), primary_key=True),
    Column("person", String(40), ForeignKey("person.id"), primary_key=True, index=True),
)
