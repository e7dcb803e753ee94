"""Every metric of the project, on one page.

No label names an organisation, a key, a release, an upstream or anything that a caller chose: an unknown model
is counted under its refusal, never under its name, and what stands behind the gateway is nobody's to read here.
Each `Metrics` has its own registry, so that two gateways in one process do not mix.
"""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Info, ProcessCollector, generate_latest

from gateway import __version__
from gateway.errors import GatewayError
from gateway.tallies import Bound, Spread, Tally

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_COMMITS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0)
_JUDGEMENTS = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.25, 1.0)
_UPSTREAMS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0)
_BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)

Reading = Callable[[], float]
"""Asked when the metrics are: what stands at that moment."""


class Metrics:
    """What is counted, and the words to count it with."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._tallies: list[Tally] = []
        ProcessCollector(registry=self._registry)
        Info("gateway_build", "What runs here.", registry=self._registry).info({"version": __version__})

        self._calls = self._counter("gateway_calls", "Calls by door, outcome and reason.", "door", "outcome", "reason")
        self._issuer_keys = self._counter(
            "gateway_issuer_key_fetches", "Public keys of declared issuers asked for, by outcome.", "issuer", "outcome"
        )
        self._break_glass = Counter(
            "gateway_break_glass_uses", "A key that nobody issued was used, by the minute.", registry=self._registry
        )
        self._sign_ins = self._counter(
            "gateway_sign_ins", "People who signed in, or could not, by identity provider.", "provider", "outcome"
        )
        self._turned_away = self._counter("gateway_authentication_failures", "Nobody we know, by reason.", "reason")
        self._cuts = self._counter(
            "gateway_streams_cut", "Passages ended before their answer was, by reason.", "reason"
        )
        self._judged = self._counter("gateway_judge_answers", "Answers of the judge: allow, deny, fault.", "outcome")
        self._kept = self._counter("gateway_decision_lookups", "Decisions needed, by whether one was kept.", "kept")
        self._near = self._counter("gateway_limits_near", "Calls that left a tenth of a limit or less.", "limit")
        self._upstream_failures = self._counter("gateway_upstream_failures", "Upstreams' failures by kind.", "kind")
        self._tokens = self._counter("gateway_tokens", "Tokens by direction.", "direction")
        self._entries = Counter("gateway_ledger_entries", "Entries made durable.", registry=self._registry)
        self._failed_batches = Counter("gateway_ledger_failures", "Batches not written.", registry=self._registry)
        self._refused_connections = Counter(
            "gateway_connections_refused", "Connections refused for want of a place.", registry=self._registry
        )
        self._weights = Counter("gateway_weights_bytes", "Bytes of weights given out.", registry=self._registry)

        self._traced = Bound(
            Counter("gateway_traced_calls", "Calls told to the collector.", ["outcome"], registry=self._registry)
        )
        self._parts = Bound(
            Gauge("gateway_part_well", "Parts a call needs, as found by /readyz.", ["part"], registry=self._registry)
        )

        self._batch_size = self._histogram("gateway_ledger_batch_entries", "Entries in one commit.", _BATCHES)
        self._commit_s = self._histogram("gateway_ledger_commit_seconds", "From begin to durable.", _COMMITS)
        self._judge_s = self._histogram("gateway_judge_seconds", "From question to answer.", _JUDGEMENTS)
        self._upstream_s = self._histogram(
            "gateway_upstream_seconds", "From the request's first byte to the answer's last.", _UPSTREAMS
        )

    # Calls

    def call_refused(self, door: str, code: str) -> None:
        """A call ended in an error: the gate's refusal, or anything before and after it."""
        self._calls.add(door, "refused", code)

    def call_finished(self, door: str, outcome: str) -> None:
        """An admitted call ended: complete, cut, client_gone, failed …"""
        self._calls.add(door, outcome, "")

    def turned_away(self, code: str) -> None:
        """Authentication failed."""
        self._turned_away.add(code)

    def sign_in_ended(self, provider: str, outcome: str) -> None:
        """Somebody came by a declared provider: signed_in, or the code of what stood in the way."""
        self._sign_ins.add(provider, outcome)

    def break_glass_used(self) -> None:
        """A key that nobody issued was used, and that was recorded."""
        self._break_glass.inc()

    def issuer_keys_asked(self, issuer: str, outcome: str) -> None:
        """A declared issuer was asked for its keys: fetched or failed."""
        self._issuer_keys.add(issuer, outcome)

    def stream_cut(self, reason: str) -> None:
        """A passage was ended because what admitted it no longer stood."""
        self._cuts.add(reason)

    def limits_near(self, limits: Iterable[str]) -> None:
        """A call was admitted and left little of these limits: requests, tokens. Whose, only the ledger tells."""
        for limit in limits:
            self._near.add(limit)

    def tokens_counted(self, prompt: int, completion: int) -> None:
        """An upstream told what a call used. Not by release: that a hidden one exists is nobody's to read here."""
        self._tokens.add("prompt", count=prompt)
        self._tokens.add("completion", count=completion)

    def connection_refused(self) -> None:
        """A connection was refused, since this process holds all that it can."""
        self._refused_connections.inc()

    def weights_sent(self, count: int) -> None:
        """Bytes of weights left the gateway."""
        self._weights.inc(count)

    # What calls lean on

    def batch_written(self, entries: int, seconds: float) -> None:
        """The ledger's writer committed a batch."""
        self._entries.inc(entries)
        self._batch_size.observe(entries)
        self._commit_s.observe(seconds)

    def batch_failed(self) -> None:
        """The ledger's writer could not commit a batch."""
        self._failed_batches.inc()

    def judged(self, outcome: str, seconds: float) -> None:
        """The judge answered: allow, deny, or fault where there was no answer to be trusted."""
        self._judged.add(outcome)
        self._judge_s.observe(seconds)

    def decision_looked_up(self, kept: bool) -> None:
        """A decision was needed, and was kept or had to be asked for."""
        self._kept.add("yes" if kept else "no")

    def upstream_answered(self, seconds: float) -> None:
        """An upstream's answer was read to its end."""
        self._upstream_s.observe(seconds)

    def upstream_failed(self, kind: str) -> None:
        """An upstream could not be reached or made no sense; `kind` is the error's code."""
        self._upstream_failures.add(kind)

    def calls_traced(self, outcome: str, count: int) -> None:
        """Calls whose traces were sent, failed to be taken, or dropped for want of room. From any thread."""
        self._traced[(outcome,)].inc(count)

    # What stands now

    def part_found(self, part: str, well: bool) -> None:
        """Whether a part was well when readiness was asked for last."""
        self._parts[(part,)].set(well)

    def follow(
        self,
        *,
        passages_open: Reading,
        writer_queue: Reading,
        revision: Reading,
        revision_age_s: Reading,
        clock_uncertainty_s: Reading,
        clock_steps: Reading,
        stages_waiting: Reading,
        change_waiting_s: Reading,
        reviews_overdue: Reading,
        requests_open: Reading,
        requests_late: Reading,
        grants_to_recertify: Reading,
        stage_reviews_overdue: Reading,
    ) -> None:
        """Read these whenever the metrics are asked for. A reading that cannot be had is NaN."""
        self._gauge("gateway_passages_open", "Calls under way.", passages_open)
        self._gauge("gateway_ledger_queue_entries", "Entries waiting to be written.", writer_queue)
        self._gauge("gateway_snapshot_revision", "The revision that this process has followed.", revision)
        self._gauge("gateway_revision_age_seconds", "Since the revision was last confirmed.", revision_age_s)
        self._gauge("gateway_clock_uncertainty_seconds", "Width of now.", clock_uncertainty_s)
        self._gauge("gateway_clock_steps", "Steps of the database's clock that were not followed.", clock_steps)
        self._gauge("gateway_stages_waiting", "Stages whose date has come, shut until approved.", stages_waiting)
        self._gauge("gateway_change_waiting_seconds", "How long the oldest open change waits.", change_waiting_s)
        self._gauge(
            "gateway_reviews_overdue", "Changes and narrowings that a second person should have seen.", reviews_overdue
        )
        self._gauge("gateway_requests_open", "Requests for access under way.", requests_open)
        self._gauge("gateway_requests_late", "Requests for access whose review is overdue.", requests_late)
        self._gauge(
            "gateway_grants_to_recertify",
            "Grants that admit nobody because nobody has looked at them again in time.",
            grants_to_recertify,
        )
        self._gauge("gateway_stage_reviews_overdue", "Stages whose review is overdue.", stage_reviews_overdue)

    def exposition(self) -> tuple[bytes, str]:
        """All of it as Prometheus text, and its media type."""
        for tally in self._tallies:
            tally.pour()
        return generate_latest(self._registry), MEDIA_TYPE

    def _counter(self, name: str, words: str, *labels: str) -> Tally:
        tally = Tally(Counter(name, words, labels, registry=self._registry))
        self._tallies.append(tally)
        return tally

    def _histogram(self, name: str, words: str, bounds: tuple[float, ...]) -> Spread:
        spread = Spread(name, words, bounds)
        self._registry.register(spread)
        return spread

    def _gauge(self, name: str, words: str, reading: Reading) -> None:
        Gauge(name, words, registry=self._registry).set_function(lambda: _read(reading))


def _read(reading: Reading) -> float:
    try:
        return reading()
    except GatewayError:
        return float("nan")
