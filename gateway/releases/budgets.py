"""Requirements about a model in use, as a release file writes them: `capacity` and `misuse_budget`."""

from decimal import Decimal

from gateway.releases import values
from gateway.releases.bounds import TRIALS_MAX
from gateway.releases.nodes import Faults, Node, shown
from gateway.releases.requirements import Headroom, MisuseBudget

DAYS_MAX = 3_650
CONFIDENCE = Decimal("0.95")
CONFIDENCE_MIN, CONFIDENCE_MAX = Decimal("0.5"), Decimal("0.999999")


def read_capacity(node: Node, faults: Faults) -> Headroom | None:
    """What must be left to serve callers with."""
    fields = values.mapping(node, faults, ("of", "at_least", "max_age_days"), ("of", "at_least", "max_age_days"))
    of, at_least = values.text(fields.get("of"), faults), values.decimal(fields.get("at_least"), faults)
    age = values.whole(fields.get("max_age_days"), faults, 1, DAYS_MAX)
    if at_least == 0:
        faults.add(fields["at_least"], "there is always at least nothing: write what is needed, or take it out")
    if of is None or at_least is None or age is None:
        return None
    return Headroom(of=of, at_least=_plain(at_least), max_age_days=age)


def read_misuse_budget(node: Node, faults: Faults) -> MisuseBudget | None:
    """How much confirmed misuse is tolerated, at the worst that what was seen may mean."""
    keys = ("domain", "at_most", "window_days", "requests", "confidence", "max_age_days", "zero_tolerance")
    fields = values.mapping(node, faults, keys, keys[:3])
    domain, at_most = values.text(fields.get("domain"), faults), values.decimal(fields.get("at_most"), faults)
    window = values.whole(fields.get("window_days"), faults, 1, DAYS_MAX)
    requests = values.whole(fields.get("requests"), faults, 1, TRIALS_MAX) or 1
    confidence = values.decimal(fields.get("confidence"), faults) or CONFIDENCE
    age = values.whole(fields.get("max_age_days"), faults, 1, DAYS_MAX)
    kinds = values.texts(fields.get("zero_tolerance"), faults)
    for item, kind in kinds:
        if not values.is_word(kind):
            faults.add(item, f"{shown(kind)} cannot be a name: write lower-case words joined by `-`")
    if at_most is not None and not 0 < at_most < 1:
        faults.add(fields["at_most"], "this is a share of requests: write a number above 0 and below 1, such as 0.001")
    if not CONFIDENCE_MIN <= confidence <= CONFIDENCE_MAX:
        faults.add(fields["confidence"], f"write a confidence from {CONFIDENCE_MIN} to {CONFIDENCE_MAX}")
    if domain is None or at_most is None or window is None:
        return None
    return MisuseBudget(
        domain=domain,
        at_most=_plain(at_most),
        window_days=window,
        requests=requests,
        confidence=_plain(confidence),
        max_age_days=age or window,
        zero_tolerance=tuple(sorted(kind for _, kind in kinds)),
    )


def _plain(number: Decimal) -> str:
    """Equal text for equal numbers, without an exponent."""
    return f"{number.normalize():f}"
