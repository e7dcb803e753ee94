"""So many synthetic organisations, each with what its number says of it: written by the database itself and known here.

The numbers go round in classes of which the same is so, so that what is true of a million is counted in a moment.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec

from gateway.clock import NEVER, Instant
from gateway.identity.predicates import Fact, Facts, Predicate, Truth, truth_of
from gateway.ledger.events import Event
from tests.fakes.postgresql import PostgreSQLServer

ASSERTED: dict[str, tuple[Fact | None, ...]] = {
    "us_person": (True, True, False, False, None),
    "residence_country": ("US", "DE", "CN", "IN", None),
    "citizenships": ((), ("US",), ("CN", "RU"), ("DE", "US"), None),
    "kyc": ("K0", "K1", "K2", "K3", "K4", "K5", None),
    "zero_retention": (True, None, None, None),
}
"""What is asserted under each name, in turn; None is nothing. Each name turns once as the one before has gone round."""
CLASSES = 2 * 5 * 5 * 5 * 7 * 4
"""After so many numbers all of it comes again, and whether a number is even."""
BATCH = 50_000
ACTS_PLACED = 10**12
"""Where the acts of these stand in the list: behind all that gateways write themselves."""


def organisation(number: int) -> str:
    """Its id."""
    return f"org-{number:07}"


def facts_of(number: int) -> dict[str, Fact]:
    """What is asserted of it."""
    held: dict[str, Fact] = {}
    for name, values in ASSERTED.items():
        value = values[number % len(values)]
        number //= len(values)
        if value is not None:
            held[name] = value
    return held


@dataclass(frozen=True)
class Population:
    """Organisations from number 0 up to a count; what is asserted of the odd ones was recorded late."""

    count: int
    known_at: Instant
    """A moment before what is asserted of the odd ones was recorded, and a moment after all else."""

    def tally(self, predicate: Predicate, *, then: bool = False) -> dict[Truth, int]:
        """How many answer how, as developers without a grant; `then`: by what was recorded at that moment."""
        found = dict.fromkeys(Truth, 0)
        for member, truth in self._classes(predicate, then):
            found[truth] += len(range(member, self.count, CLASSES))
        return found

    def names(self, predicate: Predicate, limit: int, *, then: bool = False) -> list[str]:
        """The first that answer yes, in order of id."""
        yes = {member for member, truth in self._classes(predicate, then) if truth is Truth.YES}
        found = (organisation(number) for number in range(self.count) if number % CLASSES in yes)
        return [name for name, _ in zip(found, range(limit), strict=False)]

    def fill(self, server: PostgreSQLServer, database: str) -> None:
        """Write all of them, with the acts that would have been recorded."""
        for first in range(0, self.count, BATCH):
            last = min(first + BATCH, self.count) - 1
            server.execute(*self._statements(first, last), database=database)
        server.execute("ANALYZE", database=database)

    def _classes(self, predicate: Predicate, then: bool) -> Iterator[tuple[int, Truth]]:
        for member in range(CLASSES):
            held = {} if then and member % 2 else facts_of(member)
            yield member, truth_of(predicate, Facts(("developer",), False, held, organisation(member)))

    def _statements(self, first: int, last: int) -> Iterator[str]:
        series = f"generate_series({first}, {last}) n"
        named = "'org-' || lpad(n::text, 7, '0')"
        late = f"{self.known_at} + CASE WHEN n % 2 = 1 THEN 1 ELSE -1 END"
        yield (
            "INSERT INTO organisation (id, name, created_at, created_by)"
            f" SELECT {named}, {named}, {self.known_at} - 1, '' FROM {series}"
        )
        yield self._acts(Event.ORGANISATION_CREATED, named, f"{ACTS_PLACED} + n", f"{self.known_at} - 1", series)
        period = 1
        for place, (name, values) in enumerate(ASSERTED.items(), 1):
            listed = ", ".join("NULL" if each is None else f"'{msgspec.json.encode(each).decode()}'" for each in values)
            value = f"(ARRAY[{listed}])[1 + n / {period} % {len(values)}]"
            subject = f"'attr_{place}_' || n"
            yield (
                "INSERT INTO assertion"
                " (id, organisation, name, value, issuer, assurance, asserted_at, expires_at, asserted_by)"
                f" SELECT {subject}, {named}, '{name}', convert_to({value}, 'UTF8'), 'registry', 3,"
                f" {self.known_at} - 1, {NEVER}, '' FROM {series} WHERE {value} IS NOT NULL"
            )
            placed = f"{ACTS_PLACED * (place + 1)} + n"
            yield self._acts(
                Event.ATTRIBUTE_ASSERTED, named, placed, late, f"{series} WHERE {value} IS NOT NULL", subject
            )
            period *= len(values)

    def _acts(self, event: Event, named: str, index: str, at: str, source: str, subject: str = "") -> str:
        return (
            'INSERT INTO ledger_act ("index", at, event, subject, organisation, release)'
            f" SELECT {index}, {at}, '{event.value}', {subject or named}, {named}, '' FROM {source}"
        )


def chosen(count: int, *wanted: Callable[[int], bool]) -> list[int]:
    """For each wish the first number that meets it and was not chosen before."""
    found: list[int] = []
    for wish in wanted:
        found.append(next(number for number in range(count) if number not in found and wish(number)))
    return found
