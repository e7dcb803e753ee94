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
    """Whether what the newest count may mean, at the worst, lies within the budget. What it does not say is not met.

    It takes back nothing that another count saw within the window, and makes no less of a shorter one that it holds.
    """
    found = [(count, each) for each in held if (count := counted(wanted, each)) is not None]
    newest_first = sorted(found, key=lambda each: (each[0].until, each[1].added_at, each[1].id), reverse=True)
    count, newest = newest_first[0]
    if fault := _unusable(wanted, count, moment):
        return False, f"{fault} ({newest.id})"
    recent = [each for each in newest_first if each[0].until > count.until - wanted.window_days * DAY]
    if fault := _untolerated(wanted, recent):
        return False, fault
    unsaid = next((kind for kind in wanted.zero_tolerance if kind not in count.events), None)
    if unsaid is not None:
        return False, f"it is not said how often {unsaid} was seen ({newest.id})"
    within = [each for each in recent[1:] if each[0].since >= count.since and not _too_small(wanted, each[0])]
    for each, evidence in ((count, newest), *within):
        if not _is_tolerated(wanted, each):
            return False, f"{_told(wanted, each)}, and {wanted.at_most} is tolerated ({evidence.id})"
    return True, f"{_told(wanted, count)} ({newest.id})"


def _untolerated(wanted: MisuseBudget, recent: Sequence[tuple[MisuseCount, Evidence]]) -> str:
    """What any of these counts saw that is not tolerated once, however little else it says; empty where none did."""
    for kind in wanted.zero_tolerance:
        for count, evidence in recent:
            if seen := count.events.get(kind):
                return f"{kind} was seen {spelling.counted(seen, 'time')}, and is not tolerated once ({evidence.id})"
    return ""


def _is_tolerated(wanted: MisuseBudget, count: MisuseCount) -> bool:
    return lies_within(count.requests, count.confirmed, Decimal(wanted.at_most), Decimal(wanted.confidence))


def _told(wanted: MisuseBudget, count: MisuseCount) -> str:
    bound = upper_bound(count.requests, count.confirmed, Decimal(wanted.confidence))
    seen = f"{count.confirmed} confirmed in {spelling.counted(count.requests, 'request')}"
    return f"{seen}: up to {bound:f} at {wanted.confidence} confidence"


def _unusable(wanted: MisuseBudget, count: MisuseCount, moment: Moment) -> str:
    """Why a count says too little; empty where it does not."""
    if not moment.surely_reached(count.until):
        return f"it counts until {text_from(count.until)}, which has not come"
    if moment.maybe_reached(count.until + wanted.max_age_days * DAY):
        return f"it counts until {text_from(count.until)}, more than {spelling.counted(wanted.max_age_days, 'day')} ago"
    return _too_small(wanted, count)


def _too_small(wanted: MisuseBudget, count: MisuseCount) -> str:
    """Why a count is of too short a time, or of too few requests; empty where it is of enough."""
    if count.until - count.since < wanted.window_days * DAY:
        return f"it counts {(count.until - count.since) // DAY} of {spelling.counted(wanted.window_days, 'day')}"
    if count.requests < wanted.requests:
        return f"{count.requests} of {wanted.requests} requests were observed"
    return ""
