"""What is kept of the command line's sign-ins, on both engines alike: codes, devices, renewals, and their misuse."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.clock import DAY, HOUR, MINUTE, SECOND, Moment, at
from gateway.database.engine import Database
from gateway.errors import Conflict, GatewayError, Invalid, Unauthenticated, Unavailable
from gateway.identity.callers import Caller, Role
from gateway.identity.directory import Directory
from gateway.identity.keyring import KeyOrder
from gateway.identity.logins import beginning, devices, pacing
from gateway.identity.logins.challenges import challenge_of, new_verifier
from gateway.identity.logins.codes import Redemption
from gateway.identity.logins.logging_in import LoggingIn, Tokens
from gateway.identity.logins.redirects import Redirect
from gateway.identity.logins.refusals import TooManyWrongCodes
from gateway.identity.logins.requests import AuthorizationRequest
from gateway.identity.people.arriving import Arrival, Limits
from gateway.identity.people.recognising import Vouched
from gateway.identity.people.registry import Registry
from gateway.identity.people.sessions import SessionKind, mint_session
from gateway.identity.tokens.authority import Authority
from gateway.identity.tokens.believing import Believed
from gateway.identity.tokens.own import OwnIssuer, SignedIn, new_number
from gateway.identity.tokens.rates import TokenRates
from gateway.identity.tokens.signing_keys import SigningKeys
from tests.fakes.installation import NOW, PEPPERS, START, Installation, begun, lines

URL = "https://gateway.example"
LISTENER = Redirect("http://127.0.0.1:49152/signed-in", "127.0.0.1", 49152)
VERIFIER = new_verifier()


@dataclass
class Desk:
    """A person before a browser and a command line, in front of as many processes as are wanted."""

    installation: Installation
    issuer: OwnIssuer
    directory: Directory
    logging_in: LoggingIn
    registry: Registry
    alice: Caller

    def another_process(self) -> tuple[Directory, LoggingIn]:
        directory = Directory(
            self.installation.database,
            self.installation.ledger,
            PEPPERS,
            believed=Believed([self.issuer]),
            providers=["corporate"],
        )
        return directory, LoggingIn(self.installation.database, directory, self.issuer, TokenRates(0, 0))

    async def arrive(self, *roles: Role, now: Moment = NOW) -> Caller:
        """Sign in in a browser."""
        session, secret, digest = mint_session()
        vouched = Vouched(issuer="corporate", subject="a", user_name="alice", display_name="", signed_in_at=START)
        arrival = Arrival(
            vouched=vouched,
            organisation="acme",
            roles=roles or (Role.DEVELOPER,),
            assertions=(),
            session=session,
            kind=SessionKind.BROWSER,
            digest=digest,
            limits=Limits(idle=30 * MINUTE, absolute=24 * HOUR),
            state=session,
            state_expires_at=now.latest + MINUTE,
        )
        await self.registry.arrive(arrival, now)
        return await self.directory.in_session(secret.reveal(), now)

    async def code(self, scope: str = "control", now: Moment = NOW, verifier: str = VERIFIER) -> str:
        request = AuthorizationRequest(LISTENER, challenge_of(verifier), "state", scope)
        return (await self.logging_in.allow(self.alice, request, now)).reveal()

    async def redeem(
        self, code: str, now: Moment = NOW, *, uri: str = LISTENER.uri, verifier: str = VERIFIER
    ) -> Tokens:
        return await self.logging_in.redeem(Redemption(code, uri, verifier), now)

    async def log_in(self, scope: str = "control", now: Moment = NOW) -> Tokens:
        return await self.redeem(await self.code(scope, now), now)

    async def caller(self, tokens: Tokens, now: Moment = NOW, directory: Directory | None = None) -> Caller:
        return await (directory or self.directory).authenticate(tokens.access_token, "10.0.0.1", now)


@pytest_asyncio.fixture
async def desk(database: Database, tmp_path: Path) -> Desk:
    installation = await begun(database)
    issuer = OwnIssuer(URL, SigningKeys(tmp_path / "token.keys"), 10 * MINUTE)
    directory = Directory(
        installation.database, installation.ledger, PEPPERS, believed=Believed([issuer]), providers=["corporate"]
    )
    registry = Registry(directory, lambda *_: [])
    logging_in = LoggingIn(installation.database, directory, issuer, TokenRates(0, 0))
    made = Desk(installation, issuer, directory, logging_in, registry, installation.provider)
    made.alice = await made.arrive()
    return made


async def refused(awaited: object) -> str:
    """The code with which something is refused."""
    with pytest.raises(GatewayError) as error:
        await awaited  # type: ignore[misc]
    return error.value.code


async def events(desk: Desk) -> list[str]:
    return [event for event, _ in await lines(desk.installation)]


# Codes


async def test_a_code_becomes_the_tokens_of_a_session_of_that_person(desk: Desk) -> None:
    tokens = await desk.log_in()
    caller = await desk.caller(tokens)

    assert (caller.person, caller.organisation, caller.roles) == (desk.alice.person, "acme", (Role.DEVELOPER,))
    assert caller.session not in {"", desk.alice.session} and caller.key == desk.alice.person
    assert (caller.scopes, caller.signed_in_at, tokens.lifetime_s) == (("control",), START, 600)
    assert caller.token is not None and caller.token.client == "gateway-cli" and caller.credential == caller.token.id
    assert await desk.caller(tokens) is caller and desk.directory.is_current(caller)
    assert repr(tokens) == "Tokens(…)"
    began, issued = (await lines(desk.installation))[-2:]
    assert (began[0], issued[0]) == ("session:started", "token:issued")
    assert began[1]["subject"] == caller.session and began[1]["person"] == desk.alice.person
    assert began[1]["detail"]["allowed_in"] == desk.alice.session  # type: ignore[index]
    assert tokens.refresh_token.reveal() not in str(await lines(desk.installation))


async def test_a_code_presented_twice_gets_nothing_and_ends_what_came_of_it(desk: Desk) -> None:
    code = await desk.code()
    tokens = await desk.redeem(code)
    await desk.caller(tokens)

    again = await refused(desk.redeem(code))

    assert again == "invalid_grant"
    assert await refused(desk.caller(tokens)) == "session_over"
    assert await refused(desk.logging_in.renew(tokens.refresh_token.reveal(), NOW)) == "invalid_grant"
    assert (await events(desk))[-1] == "session:ended"


async def test_of_two_that_present_a_code_at_once_neither_keeps_a_session(desk: Desk) -> None:
    code = await desk.code()

    got = await asyncio.gather(desk.redeem(code), desk.redeem(code), return_exceptions=True)

    tokens = [each for each in got if isinstance(each, Tokens)]
    assert len(tokens) == 1 and await refused(desk.caller(tokens[0])) == "session_over"


WRONG = {
    "another verifier": {"verifier": new_verifier()},
    "the challenge for a verifier": {"verifier": challenge_of(VERIFIER)},
    "no verifier": {"verifier": ""},
    "another redirect": {"uri": "http://127.0.0.1:49153/signed-in"},
    "a code too late": {"now": at(START + MINUTE)},
}


@pytest.mark.parametrize("how", WRONG)
async def test_a_code_presented_wrongly_is_over_for_everybody(desk: Desk, how: str) -> None:
    code = await desk.code()

    assert await refused(desk.redeem(code, **WRONG[how])) == "invalid_grant"  # type: ignore[arg-type]
    assert await refused(desk.redeem(code)) == "invalid_grant"
    assert (await events(desk)).count("session:started") == 1  # the browser's own


async def test_what_was_never_given_gets_nothing_and_nobody_waits_for_it(desk: Desk) -> None:
    writes = desk.installation.database.writes
    for garbage in ("", "rsgc_", "\ud800", "a" * 20_000, "rsgr_" + "A" * 43):
        assert await refused(desk.redeem(garbage)) == "invalid_grant"
        assert await refused(desk.logging_in.renew(garbage, NOW)) == "invalid_grant"
        assert await refused(desk.logging_in.poll(garbage, NOW)) == "invalid_grant"

    assert desk.installation.database.writes == writes


async def test_a_code_of_somebody_who_left_meanwhile_gets_nothing(desk: Desk) -> None:
    code, another = await desk.code(), await desk.code()
    browser = desk.alice.session
    await desk.registry.end_session(desk.alice, browser, "signed out", NOW)
    assert await refused(desk.redeem(code)) == "invalid_grant"

    await desk.registry.disable(desk.installation.provider, desk.alice.person, "left", NOW)
    assert await refused(desk.redeem(another)) == "invalid_grant"


async def test_while_the_database_is_away_nothing_is_given_and_that_is_said(desk: Desk) -> None:
    started, tokens = await wait(desk), await desk.log_in()
    desk.installation.database.fails = TimeoutError()

    codes = [
        await refused(desk.code()),
        await refused(desk.redeem("rsgc_" + "A" * 43)),
        await refused(wait(desk)),
        await refused(desk.logging_in.decide(desk.alice, started.user_code, NOW, allows=True)),
        await refused(desk.logging_in.waiting(desk.alice, started.user_code, NOW)),
        await refused(desk.logging_in.poll(started.device_code.reveal(), NOW)),
        await refused(desk.logging_in.renew(tokens.refresh_token.reveal(), NOW)),
        await refused(desk.logging_in.end(tokens.refresh_token.reveal(), NOW)),
    ]

    assert set(codes) <= {"database_unavailable", "identity_unavailable", "ledger_unavailable"}
    desk.installation.database.fails = None
    assert (await desk.logging_in.renew(tokens.refresh_token.reveal(), NOW)).scope == "control"


# Sessions of the command line


async def test_whoever_leaves_is_out_here_at_once_and_elsewhere_with_the_feed(desk: Desk) -> None:
    tokens = await desk.log_in()
    elsewhere, _ = desk.another_process()
    stale = await desk.caller(tokens, directory=elsewhere)
    revision = (await desk.installation.ledger.news(-1)).revision

    await desk.registry.disable(desk.installation.provider, desk.alice.person, "left", NOW)
    here = await refused(desk.caller(tokens))
    for touch in (await desk.installation.ledger.news(revision)).touches:
        elsewhere.drop(touch.kind, touch.id)

    assert here == await refused(desk.caller(tokens, directory=elsewhere)) == "session_over"
    assert not elsewhere.is_current(stale)
    assert await refused(elsewhere.renewed(stale, NOW)) == "session_over"
    assert await refused(desk.logging_in.renew(tokens.refresh_token.reveal(), NOW)) == "invalid_grant"


async def test_a_token_ends_with_its_session_and_signing_out_in_the_browser_leaves_it(desk: Desk) -> None:
    tokens = await desk.log_in()

    await desk.registry.end_session(desk.alice, desk.alice.session, "signed out", NOW)

    assert (await desk.caller(tokens)).person == desk.alice.person
    await desk.logging_in.end(tokens.refresh_token.reveal(), NOW)
    assert await refused(desk.caller(tokens)) == "session_over"


@pytest.mark.parametrize("which", ["access", "refresh"])
async def test_either_token_signs_out_and_what_is_none_signs_nobody_out(desk: Desk, which: str) -> None:
    tokens, others = await desk.log_in(), await desk.log_in()
    presented = tokens.access_token if which == "access" else tokens.refresh_token.reveal()
    tampered = tokens.access_token[:-8] + "AAAAAAA" + tokens.access_token[-1]
    for nothing in ("", "x", "ey.a.b", tampered, "rsgr_" + "A" * 43):
        await desk.logging_in.end(nothing, NOW)
    assert (await desk.caller(tokens)).person

    for _ in range(2):
        await desk.logging_in.end(presented, NOW)

    assert await refused(desk.caller(tokens)) == "session_over"
    assert (await desk.caller(others)).person == desk.alice.person
    ended = [body for event, body in await lines(desk.installation) if event == "session:ended"]
    assert len(ended) == 1 and ended[0]["person"] == desk.alice.person


async def test_a_token_is_revoked_by_its_id_and_its_session_goes_on(desk: Desk) -> None:
    tokens = await desk.log_in()
    caller = await desk.caller(tokens)
    assert caller.token is not None
    authority = Authority(desk.directory, desk.installation.ledger, desk.issuer, TokenRates(0, 0))
    await authority.revoke_by_id(desk.installation.provider, caller.token.id, "leaked", NOW)

    assert await refused(desk.caller(tokens)) == "token_revoked" and not desk.directory.is_current(caller)
    renewed = await desk.logging_in.renew(tokens.refresh_token.reveal(), NOW)
    assert (await desk.caller(renewed)).session == caller.session


async def test_a_person_issues_keys_of_their_own_by_a_token_and_they_end_with_them(desk: Desk) -> None:
    caller = await desk.caller(await desk.log_in())

    issued = await desk.directory.issue_key(caller, KeyOrder(scopes=("inference",)), NOW)
    client = await desk.directory.issue_key(caller, KeyOrder(is_client=True), NOW)
    await desk.registry.disable(desk.installation.provider, desk.alice.person, "left", NOW)

    assert issued.key.person == desk.alice.person and client.key.person is None
    assert await refused(desk.directory.authenticate(issued.token.reveal(), None, NOW)) == "key_revoked"
    assert (await desk.directory.key(desk.installation.provider, client.key.id)).revoked_at is None


async def test_a_session_ends_when_the_provider_is_to_be_asked_again_however_much_it_is_used(desk: Desk) -> None:
    tokens = await desk.log_in(now=at(START + 20 * MINUTE))
    for hours in (8, 16, 23):
        tokens = await desk.logging_in.renew(tokens.refresh_token.reveal(), at(START + hours * HOUR))
    last = await desk.logging_in.renew(tokens.refresh_token.reveal(), at(START + DAY - 30 * SECOND))

    assert last.lifetime_s == 30
    assert await refused(desk.logging_in.renew(last.refresh_token.reveal(), at(START + DAY))) == "invalid_grant"
    assert await refused(desk.caller(last, at(START + DAY))) == "token_expired"


async def test_a_session_that_nobody_renews_is_over(desk: Desk) -> None:
    tokens = await desk.log_in()

    late = at(START + beginning.IDLE)

    assert await refused(desk.logging_in.renew(tokens.refresh_token.reveal(), late)) == "invalid_grant"


SOMEBODY = "person_" + "0" * 24
NOWHERE = "session_" + "0" * 24


@pytest.mark.parametrize(
    ("session", "person", "code"),
    [("", SOMEBODY, "invalid_token"), (NOWHERE, "", "invalid_api_key"), ("", "0" * 12, "invalid_token")],
)
async def test_a_token_opens_the_session_of_its_own_person_alone(
    desk: Desk, session: str, person: str, code: str
) -> None:
    """Signed by the gateway's very key: what is wrong with it is what it says; an empty name stands for Alice's."""
    alice = await desk.caller(await desk.log_in())
    signed_in = SignedIn(session or alice.session, person or alice.person, "gateway-cli", START + HOUR)

    text, _ = desk.issuer.written_in(signed_in, "control", new_number(), NOW)

    assert await refused(desk.directory.authenticate(text, None, NOW)) == code


# Renewing


async def test_what_renews_is_good_for_once_and_twice_ends_the_session(desk: Desk) -> None:
    first = await desk.log_in()
    second = await desk.logging_in.renew(first.refresh_token.reveal(), NOW)
    third = await desk.logging_in.renew(second.refresh_token.reveal(), NOW)
    assert (await desk.caller(third)).session == (await desk.caller(first)).session

    stolen = await refused(desk.logging_in.renew(first.refresh_token.reveal(), NOW))

    assert stolen == "invalid_grant"
    for tokens in (first, second, third):
        assert await refused(desk.caller(tokens)) == "session_over"
    assert await refused(desk.logging_in.renew(third.refresh_token.reveal(), NOW)) == "invalid_grant"
    assert (await events(desk)).count("session:ended") == 1


async def test_of_two_that_renew_at_once_in_two_processes_one_does_and_the_session_ends(desk: Desk) -> None:
    tokens = await desk.log_in()
    _, elsewhere = desk.another_process()
    presented = tokens.refresh_token.reveal()

    got = await asyncio.gather(
        desk.logging_in.renew(presented, NOW), elsewhere.renew(presented, NOW), return_exceptions=True
    )

    assert sorted(type(each).__name__ for each in got) == ["Invalid", "Tokens"]
    assert (await events(desk))[-1] == "session:ended"


# Devices


async def wait(desk: Desk, scope: str = "control", peer: str = "192.0.2.1", now: Moment = NOW) -> devices.Started:
    return await desk.logging_in.start(scope, peer, now)


async def test_a_device_is_allowed_elsewhere_and_then_has_a_session(desk: Desk) -> None:
    started = await wait(desk, "control:read")
    device, code = started.device_code.reveal(), started.user_code
    assert await refused(desk.logging_in.poll(device, NOW)) == "authorization_pending"
    _, elsewhere = desk.another_process()

    waits = await elsewhere.waiting(desk.alice, code, NOW)
    await elsewhere.decide(desk.alice, code, NOW, allows=True)
    tokens = await elsewhere.poll(device, NOW)

    assert (waits.peer, waits.scope) == ("192.0.2.1", "control:read")
    caller = await desk.caller(tokens)
    assert (caller.person, caller.scopes) == (desk.alice.person, ("control:read",))
    _, third = desk.another_process()
    assert await refused(third.poll(device, NOW)) == "invalid_grant"
    assert await refused(desk.caller(tokens, directory=desk.another_process()[0])) == "session_over"


async def test_who_polls_too_early_is_slowed_down(desk: Desk) -> None:
    device = (await wait(desk)).device_code.reveal()

    told = [await refused(desk.logging_in.poll(device, NOW)) for _ in range(4)]

    assert told == ["authorization_pending", "slow_down", "slow_down", "slow_down"]


async def test_a_device_that_was_denied_or_is_over_gets_nothing(desk: Desk) -> None:
    denied, over = await wait(desk), await wait(desk)
    await desk.logging_in.decide(desk.alice, denied.user_code, NOW, allows=False)
    late = at(START + devices.LASTS)

    assert await refused(desk.logging_in.poll(denied.device_code.reveal(), NOW)) == "access_denied"
    assert await refused(desk.logging_in.poll(over.device_code.reveal(), late)) == "expired_token"
    with pytest.raises(Conflict):
        await desk.logging_in.decide(desk.alice, over.user_code, late, allows=True)
    with pytest.raises(Invalid):
        await desk.logging_in.waiting(desk.alice, over.user_code, late)


async def test_a_code_is_decided_once(desk: Desk) -> None:
    started = await wait(desk)
    await desk.logging_in.decide(desk.alice, started.user_code, NOW, allows=False)

    for allows in (True, False):
        with pytest.raises(Conflict):
            await desk.logging_in.decide(desk.alice, started.user_code, NOW, allows=allows)
    assert await refused(desk.logging_in.poll(started.device_code.reveal(), NOW)) == "access_denied"


async def test_guessing_codes_is_stopped_and_for_that_person_alone(desk: Desk) -> None:
    started = await wait(desk)
    bob = await desk.directory.authenticate(desk.installation.provider_token, None, NOW)
    for guess in [None, *["BBBBBBBB"] * (pacing.GUESSES - 1)]:
        assert await refused(desk.logging_in.waiting(desk.alice, guess, NOW)) == "invalid_request"
    reads = desk.installation.database.reads

    with pytest.raises(TooManyWrongCodes) as stopped:
        await desk.logging_in.waiting(desk.alice, started.user_code, NOW)
    assert 590 <= stopped.value.retry_after_s <= 600

    assert desk.installation.database.reads == reads
    assert (await desk.logging_in.waiting(bob, started.user_code, NOW)).user_code == started.user_code


async def test_codes_of_one_kind_get_nothing_as_another(desk: Desk) -> None:
    started, code, tokens = await wait(desk), await desk.code(), await desk.log_in()
    await desk.logging_in.decide(desk.alice, started.user_code, NOW, allows=True)
    device, refresh = started.device_code.reveal(), tokens.refresh_token.reveal()

    for mixed in (
        desk.redeem(device),
        desk.redeem(refresh),
        desk.redeem(tokens.access_token),
        desk.logging_in.poll(code, NOW),
        desk.logging_in.poll(refresh, NOW),
        desk.logging_in.renew(device, NOW),
        desk.logging_in.renew(code, NOW),
        desk.logging_in.renew(tokens.access_token, NOW),
        desk.logging_in.poll(started.user_code, NOW),
    ):
        assert await refused(mixed) == "invalid_grant"
    for secret in (code, device, refresh, refresh.replace("rsgr_", "session_")):
        with pytest.raises(Unauthenticated):
            await desk.directory.authenticate(secret, None, NOW)
        with pytest.raises(Unauthenticated):
            await desk.directory.in_session(secret, NOW)
    assert await desk.redeem(code) and await desk.logging_in.poll(device, NOW)


async def test_no_more_wait_than_may_and_those_that_are_over_count_no_more(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "OF_ONE_ADDRESS", 2)
    monkeypatch.setattr(devices, "OF_ALL", 3)
    for peer in ("192.0.2.1", "192.0.2.1", "192.0.2.2"):
        await wait(desk, peer=peer)

    with pytest.raises(Invalid):
        await wait(desk, peer="192.0.2.1")
    with pytest.raises(Unavailable):
        await wait(desk, peer="192.0.2.3")
    assert await wait(desk, now=at(START + devices.LASTS))
