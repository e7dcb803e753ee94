"""An OPA server that is stopped, slow or answers nonsense: nothing passes, and it is trusted again when it is well."""

import asyncio
import gzip
import json
import time
from pathlib import Path

import pytest

from gateway.access.judges.answers import ANSWER_BYTES_MAX
from gateway.access.judges.opa import OPAJudge
from gateway.access.judges.policies import PolicySet
from gateway.errors import JudgeUnavailable, SettingsInvalid
from tests.access.judges.opa_server import opa_binary, opa_server, unused_port
from tests.access.judges.questions import a_question
from tests.fakes.opa import ALLOW, OBLIGATIONS, Behaviour, FakeOPA, answer, fake_opa, hangs, response, sends

OURS = "sha256:" + "a" * 64
SOUND = answer(OURS)
JSON = "content-type: application/json\r\n"
CHUNKED = f"HTTP/1.1 200 OK\r\n{JSON}transfer-encoding: chunked\r\n\r\n".encode()


def _result(**differences: object) -> bytes:
    return response(answer(OURS, ALLOW | differences))


def _kept(**differences: object) -> bytes:
    return _result(obligations=OBLIGATIONS | differences)


def _without(field: str) -> bytes:
    return response(answer(OURS, {name: value for name, value in ALLOW.items() if name != field}))


def _denial(**differences: object) -> bytes:
    denial = {"allow": False, "visible": True, "reasons": ["grant_required"], "obligations": None}
    return response(answer(OURS, denial | differences))


