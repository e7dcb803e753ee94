"""What identity keeps, on both engines alike."""

import asyncio

import pytest
import pytest_asyncio
from sqlalchemy import text

from gateway.clock import DAY, at
from gateway.database.engine import Database
from gateway.errors import Conflict, SettingsInvalid, Unauthenticated
from gateway.identity.attributes import Claim
from gateway.identity.callers import Role
from gateway.identity.directory import Directory
from gateway.identity.keyring import Issued, Key, KeyOrder, Rotation
from gateway.identity.keys import key_id_of
from gateway.identity.peppers import Peppers
from gateway.ledger.store import Ledger, Touch
from tests.fakes.installation import (
    ACME,
    CLAIM,
    NOW,
    PEPPERS,
    START,
    Installation,
    begun,
    lines,
    refusal,
)


@pytest_asyncio.fixture
async def installation(database: Database) -> Installation:
    """An installation just begun, with the organisations `acme` and `bolt`."""
    return await begun(database)


async def test_a_caller_has_what_its_key_was_given(installation: Installation) -> None:
    order = KeyOrder(organisation="acme", roles=(Role.DEVELOPER, Role.AUDITOR), scopes=("weights", "inference:a/x"))

    caller, token = await installation.enter(order)

    assert (caller.key, caller.organisation) == (key_id_of(token), "acme")
    assert caller.roles == (Role.AUDITOR, Role.DEVELOPER)
    assert caller.scopes == ("inference:a/x", "weights")
    assert caller.expires_at == START + 90 * DAY
    assert await installation.another_process().authenticate(token, None, NOW) == caller


async def test_case_12_a_revoked_key_is_refused_at_once_and_everywhere_once_the_feed_names_it(
    installation: Installation,
) -> None:
    caller, token = await installation.enter(ACME)
    elsewhere = installation.another_process()
    await elsewhere.authenticate(token, None, NOW)
    revision = (await installation.ledger.news(-1)).revision

    await installation.directory.revoke_key(installation.provider, caller.key, "leaked", NOW)
    for touch in (await installation.ledger.news(revision)).touches:
        elsewhere.drop(touch.kind, touch.id)

    for directory in (installation.directory, elsewhere):
        assert await refusal(directory, token) == "key_revoked"
        with pytest.raises(Unauthenticated) as ended:
            await directory.caller(caller.key, NOW)
        assert ended.value.code == "key_revoked"


async def test_every_key_of_a_disabled_organisation_is_revoked(installation: Installation) -> None:
    entered = [await installation.enter(ACME) for _ in range(3)]
    _, other = await installation.enter(KeyOrder(organisation="bolt"))

    await installation.directory.disable_organisation(installation.provider, "acme", "contract ended", NOW)

    assert {await refusal(installation.directory, token) for _, token in entered} == {"key_revoked"}
    assert (await installation.directory.authenticate(other, None, NOW)).organisation == "bolt"


async def test_attributes_come_and_go_with_time_and_with_acts(installation: Installation) -> None:
    caller, token = await installation.enter(ACME)
    directory, provider = installation.directory, installation.provider
    claim = Claim(name="kyc", value="K3", issuer="registry", assurance=3, expires_at=START + 10)

    asserted = await directory.assert_attribute(provider, "acme", claim, NOW)
    lower = Claim(name="kyc", value="K1", issuer="self", assurance=0)
    await directory.assert_attribute(provider, "acme", lower, NOW)
    stood = [(await directory.authenticate(token, None, at(START + tick))).attributes for tick in (0, 9, 10)]
    await directory.withdraw_attribute(provider, "acme", asserted.id, "found false", NOW)
    after = (await directory.authenticate(token, None, NOW)).attributes

    assert caller.attributes == ()
    assert [[each.value for each in attributes] for attributes in (*stood, after)] == [["K3"], ["K3"], ["K1"], ["K1"]]
    assert stood[0][0] == asserted


@pytest.mark.parametrize("value", ["K3", True, 7, ("DE", "FR"), ()])
async def test_a_value_is_read_back_as_it_was_asserted(installation: Installation, value: object) -> None:
    claim = Claim(name="x_fact", value=value, issuer="registry", assurance=3)  # type: ignore[arg-type]

    await installation.directory.assert_attribute(installation.provider, "acme", claim, NOW)

    (read,) = await installation.another_process().attributes(installation.provider, "acme")
    assert (read.value, type(read.value)) == (value, type(value))


