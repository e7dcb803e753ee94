"""Whether what was observed of a model in use lies within a requirement: its capacity, and a misuse budget. Pure."""

from collections.abc import Sequence
from decimal import Decimal

from gateway import spelling
from gateway.clock import DAY, Moment, text_from
from gateway.releases.bounds import lies_within, upper_bound
from gateway.releases.evidence.records import Capacity, Evidence, MisuseCount
from gateway.releases.requirements import Headroom, MisuseBudget

Said = tuple[bool, str]
"""Whether it holds, and why."""


def stated(wanted: Headroom, evidence: Evidence) -> Capacity | None:
    """What a piece of evidence states of the capacity that is asked for."""
    return next((each for each in evidence.findings.capacities if each.of == wanted.of), None)


def counted(wanted: MisuseBudget, evidence: Evidence) -> MisuseCount | None:
    """What a piece of evidence counts in the domain that is asked for."""
    return next((each for each in evidence.findings.misuse if each.domain == wanted.domain), None)


def has_headroom(wanted: Headroom, held: Sequence[Evidence], moment: Moment) -> Said:
    """Whether the newest statement of a capacity is enough, and not too old."""
    newest = max(held, key=lambda each: each.rank)
    capacity = stated(wanted, newest)
    assert capacity is not None
    if newest.findings.run_at is None:
        return False, f"{newest.id} does not say when that was so"
    if moment.maybe_reached(newest.dated + wanted.max_age_days * DAY):
        age = spelling.counted(wanted.max_age_days, "day")
        return False, f"{newest.id} is of {text_from(newest.dated)}, more than {age} ago"
    if Decimal(capacity.value) < Decimal(wanted.at_least):
        return False, f"{capacity.value} is below {wanted.at_least} ({newest.id})"
    return True, f"{capacity.value} ({newest.id})"


def is_within_budget(wanted: MisuseBudget, held: Sequence[Evidence], moment: Moment) -> Said:
    """Whether what the newest count may mean, at the worst, lies within the budget. What it does not say is not met."""
    found = [(count, each) for each in held if (count := counted(wanted, each)) is not None]
    count, newest = max(found, key=lambda each: (each[0].until, each[1].added_at, each[1].id))
    if fault := _unusable(wanted, count, moment):
        return False, f"{fault} ({newest.id})"
    for kind in wanted.zero_tolerance:
        seen = count.events.get(kind)
        if seen is None:
            return False, f"it is not said how often {kind} was seen ({newest.id})"
        if seen:
            return False, f"{kind} was seen {spelling.counted(seen, 'time')}, and is not tolerated once ({newest.id})"
    rate, confidence = Decimal(wanted.at_most), Decimal(wanted.confidence)
    bound = upper_bound(count.requests, count.confirmed, confidence)
    told = (
        f"{count.confirmed} confirmed in {spelling.counted(count.requests, 'request')}:"
        f" up to {bound:f} at {wanted.confidence} confidence"
    )
    if lies_within(count.requests, count.confirmed, rate, confidence):
        return True, f"{told} ({newest.id})"
    return False, f"{told}, and {wanted.at_most} is tolerated ({newest.id})"


def _unusable(wanted: MisuseBudget, count: MisuseCount, moment: Moment) -> str:
    """Why a count says too little; empty where it does not."""
    if not moment.surely_reached(count.until):
        return f"it counts until {text_from(count.until)}, which has not come"
    if moment.maybe_reached(count.until + wanted.max_age_days * DAY):
        return f"it counts until {text_from(count.until)}, more than {spelling.counted(wanted.max_age_days, 'day')} ago"
    if count.until - count.since < wanted.window_days * DAY:
        return f"it counts {(count.until - count.since) // DAY} of {spelling.counted(wanted.window_days, 'day')}"
    if count.requests < wanted.requests:
        return f"{count.requests} of {wanted.requests} requests were observed"
    return ""