async def _hangs_up(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> bool:
    return False


async def _trickles(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    for byte in response(SOUND):
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.02)
    return True


async def _never_ends(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    writer.write(CHUNKED)
    while True:
        writer.write(b"1000\r\n" + b" " * 0x1000 + b"\r\n")
        await writer.drain()


async def _continues_for_ever(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    while True:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.01)


FAULTS: dict[str, Behaviour] = {
    "hangs": hangs,
    "hangs up": _hangs_up,
    "hangs after the headers": sends(f"HTTP/1.1 200 OK\r\n{JSON}content-length: 900\r\n\r\n".encode(), then="hang"),
    "hangs in mid-body": sends(response(SOUND)[:-20], then="hang"),
    "trickles": _trickles,
    "never ends": _never_ends,
    "continues for ever": _continues_for_ever,
    "ends in mid-body": sends(response(SOUND)[:-20], then="close"),
    "status 500 with an allow": sends(response(SOUND, "500 Internal Server Error")),
    "status 503": sends(response(b"", "503 Service Unavailable")),
    "status 404": sends(response(b"{}", "404 Not Found")),
    "status 401": sends(response(b"{}", "401 Unauthorized")),
    "status 201 with an allow": sends(response(SOUND, "201 Created")),
    "status 204": sends(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "redirect": sends(response(SOUND, "307 Temporary Redirect", JSON + "location: /v1/data/other\r\n")),
    "redirect elsewhere": sends(response(SOUND, "302 Found", JSON + "location: http://127.0.0.1:1/\r\n")),
    "not HTTP": sends(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "endless header": sends(b"HTTP/1.1 200 OK\r\nx: " + b"x" * 100_000),
    "two lengths": sends(response(SOUND, headers=JSON + "content-length: 3\r\n")),
    "negative length": sends(f"HTTP/1.1 200 OK\r\n{JSON}content-length: -1\r\n\r\n".encode() + SOUND),
    "bad chunk": sends(CHUNKED + b"zz\r\n" + SOUND + b"\r\n0\r\n\r\n"),
    "chunk too short": sends(CHUNKED + b"5\r\n" + SOUND + b"\r\n0\r\n\r\n"),
    "content type text": sends(response(SOUND, headers="content-type: text/html\r\n")),
    "content type missing": sends(response(SOUND, headers="")),
    "compressed": sends(response(gzip.compress(SOUND), headers=JSON + "content-encoding: gzip\r\n")),
    "huge": sends(response(SOUND + b" " * ANSWER_BYTES_MAX)),
    "empty": sends(response(b"")),
    "an array": sends(response(b"[" + SOUND + b"]")),
    "a string": sends(response(json.dumps(SOUND.decode()).encode())),
    "null": sends(response(b"null")),
    "truncated JSON": sends(response(SOUND[:-1])),
    "two documents": sends(response(SOUND + SOUND)),
    "not UTF-8": sends(response(SOUND.replace(b"metadata", b"\xff\xfe"))),
    "nested without end": sends(response(b"[" * 60_000)),
    "without result": sends(response(json.dumps({"provenance": {"bundles": {"x": {"revision": OURS}}}}).encode())),
    "result null": sends(response(answer(OURS, None))),
    "result true": sends(response(answer(OURS, True))),
    "result the string true": sends(response(answer(OURS, "true"))),
    "result an array": sends(response(answer(OURS, [ALLOW]))),
    "result twice": sends(response(SOUND[:-1] + b',"result":' + json.dumps(ALLOW).encode() + b"}")),
    "unknown key outside": sends(response(answer(OURS, warning="input is missing"))),
    "unknown key inside": sends(_result(because="I say so")),
    "allow the string true": sends(_result(allow="true")),
    "allow one": sends(_result(allow=1)),
    "allow null": sends(_result(allow=None)),
    "allow missing": sends(_without("allow")),
    "visible missing": sends(_without("visible")),
    "reasons missing": sends(_without("reasons")),
    "obligations missing": sends(_without("obligations")),
    "allow with a reason": sends(_result(reasons=["grant_required"])),
    "allow without obligations": sends(_result(obligations=None)),
    "allow and hidden": sends(_result(visible=False)),
    "allow for another component": sends(_kept(components=["inference.embeddings"])),
    "allow for more than is offered": sends(_kept(components=["inference.text", "weights.final"])),
    "allow with an unknown obligation": sends(_kept(watermark=True)),
    "allow with a log that nothing keeps": sends(_kept(log="none")),
    "allow with a negative limit": sends(_kept(requests_per_minute=-1)),
    "allow with a fraction": sends(_kept(requests_per_minute=0.5)),
    "allow with NaN": sends(response(SOUND.replace(b"60", b"NaN"))),
    "allow with infinity": sends(response(SOUND.replace(b"60", b"1e999"))),
    "allow with a limit as text": sends(_kept(requests_per_minute="60")),
    "denial without a reason": sends(_denial(reasons=[])),
    "denial with an unknown reason": sends(_denial(reasons=["because"])),
    "denial with obligations": sends(_denial(obligations=OBLIGATIONS)),
    "denial that tells and hides": sends(_denial(visible=False)),
    "denial that hides and tells": sends(_denial(reasons=["model_not_found"])),
    "another revision": sends(response(answer("sha256:" + "b" * 64))),
    "an empty revision": sends(response(answer(""))),
    "a revision that begins with ours": sends(response(answer(OURS + "0"))),
    "no provenance": sends(response(json.dumps({"result": ALLOW}).encode())),
    "no bundles": sends(response(json.dumps({"result": ALLOW, "provenance": {"version": "1"}}).encode())),
    "no bundle": sends(response(json.dumps({"result": ALLOW, "provenance": {"bundles": {}}}).encode())),
}


async def _asks(fake: FakeOPA) -> OPAJudge:
    judge = OPAJudge(OURS, fake.url)
    await judge.start()
    return judge


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_faulty_answer_is_no_decision_and_the_next_sound_one_is(fault: str) -> None:
    async with fake_opa(FAULTS[fault]) as fake:
        judge = await _asks(fake)
        asked_at = time.monotonic()

        with pytest.raises(JudgeUnavailable):
            await judge.ask(a_question())
        refused_after_s = time.monotonic() - asked_at
        said = judge.fault
        fake.behaviour = sends(response(SOUND))
        decision = await judge.ask(a_question())

        await judge.stop()
    assert refused_after_s < 1
    assert said
    assert decision.allow
    assert judge.fault != said


def test_the_faults_are_of_at_least_thirty_kinds() -> None:
    assert len(FAULTS) >= 30


@pytest.mark.parametrize("fault", ["hangs", "redirect", "another revision", "result true", "never ends"])
async def test_a_judge_with_a_faulty_server_is_not_ready(fault: str) -> None:
    async with fake_opa(FAULTS[fault]) as fake:
        judge = await _asks(fake)

        ready = await judge.ready()

        await judge.stop()
    assert not ready


async def test_a_server_that_allows_what_makes_no_sense_is_not_ready() -> None:
    async with fake_opa(sends(response(SOUND))) as fake:
        judge = await _asks(fake)

        ready = await judge.ready()

        await judge.stop()
    assert not ready


async def test_a_redirect_is_not_followed() -> None:
    async with fake_opa(sends(response(SOUND))) as elsewhere:
        location = JSON + f"location: {elsewhere.url}/v1/data/access/decision\r\n"
        async with fake_opa(sends(response(b"", "307 Temporary Redirect", location))) as fake:
            judge = await _asks(fake)

            with pytest.raises(JudgeUnavailable):
                await judge.ask(a_question())

            await judge.stop()
    assert elsewhere.requests == []


async def test_a_faulty_answer_is_not_asked_for_again() -> None:
    async with fake_opa(FAULTS["status 500 with an allow"]) as fake:
        judge = await _asks(fake)

        with pytest.raises(JudgeUnavailable):
            await judge.ask(a_question())

        await judge.stop()
    assert len(fake.requests) == 1


async def test_the_path_is_the_same_whatever_is_asked() -> None:
    async with fake_opa(sends(response(SOUND))) as fake:
        judge = await _asks(fake)

        await judge.ask(a_question())
        await judge.ask(a_question(release="../../policies?x=", strategy="/v1/query", roles=("a&b#c",)))

        await judge.stop()
    assert set(fake.requests) == {b"POST /v1/data/access/decision?provenance=true HTTP/1.1"}


async def test_a_connection_is_used_again() -> None:
    async with fake_opa(sends(response(SOUND))) as fake:
        judge = await _asks(fake)

        for _ in range(20):
            await judge.ask(a_question())

        await judge.stop()
    assert (len(fake.requests), fake.connections) == (20, 1)


async def test_a_server_that_hangs_holds_a_bounded_number_of_questions_for_a_bounded_time() -> None:
    async with fake_opa(hangs) as fake:
        judge = OPAJudge(OURS, fake.url, in_flight_max=8, waiting_max=50)
        await judge.start()
        asked_at = time.monotonic()

        answers = await asyncio.gather(*(judge.ask(a_question()) for _ in range(500)), return_exceptions=True)

        took_s = time.monotonic() - asked_at
        await judge.stop()
    assert all(isinstance(answer, JudgeUnavailable) for answer in answers)
    assert took_s < 1
    assert fake.open_max <= 8


async def test_a_question_given_up_by_its_caller_leaves_room_for_others() -> None:
    async with fake_opa(hangs) as fake:
        judge = OPAJudge(OURS, fake.url, in_flight_max=1, waiting_max=1)
        await judge.start()
        given_up = asyncio.create_task(judge.ask(a_question()))
        await fake.asked.wait()
        given_up.cancel()
        await asyncio.gather(given_up, return_exceptions=True)
        fake.behaviour = sends(response(SOUND))

        decision = await judge.ask(a_question())

        await judge.stop()
    assert decision.allow


async def test_nobody_listening_is_no_decision() -> None:
    judge = OPAJudge(OURS, f"http://127.0.0.1:{unused_port()}")
    await judge.start()

    with pytest.raises(JudgeUnavailable):
        await judge.ask(a_question())

    await judge.stop()


async def test_a_judge_that_is_not_started_judges_nothing() -> None:
    judge = OPAJudge(OURS, "http://127.0.0.1:1")

    assert not await judge.ready()


async def test_a_real_server_is_asked_again_as_soon_as_it_is_back(policies: PolicySet, tmp_path: Path) -> None:
    opa_binary()
    bundle = tmp_path / "bundle.tar.gz"
    bundle.write_bytes(policies.bundle())
    port = unused_port()
    judge = OPAJudge(policies.digest, f"http://127.0.0.1:{port}", timeout_s=2)
    await judge.start()

    ready = [await judge.ready()]
    for _ in range(2):
        with opa_server(bundle, port):
            ready.append(await judge.ready())
            assert (await judge.ask(a_question())).allow
        ready.append(await judge.ready())

    await judge.stop()
    assert ready == [False, True, False, True, False]


async def test_a_real_server_with_other_policies_is_not_ready(opa_url: str) -> None:
    judge = OPAJudge(OURS, opa_url, timeout_s=2)
    await judge.start()

    ready = await judge.ready()

    assert not ready
    with pytest.raises(JudgeUnavailable):
        await judge.ask(a_question())
    await judge.stop()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:8181",
        "ftp://opa",
        "http://",
        "http://opa/v1",
        "http://a:b@opa",
        "http://opa?x=1",
        "http://opa:99999",
    ],
)
def test_an_address_that_is_not_one_of_a_server_is_refused_before_anything_starts(url: str) -> None:
    with pytest.raises(SettingsInvalid):
        OPAJudge(OURS, url)
