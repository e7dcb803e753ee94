"""Nobody issues, rotates, revokes or reads beyond what their own key allows; and every act has its entry."""

from collections.abc import Awaitable, Callable

import pytest

from gateway.clock import DAY, NEVER, Moment, at
from gateway.errors import Conflict, Forbidden, GatewayError, Invalid, NotFound, Unauthenticated
from gateway.identity.callers import ABROAD, OVERSIGHT, Caller, Role
from gateway.identity.directory import Directory
from gateway.identity.keyring import KeyOrder, Rotation
from gateway.identity.organisations import PROVIDER
from tests.fakes.installation import (
    CLAIM,
    NOW,
    START,
    Installation,
    lines,
)

DEVELOPER = KeyOrder(
    organisation="acme", scopes=("control", "inference:a/x"), networks=("10.0.0.0/8",), lifetime=30 * DAY
)


@pytest.mark.parametrize(
    ("order", "named"),
    [
        (KeyOrder(roles=(Role.PROVIDER,), scopes=(), networks=()), "role provider"),
        (KeyOrder(roles=(Role.DEVELOPER, Role.AUDITOR), scopes=(), networks=()), "role auditor"),
        (KeyOrder(networks=()), "no scopes"),
        (KeyOrder(scopes=("inference",), networks=()), "scope inference"),
        (KeyOrder(scopes=("inference:a/y",), networks=()), "scope inference:a/y"),
        (KeyOrder(scopes=("weights:a/x",), networks=()), "scope weights:a/x"),
        (KeyOrder(scopes=()), "no networks"),
        (KeyOrder(scopes=(), networks=("0.0.0.0/0",)), "network 0.0.0.0/0"),
        (KeyOrder(scopes=(), networks=("10.0.0.0/7",)), "10.0.0.0/7"),
        (KeyOrder(scopes=(), networks=("::/0",)), "network ::/0"),
        (KeyOrder(scopes=(), networks=(), lifetime=31 * DAY), "a life of 31 days"),
    ],
)
async def test_case_8_no_key_is_wider_than_the_one_that_issues_it(
    installation: Installation, order: KeyOrder, named: str
) -> None:
    developer, _ = await installation.enter(DEVELOPER)
    before = await lines(installation)

    with pytest.raises(Forbidden) as refused:
        await installation.issue(order, by=developer)

    assert (refused.value.code, named in refused.value.message) == ("key_too_wide", True)
    assert await lines(installation) == before


async def test_case_8_a_developer_issues_within_its_own(installation: Installation) -> None:
    developer, _ = await installation.enter(DEVELOPER)

    issued = await installation.issue(KeyOrder(scopes=("inference:a/x",), networks=("10.1.0.0/16",)), by=developer)

    assert issued.key.organisation == "acme"
    assert issued.key.roles == (Role.DEVELOPER,)
    assert issued.key.issued_by == developer.key
    assert issued.key.expires_at == START + 30 * DAY


async def test_case_8_what_the_request_says_of_its_caller_counts_for_nothing(installation: Installation) -> None:
    """Rights are read again in the transaction: a caller altered on the way gains nothing by it."""
    developer, _ = await installation.enter(DEVELOPER)
    altered = Caller(developer.key, "bolt", (Role.PROVIDER,), None, (), NEVER)

    with pytest.raises(Forbidden):
        await installation.issue(KeyOrder(organisation="acme", roles=(Role.PROVIDER,)), by=altered)
    with pytest.raises(NotFound):
        await installation.issue(KeyOrder(organisation="bolt"), by=altered)
    with pytest.raises(Forbidden):
        await installation.directory.create_organisation(altered, "mine", "Mine", NOW)


async def test_case_8_a_narrowed_provider_key_gives_no_scope_that_it_lacks(installation: Installation) -> None:
    order = KeyOrder(organisation="provider", roles=(Role.PROVIDER,), scopes=("control",), networks=("10.0.0.0/8",))
    narrowed, _ = await installation.enter(order)

    for wide in (KeyOrder(organisation="acme"), KeyOrder(scopes=("control",)), KeyOrder(scopes=("weights",))):
        with pytest.raises(Forbidden):
            await installation.issue(wide, by=narrowed)

    customer = await installation.issue(KeyOrder(organisation="acme", scopes=("control",)), by=narrowed)
    assert customer.key.networks is None


