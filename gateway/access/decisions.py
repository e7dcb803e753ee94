"""What the judge answers, and what an allowed call must still keep."""

import msgspec

from gateway.access.reasons import Reason


class Obligations(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an allowed call must keep; enforced outside the judge. None: not limited."""

    components: tuple[str, ...]
    """Every component this use may draw on, so that particulars such as logprobs can be checked."""
    requests_per_minute: int | None
    tokens_per_day: int | None
    max_output_tokens: int | None
    log: str
    retain_days: int | None


class Decision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Exactly what a judge must answer: anything else is a denial.

    `visible` says whether the caller may know that the release exists; an allow is always visible.
    """

    allow: bool
    visible: bool
    reasons: tuple[Reason, ...]
    """Empty exactly when allowed; the first is the one told first."""
    obligations: Obligations | None
    """Present exactly when allowed."""
