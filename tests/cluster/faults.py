"""Faults of a cluster's parts under load, and what must be true of the record whatever they were."""

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from gateway.clock import SECOND
from tests.fakes.cluster import ClusterHouse, signal_all
from tests.fakes.gateway import until
from tests.fakes.upstreams import UpstreamProcess
from tests.faults.load import Got, Load
from tests.faults.record import Record
from tests.journeys.releases import LONG_AGO, open_to_all
from tools.cluster.cluster import says_ready
from tools.cluster.parts import Part

MODEL = "fault/cluster"
SHUT = "fault/shut"
RECOVERY_MAX_S = 60.0
CLOSED_MAX_S = 120.0
"""Half a minute of silence until a process is taken for dead, and how often it is listened for."""
LATE_MAX_S = 5.0
"""How late a revocation may ever be in force."""

SHUT_FILE = f"""\
release: {SHUT}
serves: {{inference: {{upstream: paced, model: any}}}}
audiences: {{testers: {{grant: required}}}}
stages:
  - {{name: trusted, opens: {LONG_AGO}, access: limited, to: [testers], offers: [inference.text]}}
"""


@dataclass
class Faults:
    """Faults in a row, the load beside them, and callers who must not get in."""

    house: ClusterHouse
    upstream: UpstreamProcess
    dice: random.Random
    done: Counter[str] = field(default_factory=Counter)
    recovery_s: dict[str, list[float]] = field(default_factory=dict)
    got: list[Got] = field(default_factory=list)
    trespassed: list[Got] = field(default_factory=list)
    """What callers without a grant, and callers whose key is revoked, were answered."""
    revoked: dict[str, str] = field(default_factory=dict)
    """Each key that was taken away, and during which fault."""

    def kill(self, part: Part) -> None:
        """Every process of a part ends at once."""
        self._fault(part, "killed", lambda: signal_all(part, signal.SIGKILL))

    def freeze(self, part: Part, for_s: float | None = None) -> None:
        """Every process of a part stands still for a while, and goes on where it stood."""
        how = "frozen" if for_s is None else f"frozen for {for_s:.0f} s"

        def act() -> None:
            signal_all(part, signal.SIGSTOP)
            try:
                time.sleep(self.dice.uniform(1.0, 7.0) if for_s is None else for_s)
            finally:
                signal_all(part, signal.SIGCONT)

        self._fault(part, how, act)

    def _fault(self, part: Part, how: str, act: Callable[[], None]) -> None:
        what = f"{part.program.name.removesuffix('-a').removesuffix('-b')} {how}"
        key, token = self.house.enter("leavers")
        url, developer = self.house.base_url, self.house.keys["developer"]
        with (
            Load(url, developer, MODEL) as load,
            Load(url, developer, SHUT, callers=1) as shut,
            Load(url, token, MODEL, callers=2) as leaving,
        ):
            assert load.begun.wait(20) and leaving.begun.wait(20)
            time.sleep(self.dice.uniform(0.2, 1.0))
            revoking = threading.Timer(self.dice.uniform(0.1, 0.9), self._revoke, [key, what])
            revoking.start()
            act()
            began = time.monotonic()
            until(self._serves, RECOVERY_MAX_S, lambda: f"{what}: it does not recover")
            self.recovery_s.setdefault(what, []).append(time.monotonic() - began)
            revoking.join()
            answered = count_of(load.got)
            until(lambda: count_of(load.got) > answered + 5, 20)
            time.sleep(LATE_MAX_S / 4)
        self.done[what] += 1
        self.got += [*load.got, *leaving.got]
        self.trespassed += shut.got

    def _revoke(self, key: str, what: str) -> None:
        """By whichever gateway takes it first, as somebody in haste would."""

        def is_done() -> bool:
            for url in (self.house.base_url, *self.house.processes):
                try:
                    with self.house.http("provider", timeout=2.0) as client:
                        told = client.post(f"{url}/control/keys/{key}/revoke", json={"cause": "leaked"})
                except httpx.TransportError:
                    continue
                if told.is_success:
                    return True
            return False

        until(is_done, RECOVERY_MAX_S)
        self.revoked[key] = what

    def _serves(self) -> bool:
        if not all(says_ready(url) for url in self.house.processes):
            return False
        asked = {"model": MODEL, "messages": [{"role": "user", "content": "Well?"}]}
        try:
            with self.house.http("developer") as client:
                answer = client.post("/v1/chat/completions", json=asked)
        except httpx.TransportError:
            return False
        if answer.status_code == 200:
            self.got.append(Got(answer.headers["x-request-id"], 200, len(answer.content), whole=True))
        return answer.status_code == 200

    def mistakes(self, record: Record) -> list[str]:
        """What must never be, even while calls are open."""
        admitted, seen = record.admitted, set(self.upstream.seen)
        answered = {each.request_id for each in self.got if each.status == 200}
        let_in = {call for call, entry in admitted.items() if entry["body"]["release"] == SHUT}
        return [
            *(f"the upstream saw {call}, which is not recorded" for call in seen - set(admitted)),
            *(f"{call} was answered and is not recorded" for call in answered - set(admitted)),
            *(f"{call} of a model that is shut was admitted" for call in let_in),
            *(f"{each.request_id} of a model that is shut got 200" for each in self.trespassed if each.status == 200),
            *(
                f"{what}: a key was used {s:.1f} s after it was revoked"
                for s, what in self.late(record)
                if s > LATE_MAX_S
            ),
        ]

    def late(self, record: Record) -> list[tuple[float, str]]:
        """For each key that was revoked, how long after it the last call was admitted, below zero where before; and
        the fault during which it was."""
        revoked = {entry["body"]["subject"]: entry["at"] for entry in record.entries if entry["event"] == "key:revoked"}
        last = {entry["body"]["key"]: entry["at"] for entry in record.admitted.values()}
        return [((last[key] - revoked[key]) / SECOND, what) for key, what in self.revoked.items()]

    def settled(self, record: Record) -> list[str]:
        """What must not be once whoever died has been taken for dead."""
        return record.mistakes(self.upstream.seen, [each for each in self.got if each.status == 200])

    def figures(self, record: Record) -> dict[str, str]:
        """For the report, where there are no mistakes."""
        statuses = Counter(each.status for each in self.got)
        slow = {what: max(times) for what, times in self.recovery_s.items()}
        return {
            "faults": ", ".join(f"{what} {count}" for what, count in self.done.items()),
            "requests that the upstream saw": f"{len(self.upstream.seen)}",
            "requests that the upstream saw and the ledger did not": "0",
            "answers that callers got, by status": ", ".join(f"{each}: {n}" for each, n in sorted(statuses.items())),
            "answers of 200 without an entry": "0",
            "calls of a model that is shut": f"{len(self.trespassed)}, 0 admitted",
            "keys revoked during a fault": f"{len(self.revoked)}",
            "latest call admitted by one after that": "{:.2f} s ({})".format(*max(self.late(record))),
            "keys by which a call was admitted a second or more after": f"{sum(s >= 1 for s, _ in self.late(record))}",
            "calls under way when their gateway died, closed as `unknown_after_crash`": f"{crashed(record)}",
            "entries, contiguous, every leaf hash right": f"{len(record.entries)}",
            "slowest recovery after the fault ended": ", ".join(f"{what} {s:.1f} s" for what, s in slow.items()),
        }


def count_of(got: Iterable[Got]) -> int:
    """How many calls were answered as they should be."""
    return sum(each.status == 200 and each.whole for each in got)


def crashed(record: Record) -> int:
    """Calls that were under way when their process died."""
    return sum(body["outcome"] == "unknown_after_crash" for body in record.ended)


@contextmanager
def faults(house: ClusterHouse, upstream: UpstreamProcess, seed: int) -> Iterator[Faults]:
    """A cluster with a model for everybody and one that is shut to those who ask."""
    house.apply(open_to_all(MODEL, "requests_per_minute: 1000000, tokens_per_day: 1000000000"))
    house.apply(SHUT_FILE)
    yield Faults(house, upstream, random.Random(seed))