async def test_a_first_start_gives_one_key_however_many_race(database: Database) -> None:
    starts = [Directory(database, Ledger(database, lambda: NOW), PEPPERS) for _ in range(6)]

    begun = await asyncio.gather(*(directory.bootstrap(NOW) for directory in starts))

    (issued,) = [each for each in begun if each is not None]
    caller = await starts[0].authenticate(issued.token.reveal(), None, NOW)
    assert (caller.organisation, caller.roles) == ("provider", (Role.PROVIDER,))
    assert [key.id for key in await starts[0].keys(caller)] == [caller.key]


async def test_peppers_of_another_installation_are_noticed_at_the_start(installation: Installation) -> None:
    stranger = Directory(installation.database, installation.ledger, Peppers([b"q" * 32]))
    rotated = Directory(installation.database, installation.ledger, Peppers([b"p" * 32, b"q" * 32]))

    with pytest.raises(SettingsInvalid, match="does not belong"):
        await stranger.bootstrap(NOW)

    assert await rotated.bootstrap(NOW) is None
    assert await rotated.authenticate(installation.provider_token, None, NOW) == installation.provider


async def test_last_use_is_written_when_it_is_flushed_and_never_goes_back(installation: Installation) -> None:
    caller, token = await installation.enter(ACME)
    await installation.directory.authenticate(token, None, at(START + 7))
    before = (await installation.directory.key(installation.provider, caller.key)).last_used_at

    await installation.directory.flush_last_used()
    behind = installation.another_process()
    await behind.authenticate(token, None, at(START + 3))
    await behind.flush_last_used()

    assert before is None
    assert (await installation.directory.key(installation.provider, caller.key)).last_used_at == START + 7


async def test_rotation_lets_both_keys_pass_for_the_overlap_and_then_only_the_new(installation: Installation) -> None:
    caller, token = await installation.enter(ACME)

    successor = await installation.directory.rotate_key(caller, caller.key, Rotation(overlap=DAY), NOW)

    for directory in (installation.directory, installation.another_process()):
        fresh = successor.token.reveal()
        assert (await directory.authenticate(token, None, at(START + DAY - 1))).expires_at == START + DAY
        assert await refusal(directory, token, now=at(START + DAY)) == "key_expired"
        assert (await directory.authenticate(fresh, None, at(START + DAY))).expires_at == START + 90 * DAY


async def test_pages_follow_one_another_without_gap_or_overlap(installation: Installation) -> None:
    issued = [
        await installation.issue(KeyOrder(organisation=name)) for name in ("acme", "bolt", "acme", "acme", "acme")
    ]

    pages: list[list[Key]] = []
    after = ""
    while page := await installation.directory.keys(installation.provider, organisation="acme", after=after, limit=2):
        pages.append(page)
        after = page[-1].id

    listed = [key.id for page in pages for key in page]
    assert [len(page) for page in pages] == [2, 2]
    assert sorted(listed) == sorted(each.key.id for each in issued if each.key.organisation == "acme")


async def test_rotations_that_race_leave_one_successor(installation: Installation) -> None:
    caller, _ = await installation.enter(KeyOrder(organisation="acme"))

    outcomes = await asyncio.gather(
        *(installation.directory.rotate_key(caller, caller.key, Rotation(), NOW) for _ in range(5)),
        return_exceptions=True,
    )

    assert [isinstance(outcome, Issued) for outcome in outcomes].count(True) == 1
    assert all(isinstance(outcome, (Issued, Conflict)) for outcome in outcomes)


async def test_a_key_is_rotated_once_and_not_after_its_end(installation: Installation) -> None:
    directory, provider = installation.directory, installation.provider
    caller, _ = await installation.enter(KeyOrder(organisation="acme"))
    ended, _ = await installation.enter(KeyOrder(organisation="acme", lifetime=DAY))
    first = await directory.rotate_key(caller, caller.key, Rotation(), NOW)

    with pytest.raises(Conflict, match=first.key.id):
        await directory.rotate_key(caller, caller.key, Rotation(), NOW)
    with pytest.raises(Conflict):
        await directory.rotate_key(provider, ended.key, Rotation(), at(START + DAY))

    await directory.revoke_key(provider, first.key.id, "lost", NOW)
    assert (await directory.rotate_key(caller, caller.key, Rotation(), NOW)).key.rotated_from == caller.key


