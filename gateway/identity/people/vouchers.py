"""What a provider vouches for of somebody who presents no session but a key of their own: as of their latest sign-in.

It counts for as long as they are signed in anywhere, and no longer than that sign-in may last; that a session was not
used lately takes nothing from a key. Of several sign-ins the latest counts alone: what a provider says no more is not
believed because it said so before.
"""

import msgspec
from sqlalchemy import Connection

from gateway.clock import Instant
from gateway.identity.callers import Assertion
from gateway.identity.people import store


class Vouchers(msgspec.Struct, frozen=True):
    """What counts of one person, beside what is asserted of their organisation."""

    assertions: tuple[Assertion, ...]
    """Each until they are signed in nowhere any more, if nothing ends it before."""


def vouchers_of(connection: Connection, person: str, by: Instant | None = None) -> Vouchers:
    """What stands of them, and until when; nothing of whom nobody has vouched for, or who has signed out.

    As of now, or as it was recorded by an instant.
    """
    until = store.signed_in_until(connection, person, by)
    if until is None:
        return Vouchers(())
    return Vouchers(tuple(_ending(each, until) for each in store.latest_assertions(connection, person, by)))


def _ending(assertion: Assertion, until: Instant) -> Assertion:
    if assertion.expires_at <= until:
        return assertion
    return msgspec.structs.replace(assertion, expires_at=until)
