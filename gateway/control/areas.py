"""What this door reaches into: one object of each area, handed in once by app.py."""

from dataclasses import dataclass

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from gateway.access.admissions import Admissions
from gateway.access.affected import Affecting
from gateway.access.census import Counting
from gateway.access.changing import Changing
from gateway.access.concurrences.recording import Concurrences
from gateway.access.current import Current
from gateway.access.entrance import Entrance
from gateway.access.explaining import Explaining
from gateway.access.foresight import Foresight
from gateway.access.places.asking import Places
from gateway.access.reach import Reach
from gateway.access.refusals import Refusals
from gateway.access.requests.requesting import Requests
from gateway.access.reviewing import Reviewing
from gateway.access.usable import Usable
from gateway.clock import Moment
from gateway.control.searching import Searching
from gateway.database.engine import Readable
from gateway.identity.callers import Caller
from gateway.identity.directory import Directory
from gateway.identity.people.cookies import Cookies
from gateway.identity.people.registry import Registry
from gateway.identity.people.signing_in import SigningIn
from gateway.identity.people.turned_away import TurningAway
from gateway.identity.tokens.authority import Authority
from gateway.identity.tokens.rates import SignInRates
from gateway.ledger.checkpoints.publishing import Checkpoints
from gateway.ledger.search import Search
from gateway.ledger.store import Actor
from gateway.releases.catalogue import Catalogue
from gateway.releases.evidence.incidents import Incidents
from gateway.releases.evidence.vouching import Vouching
from gateway.releases.openings import Openings
from gateway.releases.restraint import Restraint


@dataclass(frozen=True, slots=True)
class Areas:
    """One object of each area."""

    entrance: Entrance
    directory: Directory
    authority: Authority
    people: Registry
    signing_in: SigningIn
    turning_away: TurningAway
    sign_in_rates: SignInRates
    cookies: Cookies
    catalogue: Catalogue
    openings: Openings
    vouching: Vouching
    incidents: Incidents
    restraint: Restraint
    reach: Reach
    affecting: Affecting
    explaining: Explaining
    counting: Counting
    changing: Changing
    reviewing: Reviewing
    foresight: Foresight
    admissions: Admissions
    requests: Requests
    places: Places
    concurrences: Concurrences
    current: Current
    usable: Usable
    refusals: Refusals
    search: Search
    searching: Searching
    checkpoints: Checkpoints
    database: Readable
    """The database at leisure: nothing that a call waits for is behind what is read here."""


IN_OPT = "areas"
"""Where routes find them outside of a handler's arguments, in what the router hands down: by a call, since the
framework copies what it hands down."""

InAreas = NamedDependency[SkipValidation[Areas]]
Asking = NamedDependency[SkipValidation[Caller]]
"""Who asks, as the doorkeeper found out."""
By = NamedDependency[SkipValidation[Actor]]
"""The same, as the ledger names who administers."""
Now = NamedDependency[SkipValidation[Moment]]
