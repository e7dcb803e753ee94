"""Who stands behind a key, as far as keys can tell: the first of those that were rotated into it, and its issuers."""

from sqlalchemy import Connection

from gateway.identity import store

KEYS_MAX = 1_000
"""How far back a line of keys is followed."""


def persons(connection: Connection, key_id: str) -> tuple[str, ...]:
    """The first key that this one goes back to by rotation, then the same of whoever issued that one, and so on.

    Keys of one person share the first id; who could have made the key for themselves stands among the rest.
    """
    found: list[str] = []
    current = key_id
    for _ in range(KEYS_MAX):
        key = store.key_by_id(connection, current)
        if key is not None and key.rotated_from is not None:
            current = key.rotated_from
            continue
        found.append(current)
        if key is None or not key.issued_by:
            break
        current = key.issued_by
    return tuple(found)
