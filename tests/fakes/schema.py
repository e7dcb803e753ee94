"""The schema as the stores declare it."""

import importlib

STORES = (
    "gateway.ledger.store",
    "gateway.identity.store",
    "gateway.identity.people.store",
    "gateway.identity.tokens.store",
    "gateway.identity.logins.store",
    "gateway.releases.store",
    "gateway.releases.evidence.store",
    "gateway.releases.changes.store",
    "gateway.releases.reviews.store",
    "gateway.access.store",
    "gateway.access.requests.store",
    "gateway.access.places.store",
    "gateway.access.concurrences.store",
    "gateway.releases.overdue.store",
    "gateway.access.judges.store",
)


def declare_tables() -> None:
    """Import every store, so that its tables stand in the metadata."""
    for store in STORES:
        importlib.import_module(store)
