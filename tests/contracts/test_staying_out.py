"""Who was put out stays out, and who comes back is who they were: on both engines, whichever way round it is tried."""

import pytest
from sqlalchemy import Connection

from gateway.database.engine import Database
from gateway.errors import Forbidden, Unauthenticated
from gateway.identity.callers import Role
from gateway.identity.keyring import KeyOrder
from gateway.identity.lineages import Lineage, lineage_of
from tests.contracts.test_roster import CORPORATE, Keeper, named
from tests.fakes.installation import NOW, begun, lines


@pytest.fixture
async def keeper(database: Database) -> Keeper:
    return Keeper(await begun(database))


async def parties(keeper: Keeper, *keys: str) -> list[Lineage]:
    def work(connection: Connection) -> list[Lineage]:
        return [lineage_of(connection, key) for key in keys]

    return await keeper.installation.database.read(work)


async def refused(keeper: Keeper, subject: str, **claims: str) -> str:
    """The code with which a sign-in is refused."""
    with pytest.raises((Forbidden, Unauthenticated)) as told:
        await keeper.sign_in(subject, **claims)
    return told.value.code


# Coming back


async def test_who_is_deleted_and_entered_anew_is_somebody_new_and_the_same_party(keeper: Keeper) -> None:
    author = await keeper.sign_in("s-mal", user_name="mal")
    directory = keeper.installation.directory
    own = (await directory.issue_key(author, KeyOrder(roles=(Role.PROVIDER,)), NOW)).key
    given = (await directory.issue_key(author, KeyOrder(organisation="acme"), NOW)).key

    seen = [author.key]
    for _ in range(3):
        await keeper.remove(seen[-1])
        await keeper.enter("mal")
        seen.append((await keeper.sign_in("s-mal", user_name="mal")).key)
    reborn = await keeper.sign_in("s-mal", user_name="mal")
    newest = (await directory.issue_key(reborn, KeyOrder(roles=(Role.PROVIDER,)), NOW)).key

    assert len(set(seen)) == 4
    found = await parties(keeper, *seen, own.id, newest.id)
    assert {each.person for each in found} == {author.key}
    (customer,) = await parties(keeper, given.id)
    assert (customer.person, customer.issuers) == (given.id, (author.key,))


async def test_the_record_says_as_whom_somebody_was_known_before(keeper: Keeper) -> None:
    author = await keeper.sign_in("s-mal", user_name="mal")
    await keeper.remove(author.key)
    again = await keeper.enter("mal")
    await keeper.sign_in("s-mal", user_name="mal")

    said = [body for event, body in await lines(keeper.installation) if event == "person:changed"]

    assert (said[-1]["subject"], said[-1]["detail"]["formerly"]) == (again, author.key)


async def test_two_people_stay_two_parties_when_one_gets_the_name_of_the_other(keeper: Keeper) -> None:
    ada = await keeper.sign_in("s-ada", user_name="ada")
    await keeper.remove(ada.key)
    await keeper.enter("ada")
    namesake = await keeper.sign_in("s-other", user_name="ada")

    first, second = await parties(keeper, ada.key, namesake.key)
    assert first.person != second.person
    assert await refused(keeper, "s-ada", user_name="ada") == "listed_as_another"


async def test_who_signed_in_before_and_is_entered_under_another_name_becomes_who_was_entered(keeper: Keeper) -> None:
    """Else the list would reach somebody whom nobody is, and they would go on as somebody whom it does not reach."""
    before = await keeper.sign_in("s-ada")
    shown = keeper.shown
    entered = await keeper.enter("ada@example.com", external_id="oid-ada")

    after = await keeper.sign_in("s-ada", external_id="oid-ada")

    assert (after.key, before.key != entered) == (entered, True)
    assert {each.person for each in await parties(keeper, before.key, after.key)} == {before.key}
    with pytest.raises(Unauthenticated):
        await keeper.installation.directory.in_session(shown, NOW)
    await keeper.edit(entered, named("ada@example.com", "oid-ada", active=False))
    assert await refused(keeper, "s-ada", external_id="oid-ada") == "person_disabled"


