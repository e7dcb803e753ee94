"""Abuse 6: good calls are no slower beside hostile tokens, in two processes at once; and none of those is let in."""

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from gateway.identity.people.cookies import SESSION, Cookies
from tests.abuse.replicas import Replicas, replicas
from tests.fakes.garbling import mutated
from tests.fakes.house import CHAT, MESSAGES
from tests.fakes.logins import logged_in
from tests.fakes.postgresql import PostgreSQLServer
from tests.faults.percentiles import p99
from tests.faults.report import write_report

SOAK = os.environ.get("RELEASE_GATEWAY_SOAK") == "1"
HOSTILE = 100_000 if SOAK else 400
RATE = 500.0
"""Hostile tokens a second, over both processes."""
PAIRS = 20 if SOAK else 1
"""Windows without, each beside one with: whatever else the machine does meanwhile is alike in both."""
GOOD_A_SECOND = 20.0
"""Of each kind, at each process."""
MODEL = "demo/quick"

PROVIDERS = """\
identity_providers:
  corporate:
    issuer: http://127.0.0.1:9
    client_id: release-gateway
    people: [{match: {groups: staff}, organisation: acme, roles: [developer]}]
"""
"""A provider that nobody reaches: who is signed in here was vouched for elsewhere."""


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory, postgresql_server: PostgreSQLServer) -> Iterator[Replicas]:
    """Two gateway processes on one database."""
    folder = tmp_path_factory.mktemp("beside")
    (folder / "providers.yaml").write_text(PROVIDERS)
    declared = {"identity_providers": str(folder / "providers.yaml"), "token_s": "3600"}
    with replicas(folder, postgresql_server, 2, **declared) as running:
        running.first.apply(
            f"release: {MODEL}\nserves: {{inference: {{upstream: fake, model: quick}}}}\n"
            "stages: [{name: general, opens: 2026-01-05T00:00:00Z, access: api, to: [public]}]\n"
        )
        running.follow()
        yield running


class Goods:
    """Calls as they should be, at a steady pace, at each process; how long each kind took."""

    def __init__(self, two: Replicas) -> None:
        self._gateways = two.gateways
        self._key = two.first.keys["developer"]
        self.took: dict[str, list[float]] = {"models listed": [], "chats": []}

    def during(self, work: threading.Event) -> list[threading.Thread]:
        """Call until the work is done."""
        threads = [
            threading.Thread(target=self._call, args=(gateway.http(self._key), kind, work))
            for gateway in self._gateways
            for kind in self.took
        ]
        for thread in threads:
            thread.start()
        return threads

    def _call(self, client: httpx.Client, kind: str, work: threading.Event) -> None:
        with client:
            began, number = time.monotonic(), 0
            while not work.wait(max(0.0, began + number / GOOD_A_SECOND - time.monotonic())):
                number += 1
                at = time.perf_counter()
                answer = self._ask(client, kind)
                assert answer.status_code == 200, answer.text
                self.took[kind].append(time.perf_counter() - at)

    @staticmethod
    def _ask(client: httpx.Client, kind: str) -> httpx.Response:
        if kind == "chats":
            return client.post(CHAT, json={"model": MODEL, "messages": MESSAGES, "max_tokens": 5})
        return client.get("/v1/models")


def hostile_tokens(two: Replicas, chance: random.Random) -> Iterator[str]:
    """Of machines and of people, and cookies of sessions, each with something changed: a target and a header."""
    two.first.enter("acme")
    made = two.first.control("POST", "/clients", json={"organisation": "acme", "scopes": ["inference"]})
    two.follow()
    proof, form = (made["client"]["client"]["id"], made["client_secret"]), {"grant_type": "client_credentials"}
    machine = httpx.post(f"{two.first.base_url}/oauth/token", data=form, auth=proof).json()["access_token"]
    person = logged_in(two.first.settings, "alice")
    bearer, cookie = "authorization: Bearer ", Cookies(two.first.settings["public_url"]).name(SESSION)
    goods = [
        ("/v1/models", bearer, machine),
        ("/control/me", bearer, person.access_token),
        ("/control/me", f"cookie: {cookie}=", person.shown),
    ]
    for target, start, good in goods:
        name, _, value = (start + good).partition(": ")
        answer = httpx.get(two.first.base_url + target, headers={name: value})
        assert answer.status_code == 200, "what is changed must be good before"
    while True:
        target, start, good = chance.choice(goods)
        hostile = mutated(chance, good)
        if hostile != good:
            yield f"{target} {start}{hostile}"


@contextmanager
def barrage(two: Replicas, tokens: Path) -> Iterator["subprocess.Popen[str]"]:
    """Somebody who presents them, in a process of their own."""
    ports = ",".join(str(gateway.port) for gateway in two.gateways)
    command = [sys.executable, "-m", "tests.fakes.barrage", ports, str(tokens)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def window(goods: Goods, seconds: float, hostile: "subprocess.Popen[str] | None", count: int) -> Counter[int]:
    """Good calls for so long, or for as long as so many hostile tokens take."""
    done, met = threading.Event(), Counter[int]()
    threads = goods.during(done)
    if hostile is None:
        time.sleep(seconds)
    else:
        assert hostile.stdin is not None and hostile.stdout is not None
        hostile.stdin.write(f"{count} {RATE}\n")
        hostile.stdin.flush()
        met.update({int(status): times for status, times in json.loads(hostile.stdout.readline()).items()})
    done.set()
    for thread in threads:
        thread.join()
    return met


@pytest.mark.soak
def test_good_calls_are_no_slower_beside_hostile_tokens(two: Replicas, tmp_path: Path) -> None:
    tokens, proofs = tmp_path / "tokens", hostile_tokens(two, random.Random(20261125))
    tokens.write_text("".join(f"{next(proofs)}\n" for _ in range(HOSTILE)), "ascii")
    alone, beside, met, lasted = Goods(two), Goods(two), Counter[int](), 0.0
    window(Goods(two), 1.0, None, 0)  # what is made at first use is made

    with barrage(two, tokens) as hostile:
        for _ in range(PAIRS):
            began = time.monotonic()
            met += window(beside, 0, hostile, HOSTILE // PAIRS)
            took = time.monotonic() - began
            lasted += took
            window(alone, took, None, 0)

    assert set(met) <= {400, 401} and met.total() == HOSTILE // PAIRS * PAIRS, met
    assert all(len(took) > PAIRS for goods in (alone, beside) for took in goods.took.values())
    if SOAK:
        figures = {"hostile tokens": f"{met.total()}, {met.total() / lasted:.0f} a second over both: " + told(met)}
        for kind in alone.took:
            before, while_attacked = p99(alone.took[kind]), p99(beside.took[kind])
            assert while_attacked <= 2 * before, f"p99 of {kind}, without and beside: {before}, {while_attacked}"
            figures[f"p99 of {kind}, without and beside them"] = (
                f"{before * 1000:.1f} ms, {while_attacked * 1000:.1f} ms: {while_attacked / before:.2f} times"
                f" ({len(alone.took[kind])} and {len(beside.took[kind])} calls)"
            )
        write_report("Good calls beside hostile tokens, two processes on PostgreSQL", figures)


def told(met: Counter[int]) -> str:
    """How many were answered how."""
    return ", ".join(f"{status}: {count}" for status, count in sorted(met.items()))
