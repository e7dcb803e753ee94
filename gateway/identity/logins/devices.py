"""Command lines that wait for a code to be entered on another device (RFC 8628): each inside one transaction.

Who waits is told by address and time alone: nothing that a stranger wrote is ever shown to whom it asks.
"""

from typing import NamedTuple

from sqlalchemy import Connection

from gateway.clock import MINUTE, Instant, Moment
from gateway.errors import Conflict, Invalid, Unavailable
from gateway.identity.keys import Secret
from gateway.identity.logins import store
from gateway.identity.logins.beginning import Answered, Given, begin
from gateway.identity.logins.refusals import denied, expired, invalid_grant, pending
from gateway.identity.logins.user_codes import new_user_code
from gateway.identity.people.leaving import end_one

LASTS = 10 * MINUTE
INTERVAL_S = 5
PREFIX = "rsgd_"

OF_ONE_ADDRESS = 100
OF_ALL = 1000
"""How many may wait at once: who asks proves nothing, and each is a row. One address may be a balancer's."""


class Started(NamedTuple):
    """What a command line is told that begins to wait."""

    device_code: Secret
    user_code: str


def start(connection: Connection, scope: str, peer: str, moment: Moment) -> Started:
    """Let a command line wait. Raises Invalid, or Unavailable where too many do."""
    if store.devices_waiting(connection, moment.earliest, peer) >= OF_ONE_ADDRESS:
        raise Invalid(
            f"{OF_ONE_ADDRESS} sign-ins from this address wait already.", next_step="Wait until some have ended."
        )
    if store.devices_waiting(connection, moment.earliest) >= OF_ALL:
        raise Unavailable(
            "Too many sign-ins wait for a code to be entered.", code="sign_ins_full", next_step="Try again shortly."
        )
    secret, digest = store.mint(PREFIX)
    user_code = new_user_code()
    while store.is_user_code_taken(connection, user_code):
        user_code = new_user_code()
    device = store.Device(
        digest=digest,
        user_code=user_code,
        scope=scope,
        peer=peer,
        started_at=moment.latest,
        expires_at=moment.earliest + LASTS,
    )
    store.add_device(connection, device, moment.latest)
    return Started(secret, user_code)


def waiting(connection: Connection, user_code: str, moment: Moment) -> store.Device | None:
    """Which command line waits for this code; None where none does, or none any more."""
    return store.device_waiting(connection, user_code, moment.latest)


def decide(connection: Connection, user_code: str, allowed_in: str, moment: Moment, *, allows: bool) -> None:
    """Write what somebody decided in a session of their browser. Raises Conflict where nothing waits any more."""
    device = waiting(connection, user_code, moment)
    decided = device is not None and store.decide_device(
        connection,
        device.digest,
        allowed_in=allowed_in if allows else None,
        denied_at=None if allows else moment.latest,
    )
    if not decided:
        raise Conflict("Nothing waits for this code any more.", next_step="Start again: `gateway login --device`.")


def hindrance(connection: Connection, device_code: str, moment: Moment) -> Invalid | None:
    """Why nothing is to be redeemed, with OAuth's code; None where something is. Reads alone: it is asked often."""
    device = store.device_by_digest(connection, store.digest_of(device_code))
    if device is None:
        return invalid_grant()
    if device.used_at is not None:
        return None  # there is somebody to be ended
    if device.denied_at is not None:
        return denied()
    if moment.maybe_reached(device.expires_at):
        return expired()
    return pending() if device.allowed_in is None else None


def redeem(connection: Connection, device_code: str, number: str, moment: Moment) -> Answered:
    """A session for the command line that waited. A second time it ends what came of the first."""
    device = store.device_by_digest(connection, store.digest_of(device_code))
    if device is None or device.allowed_in is None or moment.maybe_reached(device.expires_at + _grace(device)):
        return invalid_grant(), []
    if device.used_at is not None:
        return invalid_grant(), end_one(connection, device.session or "", "its code was presented twice", moment)
    store.use_device(connection, device.digest, moment.latest)
    given, acts = begin(connection, device.allowed_in, device.scope, number, moment)
    if isinstance(given, Given):
        store.use_device(connection, device.digest, moment.latest, given.session.id)
    return given, acts


def session_behind(connection: Connection, device_code: str) -> str | None:
    """Id of the browser's session in which a device was allowed; None where it was not."""
    found = store.device_by_digest(connection, store.digest_of(device_code))
    return None if found is None else found.allowed_in


def _grace(device: store.Device) -> Instant:
    """A code that was used is known for longer: who presents it again has a copy."""
    return 0 if device.used_at is None else store.KEPT