# Gone before they ever came


async def test_who_was_deleted_before_they_ever_signed_in_does_not_come_in(keeper: Keeper) -> None:
    await keeper.remove(await keeper.enter("Bob", external_id="oid-bob"))

    claims = ({"user_name": "bob"}, {"external_id": "oid-bob"}, {"user_name": "BOB", "external_id": "oid-bob"})
    codes = {await refused(keeper, "s-bob", **each) for each in claims}

    assert codes == {"person_disabled"}
    again = await keeper.enter("bob")
    assert (await keeper.sign_in("s-bob", user_name="bob", external_id="oid-bob")).key == again


async def test_who_was_deactivated_and_renamed_before_they_ever_signed_in_does_not_come_in(keeper: Keeper) -> None:
    eve = await keeper.enter("eve", external_id="oid-eve")
    await keeper.edit(eve, named("eve", "oid-eve", active=False))
    await keeper.edit(eve, named("DEL_eve", None, active=False))

    assert await refused(keeper, "s-eve", user_name="eve") == "person_disabled"
    assert await refused(keeper, "s-eve", external_id="oid-eve") == "person_disabled"
    assert await refused(keeper, "s-eve", user_name="DEL_EVE") == "person_disabled"


async def test_a_name_that_one_provider_has_dropped_is_free_with_another(keeper: Keeper) -> None:
    person, _ = await keeper.roster.enter(keeper.provider, "other", named("bob"), NOW)
    await keeper.roster.remove(keeper.provider, "other", person.id, lambda *_: None, NOW)

    assert (await keeper.sign_in("s-bob", user_name="bob")).key != person.id


async def test_of_a_name_that_was_dropped_no_text_is_kept(keeper: Keeper) -> None:
    await keeper.remove(await keeper.enter("secret-name", external_id="secret-number"))

    def everything(connection: Connection) -> str:
        return repr([connection.exec_driver_sql(f"SELECT * FROM {name}").all() for name in ("person", "former_name")])

    assert "secret" not in await keeper.installation.database.read(everything)


# Disabled by hand, and by a list


async def test_no_list_undoes_what_was_done_by_hand(keeper: Keeper) -> None:
    ada = await keeper.sign_in("s-ada", user_name="ada")
    await keeper.registry.disable(keeper.provider, ada.key, "stolen laptop", NOW)

    for wanted in (
        named("ada", display_name="Ada L."),
        named("ada", active=False),
        named("ada"),
    ):
        await keeper.edit(ada.key, wanted)
        assert await refused(keeper, "s-ada", user_name="ada") == "person_disabled"
        kept = await keeper.registry.person(keeper.provider, ada.key)
        assert (kept.disabled_cause, kept.is_listed_active) == ("stolen laptop", wanted.active)

    await keeper.registry.enable(keeper.provider, ada.key, NOW)
    assert (await keeper.sign_in("s-ada", user_name="ada")).key == ada.key


async def test_who_was_disabled_by_hand_is_not_let_in_by_being_entered_anew(keeper: Keeper) -> None:
    for subject, signs_in_before in (("s-ada", True), ("s-bo", False)):
        person = await keeper.enter(subject)
        if signs_in_before:
            await keeper.sign_in(subject, user_name=subject)
        await keeper.registry.disable(keeper.provider, person, "under investigation", NOW)
        await keeper.remove(person)
        again = await keeper.enter(subject)

        assert await refused(keeper, subject, user_name=subject) == "person_disabled"
        await keeper.registry.enable(keeper.provider, person, NOW)
        assert (await keeper.sign_in(subject, user_name=subject)).key == again


async def test_what_a_list_did_is_disabled_by_hand_too_and_stays_so(keeper: Keeper) -> None:
    ada = await keeper.enter("ada")
    await keeper.edit(ada, named("ada", active=False))
    await keeper.registry.disable(keeper.provider, ada, "under investigation", NOW)
    await keeper.edit(ada, named("ada"))

    assert await refused(keeper, "s-ada", user_name="ada") == "person_disabled"
    said = [body["detail"] for event, body in await lines(keeper.installation) if event == "person:disabled"]
    assert [each["by"] for each in said] == ["list", "hand"]


