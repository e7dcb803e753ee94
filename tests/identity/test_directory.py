"""The directory tells who asks, at once for whom it knows, and nobody by mistake."""

import asyncio
import itertools
import logging
import string
from binascii import crc32
from collections.abc import Callable
from typing import TypeVar

import pytest
from sqlalchemy import Connection, exc

from gateway.access.current import Current
from gateway.access.entrance import Entrance
from gateway.access.snapshot import EMPTY
from gateway.clock import DAY, SECOND, Moment, at, elapsed_us
from gateway.database.engine import Database
from gateway.errors import Unauthenticated, Unavailable
from gateway.identity import store
from gateway.identity.callers import Role
from gateway.identity.directory import Directory
from gateway.identity.keyring import Key, KeyOrder, Rotation, SignedKey
from gateway.identity.keys import key_id_of, mint
from gateway.ledger.store import Ledger
from tests.fakes.installation import ACME, NOW, PEPPERS, START, CountedDatabase, Installation, refusal

T = TypeVar("T")


def with_check(body: str) -> str:
    """A well-formed key of our own making."""
    number, check = crc32(body.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        check = (string.digits + string.ascii_uppercase + string.ascii_lowercase)[digit] + check
    return body + check


def with_secret_of(token: str, other: str) -> str:
    """The key with the id of one and the secret of another."""
    return with_check(token.rsplit("_", 1)[0] + "_" + other.rsplit("_", 1)[1][:43])


async def test_a_key_is_looked_up_once_and_its_caller_stays_the_same_object(installation: Installation) -> None:
    caller, token = await installation.enter(ACME)
    before = installation.database.reads

    again = [await installation.directory.authenticate(token, None, at(START + second)) for second in range(50)]

    assert installation.database.reads == before
    assert all(each is caller for each in again)
    assert await installation.directory.caller(caller.key, NOW) is caller


async def test_a_mistyped_key_reaches_no_database(installation: Installation) -> None:
    _, token = await installation.enter(ACME)
    before = installation.database.reads

    for place in range(len(token)):
        wrong = token[:place] + ("x" if token[place] != "x" else "y") + token[place + 1 :]
        assert await refusal(installation.directory, wrong) == "invalid_api_key"

    assert installation.database.reads == before


INJECTIONS = [
    "' OR '1'='1",
    "'; DROP TABLE api_key; --",
    'rsg_dev_" OR 1=1 -- _',
    "{{7*7}}",
    "data.access.allow",
    "rsg_dev_\r\nx-roles: provider",
    "\x1b[31mrsg_dev_",
    "\x00" * 70,
    "rsg_dev_%00%00%00%00%00%00%00%00%00%00%00%00_",
    "../../etc/passwd",
    "\u0661" * 70,
    "\ud800" * 70,
    "r" * 1_000_000,
]


@pytest.mark.parametrize("failure", [OSError("gone"), TimeoutError(), exc.OperationalError("SELECT", {}, OSError())])
async def test_who_cannot_be_looked_up_is_refused_and_found_again_without_a_restart(
    installation: Installation, failure: Exception
) -> None:
    caller, token = await installation.enter(ACME)
    directory = installation.another_process()

    installation.database.fails = failure
    with pytest.raises(Unavailable) as refused:
        await directory.authenticate(token, None, NOW)
    installation.database.fails = None

    assert refused.value.code == "identity_unavailable"
    assert await directory.authenticate(token, None, NOW) == caller


async def test_a_database_that_hangs_is_not_waited_for(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Hung(CountedDatabase):
        async def read(self, work: Callable[[Connection], T]) -> T:
            await asyncio.Event().wait()
            raise AssertionError

    monkeypatch.setattr("gateway.identity.looking_up.LOOK_UP_MAX_S", 0.02)
    directory = Directory(Hung(installation.database), installation.ledger, PEPPERS)

    with pytest.raises(Unavailable):
        await directory.authenticate(mint("dev").reveal(), None, NOW)


async def test_who_lost_every_provider_key_is_given_another(installation: Installation) -> None:
    later = at(START + 91 * DAY)
    assert await refusal(installation.directory, installation.provider_token, now=later) == "key_expired"

    issued = await installation.directory.reissue(later)

    caller = await installation.directory.authenticate(issued.token.reveal(), None, later)
    assert (caller.organisation, caller.roles) == ("provider", (Role.PROVIDER,))


async def test_a_last_use_that_could_not_be_written_is_written_later(installation: Installation) -> None:
    caller, token = await installation.enter(ACME)
    await installation.directory.authenticate(token, None, at(START + 7))
    installation.database.fails = OSError("gone")
    with pytest.raises(OSError, match="gone"):
        await installation.directory.flush_last_used()

    installation.database.fails = None
    await installation.directory.flush_last_used()

    assert (await installation.directory.key(installation.provider, caller.key)).last_used_at == START + 7


async def test_nothing_is_written_for_keys_that_were_not_used(installation: Installation) -> None:
    await installation.directory.flush_last_used()
    before = installation.database.writes

    await installation.directory.flush_last_used()

    assert installation.database.writes == before


async def test_rotation_now_ends_the_old_key_at_once(installation: Installation) -> None:
    caller, token = await installation.enter(ACME)

    await installation.directory.rotate_key(caller, caller.key, Rotation(overlap=0), NOW)

    assert await refusal(installation.directory, token) == "key_revoked"


@pytest.mark.parametrize("injected", INJECTIONS)
async def test_case_4_an_injection_in_a_token_reaches_no_database_and_no_log(
    installation: Installation, injected: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    _, token = await installation.enter(ACME)
    caplog.clear()
    before = installation.database.reads, installation.database.writes

    with caplog.at_level(logging.DEBUG):
        hostile = [injected, token + injected, token[:8] + injected, token[:8] + (injected * 70)[:12] + token[20:]]
        codes = {await refusal(installation.directory, each) for each in hostile}

    assert codes == {"invalid_api_key"}
    assert (installation.database.reads, installation.database.writes) == before
    assert caplog.text == ""
    assert capsys.readouterr() == ("", "")


async def test_case_5_tokens_that_share_all_but_the_secret_never_stand_for_each_other(
    installation: Installation,
) -> None:
    issued = [await installation.enter(KeyOrder(organisation=name)) for name in ("acme", "bolt") for _ in range(4)]
    callers = {token: caller for caller, token in issued}

    crossed = [with_secret_of(one, other) for one, other in itertools.permutations(callers, 2)]

    assert {await refusal(installation.directory, token) for token in crossed} == {"invalid_api_key"}
    assert all(
        [await installation.directory.authenticate(token, None, NOW) is caller for token, caller in callers.items()]
    )


async def test_case_5_a_kind_that_was_altered_is_not_the_key(installation: Installation) -> None:
    _, token = await installation.enter(ACME)

    altered = with_secret_of("rsg_pro" + token[7:], token)

    assert key_id_of(altered) == key_id_of(token)
    assert await refusal(installation.directory, altered) == "invalid_api_key"


async def test_case_5_thousands_of_tokens_with_shared_prefixes_each_stand_for_themselves(
    sqlite_database: Database,
) -> None:
    """Ids differ in their last four letters, secrets in theirs; every fourth is revoked."""
    directory = Directory(sqlite_database, Ledger(sqlite_database, lambda: NOW), PEPPERS)
    await directory.bootstrap(NOW)
    ends = ["".join(letters) for letters in itertools.product("0aAbBzZ", repeat=4)]
    tokens = {with_check(f"rsg_dev_samesame{end}_" + "S" * 39 + end): place for place, end in enumerate(ends)}
    assert (len(tokens), len({token[:16] for token in tokens})) == (2401, 1)

    def enter_all(connection: Connection) -> None:
        for token, place in tokens.items():
            ended = None if place % 4 else START
            pepper, digest = PEPPERS.sign(token)
            key = Key(
                token[8:20], "dev", "provider", "", (), None, None, START, "", START + DAY, None, ended, pepper=pepper
            )
            store.add_key(connection, SignedKey(key, digest))

    await sqlite_database.write(enter_all)
    for token, place in tokens.items():
        if place % 4:
            assert (await directory.authenticate(token, None, NOW)).key == token[8:20]
        else:
            assert await refusal(directory, token) == "key_revoked"
        assert await refusal(directory, with_check(token[:-7] + "x")) == "invalid_api_key"


async def test_a_key_that_nobody_issued_is_looked_up_once(installation: Installation) -> None:
    token = mint("dev").reveal()
    before = installation.database.reads

    codes = {await refusal(installation.directory, token) for _ in range(5)}

    assert codes == {"invalid_api_key"}
    assert installation.database.reads == before + 1


@pytest.mark.parametrize(
    ("moment", "code"),
    [
        (at(START + 90 * DAY - 1), ""),
        (at(START + 90 * DAY), "key_expired"),
        (at(START + 90 * DAY + 1), "key_expired"),
        (Moment(START + 90 * DAY - SECOND, START + 90 * DAY), "key_expired"),
    ],
)
async def test_a_key_ends_as_soon_as_it_may_have_expired(installation: Installation, moment: Moment, code: str) -> None:
    caller, token = await installation.enter(ACME)

    if code:
        assert await refusal(installation.directory, token, now=moment) == code
    else:
        assert await installation.directory.authenticate(token, None, moment) is caller


async def test_case_12_a_look_up_under_way_does_not_bring_a_revoked_key_back(installation: Installation) -> None:
    caller, token = await installation.enter(ACME)
    elsewhere = installation.another_process()

    asking = [asyncio.ensure_future(elsewhere.authenticate(token, None, NOW)) for _ in range(3)]
    await asyncio.sleep(0)
    await installation.directory.revoke_key(installation.provider, caller.key, "leaked", NOW)
    elsewhere.drop("key", caller.key)
    await asyncio.gather(*asking, return_exceptions=True)

    assert await refusal(elsewhere, token) == "key_revoked"


async def test_case_12_a_key_revoked_while_its_organisation_is_looked_up_is_refused(
    installation: Installation,
) -> None:
    caller, token = await installation.enter(ACME)
    revoke = installation.directory.revoke_key

    class RevokesInBetween(CountedDatabase):
        async def read(self, work: Callable[[Connection], T]) -> T:
            found = await super().read(work)
            if self.reads == 2:  # the key was read, and now its organisation
                await revoke(installation.provider, caller.key, "leaked", NOW)
                elsewhere.drop("key", caller.key)
            return found

    elsewhere = Directory(RevokesInBetween(installation.database), installation.ledger, PEPPERS)

    assert await refusal(elsewhere, token) == "key_revoked"


async def test_only_who_has_the_secret_is_told_that_a_key_was_revoked_or_has_expired(
    installation: Installation,
) -> None:
    caller, token = await installation.enter(ACME)
    guessed = with_secret_of(token, mint("dev").reveal())
    expired = await refusal(installation.directory, guessed, now=at(START + 91 * DAY))

    await installation.directory.revoke_key(installation.provider, caller.key, "leaked", NOW)

    assert expired == "invalid_api_key"
    assert await refusal(installation.directory, guessed) == "invalid_api_key"
    assert await refusal(installation.directory, token) == "key_revoked"


@pytest.mark.parametrize(
    ("networks", "peer", "enters"),
    [
        (None, None, True),
        (None, "8.8.8.8", True),
        (("10.0.0.0/8",), "10.1.2.3", True),
        (("10.0.0.0/8",), "::ffff:10.1.2.3", True),
        (("10.0.0.0/8",), "11.1.2.3", False),
        (("10.0.0.0/8",), None, False),
        (("0.0.0.0/0", "::/0"), "unix:", False),
        ((), "10.1.2.3", False),
    ],
)
async def test_a_key_is_usable_only_from_where_it_is_allowed(
    installation: Installation, networks: tuple[str, ...] | None, peer: str | None, enters: bool
) -> None:
    issued = await installation.issue(KeyOrder(organisation="acme", networks=networks))

    if enters:
        caller = await installation.directory.authenticate(issued.token.reveal(), peer, NOW)
        assert caller.key == issued.key.id
    else:
        assert await refusal(installation.directory, issued.token.reveal(), peer=peer) == "invalid_api_key"


async def test_an_address_let_in_before_lets_in_no_other(installation: Installation) -> None:
    issued = await installation.issue(KeyOrder(organisation="acme", networks=("10.0.0.0/8",)))
    token, inside, outside = issued.token.reveal(), ["10.1.2.3", "10.1.2.3", "10.9.9.9"], ["11.1.2.3", None, ""]

    for peer in inside:
        await installation.directory.authenticate(token, peer, NOW)

        for stranger in outside:
            assert await refusal(installation.directory, token, peer=stranger) == "invalid_api_key"


async def test_a_key_from_outside_its_networks_is_told_like_an_unknown_one_and_counted_apart(
    installation: Installation,
) -> None:
    """What is told, in any part, must not say to whoever stole a key that it is one."""
    _, token = await installation.enter(KeyOrder(organisation="acme", networks=("10.0.0.0/8",)))
    counted: list[str] = []
    current = Current(stale_s=5)
    asked = elapsed_us()
    current.clock.observe(START, asked, asked)
    current.confirm(asked, EMPTY)
    entrance = Entrance(installation.directory, current, counted.append)

    told = []
    for presented, peer in ((token, "192.0.2.7"), (mint("dev").reveal(), "10.0.0.1"), (token, "10.0.0.1")):
        headers = [(b"authorization", b"Bearer " + presented.encode())]
        try:
            await entrance.caller(headers, (peer, 5000))
        except Unauthenticated as refused:
            told.append((refused.status, refused.code, refused.sentence()))

    assert len(told) == 2 and told[0] == told[1]
    assert counted == ["outside_networks", "invalid_api_key"]
