"""Whether requirements ask no less than others: shown, or not shown. What cannot be shown, is denied."""

from collections.abc import Iterable
from decimal import Context, Decimal

from gateway.releases.requirements import Approvals, Below, Requirement, Soak, Within

_EXACT = Context(prec=200)
"""As fulfilment.py compares: no sum of what may be written is rounded."""


def ask_no_less(inner: Iterable[Requirement], outer: Iterable[Requirement]) -> bool:
    """Whether all of the outer requirements hold wherever all of the inner ones do, at the same instant."""
    own = tuple(inner)
    return all(any(_implies(one, asked) for one in own) for asked in outer)


def _implies(own: Requirement, asked: Requirement) -> bool:
    """Whether the second holds wherever the first does."""
    if own == asked:
        return True
    match own, asked:
        case Within(), Within():
            return own.name == asked.name and _bounds(own, asked) and _age(own.max_age_days, asked.max_age_days)
        case Below(), Below():
            same = (own.framework, own.category) == (asked.framework, asked.category)
            return same and _passing(own) <= _passing(asked)
        case Approvals(), Approvals():
            return own.people >= asked.people
        case Soak(), Soak():
            return own.days >= asked.days and own.calls >= asked.calls
    return False


def _bounds(own: Within, asked: Within) -> bool:
    margins = [Decimal(each.margin) for each in (own, asked)]
    most = [_EXACT.subtract(Decimal(each.at_most), margin) if each.at_most else None
            for each, margin in zip((own, asked), margins, strict=True)]  # fmt: skip
    least = [_EXACT.add(Decimal(each.at_least), margin) if each.at_least else None
             for each, margin in zip((own, asked), margins, strict=True)]  # fmt: skip
    below = most[1] is None or (most[0] is not None and most[0] <= most[1])
    above = least[1] is None or (least[0] is not None and least[0] >= least[1])
    return below and above


def _age(own: int | None, asked: int | None) -> bool:
    return asked is None or (own is not None and own <= asked)


def _passing(below: Below) -> set[str]:
    return set(below.levels[: below.levels.index(below.below)])