@pytest.mark.parametrize("role", [Role.STAFF, Role.APPROVER, Role.ANALYST, Role.AUDITOR])
async def test_case_8_no_other_role_issues_keys(installation: Installation, role: Role) -> None:
    caller, _ = await installation.enter(KeyOrder(organisation="provider", roles=(role,)))

    for organisation in ("provider", "acme"):
        with pytest.raises((Forbidden, NotFound)):
            await installation.issue(KeyOrder(organisation=organisation, roles=(), scopes=()), by=caller)


@pytest.mark.parametrize("role", [Role.PROVIDER, Role.APPROVER, Role.ANALYST, Role.STAFF])
async def test_case_8_no_customers_key_has_a_role_of_the_providers_own_people(
    installation: Installation, role: Role
) -> None:
    with pytest.raises(Forbidden) as refused:
        await installation.issue(KeyOrder(organisation="acme", roles=(Role.DEVELOPER, role)))
    assert refused.value.code == "role_not_for_customers"

    await installation.issue(KeyOrder(organisation=PROVIDER, roles=(role,)))
    await installation.issue(KeyOrder(organisation="acme", roles=(Role.AUDITOR,)))


@pytest.mark.parametrize(
    "rotation",
    [
        Rotation(scopes=None),
        Rotation(scopes=("control", "inference:a/x", "weights")),
        Rotation(scopes=("inference",)),
        Rotation(networks=None),
        Rotation(networks=("0.0.0.0/0",)),
    ],
)
async def test_case_8_no_scope_is_added_at_rotation(installation: Installation, rotation: Rotation) -> None:
    developer, token = await installation.enter(DEVELOPER)

    for actor in (developer, installation.provider):
        with pytest.raises(Forbidden) as refused:
            await installation.directory.rotate_key(actor, developer.key, rotation, NOW)
        assert refused.value.code == "key_too_wide"

    assert await installation.directory.authenticate(token, "10.0.0.1", NOW) == developer


async def test_case_8_a_rotated_key_lives_no_longer_than_the_first_did(installation: Installation) -> None:
    developer, _ = await installation.enter(DEVELOPER)

    later = at(START + 10 * DAY)
    issued = await installation.directory.rotate_key(developer, developer.key, Rotation(scopes=()), later)

    assert issued.key.expires_at == START + 40 * DAY
    assert (issued.key.scopes, issued.key.networks) == ((), ("10.0.0.0/8",))
    assert issued.key.rotated_from == developer.key


async def test_case_8_a_developer_gets_no_wider_key_by_rotating_or_revoking_a_neighbour(
    installation: Installation,
) -> None:
    developer, _ = await installation.enter(DEVELOPER)
    wider = await installation.issue(KeyOrder(organisation="acme"))
    auditor = await installation.issue(KeyOrder(organisation="acme", roles=(Role.AUDITOR,)))

    for neighbour in (wider, auditor):
        with pytest.raises(Forbidden):
            await installation.directory.rotate_key(developer, neighbour.key.id, Rotation(), NOW)
    with pytest.raises(Forbidden):
        await installation.directory.revoke_key(developer, auditor.key.id, "mischief", NOW)


Attempt = Callable[[Directory, Caller, str], Awaitable[object]]