async def test_a_list_shows_and_finds_what_it_said_itself(keeper: Keeper) -> None:
    ada, bo = await keeper.enter("ada"), await keeper.enter("bo")
    await keeper.registry.disable(keeper.provider, ada, "under investigation", NOW)
    await keeper.edit(bo, named("bo", active=False))

    assert await keeper.found("active eq true") == ["ada"]
    assert await keeper.found("active eq false") == ["bo"]


# A name that is another's


async def test_nobody_takes_a_name_on_the_list_by_choosing_it_at_their_provider(keeper: Keeper) -> None:
    mallory = await keeper.sign_in("s-mal", external_id="oid-mal", called="ceo@corp")
    shown = await keeper.registry.person(keeper.provider, mallory.key)

    ceo = await keeper.enter("ceo@corp", external_id="oid-ceo")

    assert (shown.user_name, shown.display_name) == ("s-mal", "ceo@corp")
    assert await keeper.found('userName eq "ceo@corp"') == ["ceo@corp"]
    assert (await keeper.sign_in("s-ceo", external_id="oid-ceo", called="ceo@corp")).key == ceo != mallory.key
    await keeper.edit(ceo, named("ceo@corp", "oid-ceo", active=False))
    with pytest.raises(Unauthenticated):
        await keeper.installation.directory.in_session(keeper.shown, NOW)


async def test_nobody_comes_in_as_somebody_else_than_the_list_takes_them_for(keeper: Keeper) -> None:
    mallory = await keeper.sign_in("s-mal", user_name="ceo@corp")
    await keeper.edit(mallory.key, named("ceo@corp", "oid-ceo"))

    assert await refused(keeper, "s-ceo", external_id="oid-ceo") == "listed_as_another"
    assert await refused(keeper, "s-mal", external_id="oid-mal") == "listed_as_another"


async def test_where_a_list_is_kept_nobody_comes_in_whom_it_does_not_reach(keeper: Keeper) -> None:
    assert await refused(keeper, "s-ada", called="ada") == "not_linked"


async def test_who_came_before_the_list_has_named_them_is_named_and_not_entered_twice(keeper: Keeper) -> None:
    ada = await keeper.sign_in("s-ada", external_id="oid-ada", called="ada@corp")

    entered = await keeper.enter("ada@corp", external_id="oid-ada", display_name="Ada L.")

    assert entered == ada.key
    assert await keeper.found('userName eq "ada@corp" and displayName eq "Ada L."') == ["ada@corp"]
    assert (await keeper.roster.person(CORPORATE, entered))[0].external_id == "oid-ada"


# Whose provider is declared no more


async def test_whose_provider_is_declared_no_more_is_out_with_keys_and_session_until_it_is_again(
    keeper: Keeper,
) -> None:
    ada = await keeper.sign_in("s-ada", user_name="ada")
    directory = keeper.installation.directory
    own = (await directory.issue_key(ada, KeyOrder(roles=(Role.PROVIDER,)), NOW)).token.reveal()
    client = await directory.issue_key(ada, KeyOrder(roles=(Role.PROVIDER,), is_client=True), NOW)
    without = keeper.installation.another_process(("other",))

    codes = []
    for presented in (
        without.in_session(keeper.shown, NOW),
        without.people.again(ada.session, NOW),
        without.authenticate(own, None, NOW),
    ):
        with pytest.raises(Unauthenticated) as told:
            await presented
        codes.append(told.value.code)

    assert codes == ["provider_not_declared"] * 3
    assert await without.client(client.key.id, client.token.reveal(), None, NOW)
    again = keeper.installation.another_process((CORPORATE,))
    assert (await again.in_session(keeper.shown, NOW)).key == (await again.authenticate(own, None, NOW)).person
