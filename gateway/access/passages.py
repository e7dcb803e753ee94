"""Passages under way, grouped by use, so that what admitted them can be judged again for all at once."""

from collections.abc import Callable, Iterator

import msgspec

from gateway.access.calls import Terms
from gateway.access.decisions import Decision, Obligations
from gateway.access.grants import Holdings
from gateway.access.quotas import Taken
from gateway.access.reasons import Reason
from gateway.access.snapshot import InForce
from gateway.access.standing import Gathered
from gateway.clock import Instant
from gateway.identity.callers import Caller
from gateway.ledger.commitments import Commitment
from gateway.ledger.forms import Form
from gateway.ledger.intents import Receipt
from gateway.releases.components import Component

COMMITTED = "metadata+hash"
"""The logging mode that asks for commitments beside the metadata."""

UseKey = tuple[str, str, Component]
"""Id of the key or token, release, component: all passages of one such triple stand and fall together."""


class Standing(msgspec.Struct, frozen=True):
    """A judged use: what was asked and answered, the very values it was asked of, and until when it holds."""

    caller: Caller
    in_force: InForce
    holdings: Holdings
    gathered: Gathered
    digest: str
    """Hash of the question."""
    decision: Decision
    policy: str
    revision: int
    forms: dict[tuple[str | bool | tuple[str, ...], ...], Form] = msgspec.field(default_factory=dict)
    """How its calls are recorded, by what tells them apart (recording.py): made of all the rest when first needed."""

    @property
    def holds_until(self) -> Instant:
        """The instant from which it must be judged anew."""
        return self.gathered.holds_until


class Passage:
    """One admitted call under way. The door runs it under its obligations and says how it went."""

    __slots__ = (
        "_on_cut",
        "bytes_out",
        "commitment",
        "cut_reason",
        "failure",
        "file",
        "file_sha256",
        "index",
        "obligations",
        "outcome",
        "range",
        "request_id",
        "sent",
        "standing",
        "started_us",
        "status",
        "taken",
        "terms",
        "tokens_in",
        "tokens_out",
        "upstream_request",
        "usage_reported",
        "use",
    )

    def __init__(self, request_id: str, use: UseKey, standing: Standing, terms: Terms) -> None:
        self.request_id = request_id
        self.use = use
        self.standing = standing
        self.terms = terms
        self.taken: Taken | None = None
        """What it took of the limits; None until it is recorded as admitted."""
        self.obligations: Obligations | None = standing.decision.obligations
        self.cut_reason: str = ""
        """Reason code, once what admitted it has ended; nothing may leave after that."""
        self._on_cut: Callable[[], None] | None = None
        self.started_us = 0
        self.index = -1
        """Index of the `access:admitted` entry."""
        self.outcome = ""
        """complete, client_gone, upstream_error or failed, as the door saw it end."""
        self.failure = ""
        """Code of what the upstream failed with, or of why there was no such file."""
        self.status = 0
        self.sent = False
        """Whether the request left for the upstream: what it may have cost is not known to be nothing."""
        self.usage_reported = False
        self.tokens_in = 0
        self.tokens_out = 0
        """As reported; where it was not, how many there were at least."""
        self.bytes_out = 0
        self.commitment: Commitment | None = None
        """To the answer as it left, where the use asks for one."""
        self.upstream_request = ""
        self.file = self.file_sha256 = self.range = ""
        """Of a download: which declared file, and which bytes of it, as `content-range` says them."""

    @property
    def commits(self) -> bool:
        """Whether request and answer are to be committed to."""
        return self.obligations is not None and self.obligations.log == COMMITTED

    def begin(self, receipt: Receipt, now_us: int) -> None:
        """It is recorded as admitted; `now_us` is `elapsed_us()`."""
        assert isinstance(receipt.answer, Taken)
        self.taken, self.index, self.started_us = receipt.answer, receipt.index, now_us

    def on_cut(self, act: Callable[[], None]) -> None:
        """Call `act` as soon as the passage is cut; at once where it already is."""
        self._on_cut = act
        if self.cut_reason:
            act()

    def cut(self, reason: str) -> None:
        """End what is under way. The door stops sending and the record says why."""
        if self.cut_reason:
            return
        self.cut_reason = reason
        if self._on_cut is not None:
            self._on_cut()

    def report(self, tokens_in: int, tokens_out: int) -> None:
        """Usage as the upstream counted it; nothing at all where it answered with an error."""
        self.usage_reported = True
        self.tokens_in, self.tokens_out = tokens_in, tokens_out


class OpenPassages:
    """Every passage under way in this process."""

    def __init__(self) -> None:
        self._groups: dict[UseKey, set[Passage]] = {}

    def add(self, passage: Passage) -> None:
        """Take a passage in as it is admitted."""
        self._groups.setdefault(passage.use, set()).add(passage)

    def remove(self, passage: Passage) -> None:
        """Let a passage go as it ends."""
        group = self._groups.get(passage.use)
        if group is not None:
            group.discard(passage)
            if not group:
                del self._groups[passage.use]

    def groups(self) -> Iterator[tuple[UseKey, list[Passage]]]:
        """Each use under way with its passages, as of now."""
        for use, group in list(self._groups.items()):
            yield use, list(group)

    def __len__(self) -> int:
        return sum(len(group) for group in self._groups.values())


def cut_all(passages: list[Passage], reason: Reason | str) -> None:
    """Cut each of these passages."""
    for passage in passages:
        passage.cut(str(reason))