ATTEMPTS: dict[str, Attempt] = {
    "read": lambda directory, actor, key: directory.key(actor, key),
    "rotate": lambda directory, actor, key: directory.rotate_key(actor, key, Rotation(), NOW),
    "revoke": lambda directory, actor, key: directory.revoke_key(actor, key, "mischief", NOW),
    "list": lambda directory, actor, _: directory.keys(actor, organisation="acme"),
    "issue": lambda directory, actor, _: directory.issue_key(actor, KeyOrder(organisation="acme"), NOW),
    "organisation": lambda directory, actor, _: directory.organisation(actor, "acme"),
    "attributes": lambda directory, actor, _: directory.attributes(actor, "acme"),
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
async def test_case_9_a_developer_of_another_organisation_finds_nothing_there(
    installation: Installation, attempt: str
) -> None:
    victim, token = await installation.enter(KeyOrder(organisation="acme"))
    stranger, _ = await installation.enter(KeyOrder(organisation="bolt"))
    before = await lines(installation)

    with pytest.raises(NotFound) as hidden:
        await ATTEMPTS[attempt](installation.directory, stranger, victim.key)
    with pytest.raises(NotFound) as absent:
        await ATTEMPTS[attempt](installation.directory, stranger, "0" * 12)

    assert hidden.value.sentence() == absent.value.sentence()
    assert await lines(installation) == before
    assert await installation.directory.authenticate(token, None, NOW) == victim


async def test_case_9_a_list_shows_only_what_the_actor_may_see(installation: Installation) -> None:
    mine, _ = await installation.enter(KeyOrder(organisation="acme"))
    await installation.enter(KeyOrder(organisation="bolt"))

    keys = await installation.directory.keys(mine)
    organisations = await installation.directory.organisations(mine)

    assert [key.id for key in keys] == [mine.key]
    assert [each.id for each in organisations] == ["acme"]
    assert await installation.directory.organisations(mine, after="acme") == []


@pytest.mark.parametrize("role", OVERSIGHT)
async def test_oversight_sees_every_organisation(installation: Installation, role: Role) -> None:
    customer, _ = await installation.enter(KeyOrder(organisation="acme"))
    overseer, _ = await installation.enter(KeyOrder(organisation="provider", roles=(role,)))

    seen = await installation.directory.keys(overseer)

    assert {key.id for key in seen} == {customer.key, overseer.key, installation.provider.key}
    assert (await installation.directory.key(overseer, customer.key)).organisation == "acme"
    assert [each.id for each in await installation.directory.organisations(overseer)] == ["acme", "bolt", "provider"]


HOSTILE = ["", "\x00", "a\x00", "'; --", "../x", "\ud800", "x" * 10_000, "\u0661" * 12, "A B", "acme\n"]


@pytest.mark.parametrize("name", HOSTILE)
async def test_names_that_nothing_can_have_are_not_found_without_a_look(installation: Installation, name: str) -> None:
    directory, actor = installation.directory, installation.provider
    before = installation.database.reads, installation.database.writes

    attempts: list[Awaitable[object]] = [
        directory.key(actor, name),
        directory.rotate_key(actor, name, Rotation(), NOW),
        directory.revoke_key(actor, name, "x", NOW),
        directory.organisation(actor, name),
        directory.attributes(actor, name),
        directory.disable_organisation(actor, name, "x", NOW),
        directory.assert_attribute(actor, name, CLAIM, NOW),
        directory.withdraw_attribute(actor, name, "x", "x", NOW),
    ]
    if name:
        attempts += [
            directory.issue_key(actor, KeyOrder(organisation=name), NOW),
            directory.keys(actor, organisation=name),
        ]
    for attempt in attempts:
        with pytest.raises(NotFound):
            await attempt

    assert (installation.database.reads, installation.database.writes) == before


@pytest.mark.parametrize("wrong", HOSTILE[1:])
async def test_text_that_cannot_be_shown_in_one_line_is_refused(installation: Installation, wrong: str) -> None:
    directory, actor = installation.directory, installation.provider
    attempts: list[Awaitable[object]] = [
        directory.create_organisation(actor, wrong, "Name", NOW),
        directory.keys(actor, after=wrong),
        directory.organisations(actor, after=wrong),
    ]
    if not wrong.isprintable() or len(wrong) > 200:
        attempts += [
            directory.create_organisation(actor, "other", wrong, NOW),
            directory.disable_organisation(actor, "acme", wrong, NOW),
            directory.revoke_key(actor, actor.key, wrong, NOW),
            directory.issue_key(actor, KeyOrder(label=wrong), NOW),
        ]

    for attempt in attempts:
        with pytest.raises(Invalid):
            await attempt

    assert not (await directory.organisation(actor, "acme")).disabled_at


@pytest.mark.parametrize(
    ("order", "error"),
    [
        (KeyOrder(lifetime=0), Invalid),
        (KeyOrder(lifetime=-DAY), Invalid),
        (KeyOrder(lifetime=365 * DAY + 1), Invalid),
        (KeyOrder(organisation="nobody"), NotFound),
        (KeyOrder(scopes=("everything",)), Invalid),
        (KeyOrder(networks=("anywhere",)), Invalid),
    ],
)
async def test_an_order_that_makes_no_sense_is_refused(
    installation: Installation, order: KeyOrder, error: type[GatewayError]
) -> None:
    with pytest.raises(error):
        await installation.issue(order)


async def test_a_key_ends_after_ninety_days_unless_it_is_said_otherwise_and_after_a_year_at_most(
    installation: Installation,
) -> None:
    usual = await installation.issue(KeyOrder(organisation="acme"))
    longest = await installation.issue(KeyOrder(organisation="acme", lifetime=365 * DAY))

    assert [each.key.expires_at - START for each in (usual, longest)] == [90 * DAY, 365 * DAY]


@pytest.mark.parametrize("overlap", [-1, 7 * DAY + 1])
async def test_an_overlap_is_within_seven_days(installation: Installation, overlap: int) -> None:
    caller, _ = await installation.enter(KeyOrder(organisation="acme"))

    with pytest.raises(Invalid):
        await installation.directory.rotate_key(caller, caller.key, Rotation(overlap=overlap), NOW)


async def test_an_overlap_never_prolongs_the_old_key(installation: Installation) -> None:
    caller, token = await installation.enter(KeyOrder(organisation="acme", lifetime=DAY))

    await installation.directory.rotate_key(caller, caller.key, Rotation(overlap=7 * DAY), NOW)

    assert (await installation.directory.authenticate(token, None, NOW)).expires_at == START + DAY


@pytest.mark.parametrize("how", ["revoked", "expired", "disabled"])
async def test_case_12_a_key_that_has_ended_administers_nothing_more(installation: Installation, how: str) -> None:
    organisation, role = ("acme", Role.DEVELOPER) if how == "disabled" else (PROVIDER, Role.PROVIDER)
    order = KeyOrder(organisation=organisation, roles=(role,), lifetime=DAY)
    caller, _ = await installation.enter(order)
    directory, now = installation.directory, NOW
    match how:
        case "revoked":
            await directory.revoke_key(installation.provider, caller.key, "left", NOW)
        case "expired":
            now = Moment(START, START + DAY)
        case _:
            await directory.disable_organisation(installation.provider, "acme", "left", NOW)

    attempts: list[Awaitable[object]] = [
        directory.issue_key(caller, KeyOrder(), now),
        directory.rotate_key(caller, caller.key, Rotation(), now),
        directory.revoke_key(caller, installation.provider.key, "revenge", now),
        directory.create_organisation(caller, "other", "Other", now),
        directory.assert_attribute(caller, "bolt", CLAIM, now),
    ]
    for attempt in attempts:
        with pytest.raises(Unauthenticated):
            await attempt


async def test_a_key_may_always_end_and_succeed_itself(installation: Installation) -> None:
    order = KeyOrder(organisation="provider", roles=(Role.AUDITOR,), scopes=("control",))
    auditor, _ = await installation.enter(order)

    successor = await installation.directory.rotate_key(auditor, auditor.key, Rotation(), NOW)
    ended = await installation.directory.revoke_key(auditor, auditor.key, "done", NOW)

    assert successor.key.roles == (Role.AUDITOR,)
    assert (ended.revoked_at, ended.revoked_cause) == (START, "done")


async def test_a_disabled_organisation_gets_no_more_keys(installation: Installation) -> None:
    await installation.directory.disable_organisation(installation.provider, "acme", "left", NOW)

    with pytest.raises(Conflict):
        await installation.issue(KeyOrder(organisation="acme"))


async def test_nobody_disables_their_own_organisation_or_creates_one_twice(installation: Installation) -> None:
    with pytest.raises(Conflict):
        await installation.directory.disable_organisation(installation.provider, "provider", "oops", NOW)
    with pytest.raises(Conflict):
        await installation.directory.create_organisation(installation.provider, "acme", "Again", NOW)


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.PROVIDER])
async def test_only_providers_change_organisations_and_attributes(installation: Installation, role: Role) -> None:
    organisation = "acme" if role in ABROAD else PROVIDER
    caller, _ = await installation.enter(KeyOrder(organisation=organisation, roles=(role,)))
    directory = installation.directory
    held = await directory.assert_attribute(installation.provider, "acme", CLAIM, NOW)

    attempts: list[Awaitable[object]] = [
        directory.create_organisation(caller, "other", "Other", NOW),
        directory.disable_organisation(caller, "bolt", "mischief", NOW),
        directory.assert_attribute(caller, "acme", CLAIM, NOW),
        directory.withdraw_attribute(caller, "acme", held.id, "mischief", NOW),
    ]
    for attempt in attempts:
        with pytest.raises(Forbidden):
            await attempt