async def test_narrowing_twice_changes_nothing_and_records_nothing_more(installation: Installation) -> None:
    directory, provider = installation.directory, installation.provider
    caller, _ = await installation.enter(KeyOrder(organisation="acme"))
    first = await directory.revoke_key(provider, caller.key, "leaked", NOW)
    closed = await directory.disable_organisation(provider, "acme", "left", NOW)
    before = await lines(installation)

    again = await directory.revoke_key(provider, caller.key, "other", at(START + 5))
    closed_again = await directory.disable_organisation(provider, "acme", "other", at(START + 5))

    assert (again, closed_again) == (first, closed)
    assert await lines(installation) == before


async def test_every_act_has_its_entry_and_names_whom_it_touches(installation: Installation) -> None:
    directory, provider = installation.directory, installation.provider
    began = len(await lines(installation))
    revision = (await installation.ledger.news(-1)).revision
    order = KeyOrder(organisation="acme", scopes=("inference",), networks=(), label="a label of their own")

    issued = await installation.issue(order)
    successor = await directory.rotate_key(provider, issued.key.id, Rotation(overlap=DAY), NOW)
    await directory.revoke_key(provider, issued.key.id, "leaked", NOW)
    asserted = await directory.assert_attribute(provider, "acme", CLAIM, NOW)
    await directory.withdraw_attribute(provider, "acme", asserted.id, "mistaken", NOW)
    await directory.disable_organisation(provider, "acme", "left", NOW)

    said = (await lines(installation))[began:]
    assert [(event, body["subject"]) for event, body in said] == [
        ("key:issued", issued.key.id),
        ("key:rotated", issued.key.id),
        ("key:issued", successor.key.id),
        ("key:revoked", issued.key.id),
        ("attribute:asserted", asserted.id),
        ("attribute:withdrawn", asserted.id),
        ("organisation:disabled", "acme"),
    ]
    assert {(body["actor_key"], body["actor_organisation"]) for _, body in said} == {(provider.key, "provider")}
    assert {body["organisation"] for _, body in said} == {"acme"}
    assert said[0][1]["detail"] == {
        "kind": "dev",
        "roles": ["developer"],
        "scopes": ["inference"],
        "networks": [],
        "expires_at": "2025-01-02T00:00:00Z",
    }
    assert said[3][1]["detail"] == {"cause": "leaked"}
    touches = (await installation.ledger.news(revision)).touches
    assert set(touches) == {
        Touch("key", issued.key.id),
        Touch("key", successor.key.id),
        Touch("organisation", "acme"),
    }


async def test_no_key_no_digest_and_no_value_stands_in_the_ledger_or_in_what_is_shown(
    installation: Installation,
) -> None:
    issued = await installation.issue(KeyOrder(organisation="acme", label="a label of their own"))
    await installation.directory.assert_attribute(installation.provider, "acme", CLAIM, NOW)
    secret = issued.token.reveal().rsplit("_", 1)[1]

    said = repr(await lines(installation))
    shown = repr([issued, await installation.directory.keys(installation.provider)])
    rows = await installation.database.read(
        lambda connection: repr(connection.execute(text("SELECT * FROM api_key")).all())
    )

    assert all(secret[:12] not in each for each in (said, shown, rows))
    assert "K5" not in said
    assert "label of their own" not in said
    assert key_id_of(issued.token.reveal()) in shown


async def test_keys_of_two_providers_that_revoke_each_other_leave_one(installation: Installation) -> None:
    other = await installation.issue(KeyOrder(organisation="provider", roles=(Role.PROVIDER,)))
    held = (installation.provider, await installation.directory.authenticate(other.token.reveal(), None, NOW))

    outcomes = await asyncio.gather(
        *(installation.directory.revoke_key(by, whose.key, "feud", NOW) for by, whose in (held, held[::-1])),
        return_exceptions=True,
    )

    assert [isinstance(outcome, Key) for outcome in outcomes].count(True) == 1
    assert all(isinstance(outcome, (Key, Conflict, Unauthenticated)) for outcome in outcomes)


async def test_a_recovered_key_administers_and_the_ledger_says_that_nobody_issued_it(
    installation: Installation,
) -> None:
    issued = await installation.directory.reissue(NOW)

    caller = await installation.directory.authenticate(issued.token.reveal(), None, NOW)
    event, body = (await lines(installation))[-1]
    assert caller.roles == (Role.PROVIDER,) and "actor_key" not in body
    assert (event, body["subject"], body["detail"]["recovered"]) == ("key:issued", issued.key.id, True)  # type: ignore[index]
    with pytest.raises(SettingsInvalid, match="does not belong"):
        await Directory(installation.database, installation.ledger, Peppers([b"q" * 32])).reissue(NOW)
