"""Lives of a gateway that end by force, under load, and what must be true of what they leave behind."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.fakes.gateway import GatewayProcess, until
from tests.fakes.nursery import Nursery
from tests.fakes.upstreams import UpstreamProcess, upstream_process
from tests.faults.load import Got, Load
from tests.faults.record import Record

MODEL = "fault/killed"
FILE = f"""\
release: {MODEL}
serves: {{inference: {{upstream: paced, model: any}}}}
stages:
  - name: general
    opens: 2024-01-01T00:00:00Z
    access: api
    to: [public]
    offers: [inference.text]
    conditions: {{requests_per_minute: 1000000, tokens_per_day: 1000000000}}
"""


@dataclass
class Lives:
    """Lives that ended by force, and what they left behind."""

    gateway: GatewayProcess
    upstream: UpstreamProcess
    kills: int = 0
    got: list[Got] = field(default_factory=list)
    restart_s: float = 0.0
    """The slowest."""

    def kill(self, after_s: float) -> None:
        """Put load on it, kill it in the midst, start it again.

        Every other time the upstream does the killing, as soon as it has seen a request, and no sooner.
        """
        with Load(self.gateway.base_url, self.gateway.keys["developer"], MODEL) as load:
            assert load.begun.wait(20)
            time.sleep(after_s)
            if self.kills % 2 == 0:
                self.upstream.kill_at_next_request(self.gateway.pid)
                until(lambda: not self.gateway.is_running, 10)
            self.gateway.kill()
        self.kills += 1
        self.got += load.got
        began = time.monotonic()
        self.gateway.start()
        self.restart_s = max(self.restart_s, time.monotonic() - began)

    def mistakes(self, record: Record) -> list[str]:
        """What must not be, now that nothing is under way."""
        return record.mistakes(self.upstream.seen, self.got)

    def figures(self, record: Record) -> dict[str, str]:
        """For the report, where there are no mistakes."""
        return {
            "kills": f"{self.kills}, every other at the very moment the upstream saw a request",
            "requests that the upstream saw": f"{len(self.upstream.seen)}",
            "requests that the upstream saw and the ledger did not": "0",
            "answers that callers got, whole or in part": f"{len(self.got)}",
            "answers that callers got without an entry": "0",
            "calls under way when killed, closed as `unknown_after_crash`": f"{crashed(record)}",
            "calls left open": "0",
            "entries, contiguous, every leaf hash right": f"{len(record.entries)}",
            "tokens held by nobody": "0",
            "slowest restart": f"{self.restart_s:.1f} s",
        }


def crashed(record: Record) -> int:
    """Calls that were under way when their process died."""
    return sum(body["outcome"] == "unknown_after_crash" for body in record.ended)


@contextmanager
def lives(folder: Path, nursery: Nursery, settings: dict[str, str] | None = None) -> Iterator[Lives]:
    """A gateway to be killed, in front of an upstream that outlives it."""
    with upstream_process(folder / "paced", interval_ms=5, chunks=20) as upstream:
        upstreams = {"paced": upstream.url}
        gateway = GatewayProcess(folder, upstreams=upstreams, settings=settings, launch=nursery.launch)
        try:
            gateway.start()
            gateway.apply(FILE)
            yield Lives(gateway, upstream)
        finally:
            gateway.kill()
