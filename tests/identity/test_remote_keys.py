"""Keys of another issuer: from its declared address only, in bounds, kept while it is away, and no longer."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from joserfc import jwk
from structlog.testing import capture_logs

from gateway.clock import SECOND
from gateway.identity.tokens import fetching, remote_keys
from gateway.identity.tokens.fetching import Address, Unfetched, fetch
from gateway.identity.tokens.remote_keys import RemoteKeys
from tests.fakes.issuer import FakeIssuer, an_issuer


@pytest.fixture
def issuer() -> Iterator[FakeIssuer]:
    with an_issuer() as opened:
        yield opened


def keys_of(issuer: FakeIssuer, *, keep_s: int = 3600, every_s: float = 300, apart_s: float = 30) -> RemoteKeys:
    return RemoteKeys(
        "cluster", Address(issuer.keys_url), keep_s=keep_s, told=lambda *_: None, every_s=every_s, apart_s=apart_s
    )


async def refused(issuer: FakeIssuer) -> str:
    with pytest.raises(Unfetched) as failed:
        await fetch(Address(issuer.keys_url))
    return str(failed.value)


async def test_published_keys_are_had_by_their_ids(issuer: FakeIssuer) -> None:
    issuer.add("second", jwk.ECKey.generate_key("P-256"))
    issuer.add("third", jwk.OKPKey.generate_key("Ed25519"))

    found = await fetch(Address(issuer.keys_url))

    assert {name: key.algorithms & {"RS256", "ES256", "Ed25519"} for name, key in found.items()} == {
        "first": {"RS256"},
        "second": {"ES256"},
        "third": {"Ed25519"},
    }


async def test_keys_that_are_none_of_a_kind_to_be_used_are_left_out(issuer: FakeIssuer) -> None:
    issuer.add("short", jwk.RSAKey.generate_key(1024, auto_kid=False))
    published = issuer.published()
    published["keys"] += [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "secret"},
        {**published["keys"][0], "kid": "encrypts", "use": "enc"},
        {**published["keys"][0], "kid": ""},
        {**published["keys"][0], "kid": "twice"},
        {**published["keys"][0], "kid": "twice"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "off the curve"},
    ]
    issuer.body = json.dumps(published).encode()

    assert set(await fetch(Address(issuer.keys_url))) == {"first"}


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_followed_nowhere(issuer: FakeIssuer, status: int) -> None:
    issuer.status, issuer.headers = status, {"location": f"{issuer.url}/elsewhere"}

    assert str(status) in await refused(issuer)
    assert issuer.asked == ["/openid/v1/jwks"]


async def test_an_answer_is_bounded_in_size_and_time_and_must_be_a_set_of_keys(
    issuer: FakeIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []
    for body in (b"x" * 10_000_000, b"", b"[]", b'{"keys": []}', b'{"keys": [], "keys": []}', b'{"a":' * 50_000):
        issuer.body = body
        told.append(await refused(issuer))
    issuer.body, issuer.headers = None, {"content-encoding": "gzip"}
    told.append(await refused(issuer))
    issuer.headers, issuer.status = {}, 500
    told.append(await refused(issuer))
    issuer.status, issuer.delay_s = 200, 5.0
    monkeypatch.setattr(fetching, "FETCH_MAX_S", 0.3)
    told.append(await refused(issuer))

    assert "bytes" in told[0] and "compressed" in told[6] and "500" in told[7] and "within" in told[8]
    assert set(told[1:3]) == {"what answered is no JSON object"}


async def test_what_proves_the_gateway_there_is_read_at_every_fetch_and_sent(
    issuer: FakeIssuer, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("of-the-pod\n")

    assert set(await fetch(Address(issuer.keys_url, bearer_file=tmp_path / "token"))) == {"first"}
    (tmp_path / "token").unlink()
    with pytest.raises(Unfetched):
        await fetch(Address(issuer.keys_url, bearer_file=tmp_path / "token"))


async def test_keys_go_on_while_the_issuer_is_away_and_end_in_time_and_nothing_new_is_believed(
    issuer: FakeIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys, now = keys_of(issuer, keep_s=60), [0]
    monkeypatch.setattr(remote_keys, "elapsed_us", lambda: now[0])
    before = keys.key("first")
    await keys.ask()
    issuer.status = 503
    issuer.add("second")
    now[0] = 59 * SECOND
    taken_back = await keys.ask()
    meanwhile = keys.key("first"), keys.key("second")
    now[0] = 61 * SECOND
    await keys.ask()

    assert before is None and not taken_back
    assert meanwhile[0] is not None and meanwhile[1] is None
    assert keys.key("first") is None and not keys.is_believed


async def test_an_issuer_that_is_away_is_told_of_once_and_so_is_its_return(
    issuer: FakeIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[str] = []
    keys = RemoteKeys("cluster", Address(issuer.keys_url), keep_s=60, told=lambda _, outcome: counted.append(outcome))
    now = [0]
    monkeypatch.setattr(remote_keys, "elapsed_us", lambda: now[0])

    with capture_logs() as logged:
        for status in (200, 503, 503, 503, 500, 200, 200):
            issuer.status = status
            await keys.ask()
        issuer.status = 503
        for _ in range(3):
            await keys.ask()
            now[0] += int(remote_keys.TOLD_AGAIN_S * SECOND) // 2

    assert counted.count("failed") == 7
    assert [line["event"].removeprefix("issuer_keys_") for line in logged] == [
        "unfetched", "unfetched", "fetched_again", "unfetched", "unfetched",
    ]  # fmt: skip


async def test_a_key_that_is_published_no_more_or_is_another_is_taken_back(issuer: FakeIssuer) -> None:
    keys = keys_of(issuer)
    await keys.ask()
    issuer.add("first")
    replaced = await keys.ask()
    issuer.add("second")
    added = await keys.ask()
    del issuer.keys["first"]
    removed = await keys.ask()

    assert (replaced, added, removed) == (True, False, True)
    assert keys.key("first") is None and keys.key("second") is not None


async def test_unknown_keys_have_the_issuer_asked_once_and_not_for_every_token(issuer: FakeIssuer) -> None:
    keys = keys_of(issuer, every_s=300, apart_s=0.2)
    running = asyncio.create_task(keys.run(lambda: None))
    while not keys.is_believed:
        await asyncio.sleep(0.01)
    issuer.add("second")

    for _ in range(1000):
        assert keys.key("second") is None, "nothing is fetched inside a request"
    await asyncio.sleep(0.05)
    at_once = len(issuer.asked)
    async with asyncio.timeout(5):
        while keys.key("second") is None:
            await asyncio.sleep(0.01)
    running.cancel()

    assert at_once == 1
    assert len(issuer.asked) == 2


async def test_an_issuer_that_starts_after_the_gateway_is_believed_soon_after(issuer: FakeIssuer) -> None:
    keys = keys_of(issuer, apart_s=0.05)
    issuer.status = 503
    running = asyncio.create_task(keys.run(lambda: None))
    await asyncio.sleep(0.2)
    before = keys.is_believed

    issuer.status = 200
    async with asyncio.timeout(5):
        while not keys.is_believed:
            await asyncio.sleep(0.01)
    running.cancel()

    assert not before


async def test_keys_that_were_taken_back_are_told_of_while_it_runs(issuer: FakeIssuer) -> None:
    keys, told = keys_of(issuer, every_s=0.1, apart_s=0.05), asyncio.Event()
    running = asyncio.create_task(keys.run(told.set))
    while not keys.is_believed:
        await asyncio.sleep(0.01)
    quiet = not told.is_set()

    issuer.add("second")
    del issuer.keys["first"]
    async with asyncio.timeout(5):
        await told.wait()
    running.cancel()

    assert quiet and keys.key("first") is None