async def test_an_assertion_is_withdrawn_once_and_only_under_its_own_organisation(installation: Installation) -> None:
    directory, provider = installation.directory, installation.provider
    held = await directory.assert_attribute(provider, "acme", CLAIM, NOW)

    with pytest.raises(NotFound):
        await directory.withdraw_attribute(provider, "bolt", held.id, "mistaken", NOW)
    await directory.withdraw_attribute(provider, "acme", held.id, "mistaken", NOW)
    with pytest.raises(NotFound):
        await directory.withdraw_attribute(provider, "acme", held.id, "mistaken", NOW)

    assert await directory.attributes(provider, "acme") == ()


async def test_an_act_that_cannot_be_recorded_does_not_happen(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller, token = await installation.enter(KeyOrder(organisation="acme"))

    def fail(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("gateway.ledger.store.Appending.place", fail)
    with pytest.raises(Exception, match=r"disk full|record"):
        await installation.directory.revoke_key(installation.provider, caller.key, "leaked", NOW)
    monkeypatch.undo()

    assert await installation.another_process().authenticate(token, None, NOW) == caller
    assert "key:revoked" not in [event for event, _ in await lines(installation)]


async def test_the_providers_last_key_is_neither_revoked_nor_rotated_into_one_that_cannot_administer(
    installation: Installation,
) -> None:
    directory, provider = installation.directory, installation.provider
    for order in (
        KeyOrder(organisation=PROVIDER, roles=(Role.PROVIDER,), scopes=("inference",)),
        KeyOrder(organisation=PROVIDER, roles=(Role.PROVIDER,), networks=()),
        KeyOrder(organisation=PROVIDER, roles=(Role.STAFF, Role.AUDITOR, Role.APPROVER)),
    ):
        await installation.issue(order)
    ended = await installation.issue(KeyOrder(organisation=PROVIDER, roles=(Role.PROVIDER,)))
    await directory.revoke_key(provider, ended.key.id, "a spare", NOW)
    before = await lines(installation)

    for act in (
        directory.revoke_key(provider, provider.key, "leaked", NOW),
        directory.rotate_key(provider, provider.key, Rotation(overlap=0, scopes=("inference",)), NOW),
        directory.rotate_key(provider, provider.key, Rotation(overlap=DAY, networks=()), NOW),
    ):
        with pytest.raises(Conflict) as refused:
            await act
        assert refused.value.code == "last_provider_key"
        assert "gateway key issue" in refused.value.next_step and "gateway key recover" in refused.value.next_step
    assert await lines(installation) == before


async def test_the_providers_key_goes_once_another_one_stands(installation: Installation) -> None:
    directory, provider = installation.directory, installation.provider
    heir = await directory.rotate_key(provider, provider.key, Rotation(overlap=0), NOW)
    holder = await directory.authenticate(heir.token.reveal(), None, NOW)
    other = await installation.issue(KeyOrder(organisation=PROVIDER, roles=(Role.PROVIDER,)), by=holder)

    assert (await directory.revoke_key(holder, holder.key, "leaked", NOW)).revoked_at is not None
    last = await directory.authenticate(other.token.reveal(), None, NOW)
    with pytest.raises(Conflict):
        await directory.revoke_key(last, last.key, "leaked", NOW)
