"""Requirements: what must hold before a stage opens, beside its date.

NOTE: requirements are part of a strategy's canonical bytes; the rules of strategies.py hold here too.
"""

import msgspec

from gateway.spelling import counted

LEVELS = ("low", "medium", "high", "critical")
"""Of risk, in order, where a requirement names no others."""


class Within(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="evidence"):
    """A measurement lies within a bound, with a margin."""

    suite: str
    task: str
    metric: str
    at_most: str = ""
    """Decimal text; empty where there is no such bound."""
    at_least: str = ""
    margin: str = "0"
    """How far inside the bound it must lie."""
    max_age_days: int | None = None

    @property
    def name(self) -> str:
        """What is measured."""
        return f"{self.suite} {self.task} {self.metric}"


class Below(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="determination"):
    """The risk was determined to lie below a level."""

    framework: str
    category: str
    below: str
    levels: tuple[str, ...] = LEVELS

    @property
    def name(self) -> str:
        """What is determined."""
        return f"determination of {self.category} under {self.framework}"


class Approvals(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="approvals"):
    """Different people approve the stage."""

    people: int


class Soak(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="soak"):
    """The stage before was open for so long, and so many calls were admitted meanwhile."""

    days: int
    calls: int = 0


class Published(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="document"):
    """A document is kept as evidence."""

    name: str


class Concurs(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="concurrence"):
    """An authority outside concurs with the stage."""

    authority: str


class IncidentFree(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="incident"):
    """No incident is open."""


class Headroom(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="capacity"):
    """So much is stated to be there to serve the model with."""

    of: str
    """Such as `requests_per_minute`."""
    at_least: str
    """Decimal text."""
    max_age_days: int


class MisuseBudget(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="misuse_budget"
):
    """At most such a share of requests is misuse, at the worst that what was confirmed may mean."""

    domain: str
    at_most: str
    """Decimal text: confirmed misuse by requests."""
    window_days: int
    requests: int = 1
    """How many must have been observed."""
    confidence: str = "0.95"
    """Of the upper bound."""
    max_age_days: int
    zero_tolerance: tuple[str, ...] = ()
    """What must not have been seen once."""


Requirement = Within | Below | Approvals | Soak | Published | Concurs | IncidentFree | Headroom | MisuseBudget
ABOUT_THE_MODEL = (Within, Below, Published, Headroom, MisuseBudget)
"""Requirements that evidence answers, and so a snapshot."""


def title(requirement: Requirement) -> str:
    """What is required, in words."""
    match requirement:
        case Within():
            bounds = [f"at most {requirement.at_most}"] if requirement.at_most else []
            bounds += [f"at least {requirement.at_least}"] if requirement.at_least else []
            margin = f", with a margin of {requirement.margin}" if requirement.margin != "0" else ""
            age = f", not older than {counted(requirement.max_age_days, 'day')}" if requirement.max_age_days else ""
            return f"{requirement.name} {' and '.join(bounds)}{margin}{age}"
        case Below():
            return f"{requirement.category} below {requirement.below} under {requirement.framework}"
        case Approvals():
            return f"approval by {requirement.people} people" if requirement.people > 1 else "approval by one person"
        case Soak():
            calls = f" and {counted(requirement.calls, 'call')}" if requirement.calls else ""
            return f"{counted(requirement.days, 'day')}{calls} in the stage before"
        case Published():
            return f"document {requirement.name} published"
        case Concurs():
            return f"concurrence of {requirement.authority}"
        case IncidentFree():
            return "no open incident"
        case Headroom():
            return f"capacity of at least {requirement.at_least} {requirement.of}"
        case MisuseBudget():
            return f"misuse in {requirement.domain} of at most {requirement.at_most} of requests"
