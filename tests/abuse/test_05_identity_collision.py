"""Abuse 5: nothing shorter than a whole key says who is asking, and no answer kept for one serves another."""

import secrets
from binascii import crc32

import pytest

from gateway.errors import Unauthenticated
from gateway.identity.callers import Role
from gateway.identity.keys import key_id_of
from tests.fakes.house import House

FORGED = 10_000
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def checked(body: str) -> str:
    """The body with its check, as README says of keys: CRC-32 in six digits of base 62."""
    number, digits = crc32(body.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = ALPHABET[digit] + digits
    return body + digits


def forgeries(token: str) -> list[str]:
    """Well-formed keys that share as much with this one as can be."""
    body = token[:-6]
    head, secret = body[:21], body[21:]
    kept = secrets.randbelow(len(secret))
    other = ALPHABET[(ALPHABET.index(secret[kept]) + 1 + secrets.randbelow(60)) % 62]
    made = [
        checked(f"{head}{secret[:kept]}{other}{secret[kept + 1 :]}"),
        checked(f"{head}{secret[:kept]}{''.join(secrets.choice(ALPHABET) for _ in secret[kept:])}"),
        checked(f"{head}{secret.swapcase()}"),
        checked(f"{body[:8]}{body[8:20].swapcase()}{body[20:]}"),
        checked(f"rsg_pro{body[7:]}") if not body.startswith("rsg_pro") else checked(f"rsg_dev{body[7:]}"),
    ]
    return [forged for forged in made if forged != token]


def test_a_forgery_is_well_formed() -> None:
    assert key_id_of(checked("rsg_dev_" + "A" * 12 + "_" + "b" * 43)) == "A" * 12


def test_keys_that_share_all_but_a_little_are_not_taken_for_one_another(house: House) -> None:
    names = [f"twin {number}" for number in range(8)]
    for number, name in enumerate(names):
        house.enter(name, ("acme", "globex")[number % 2], Role.DEVELOPER)
    tokens = [house.tokens[name] for name in names]
    directory, moment = house.installation.directory, house.now()

    async def let_in() -> list[str]:
        entered = []
        for token in tokens:
            await directory.authenticate(token, None, moment)
        for turn in range(FORGED // (5 * len(tokens))):
            for token in tokens:
                for forged in forgeries(token):
                    try:
                        entered.append((await directory.authenticate(forged, None, moment)).key)
                    except Unauthenticated:
                        continue
                if turn % 50 == 0:
                    assert (await directory.authenticate(token, None, moment)).key == key_id_of(token)
        return entered

    assert house.run(let_in()) == []


@pytest.mark.parametrize("length", [4, 8, 20, 21, 40, 63, 69])
def test_a_beginning_of_a_key_is_no_key(house: House, length: int) -> None:
    house.ask("GET", "/v1/models", "developer")

    answer = house.ask("GET", "/v1/models", headers={"x-api-key": house.tokens["developer"][:length]})

    assert answer.status_code == 401


def test_each_caller_gets_its_own_answer_however_they_take_turns(house: House) -> None:
    house.enter("nothing", "globex", scopes=())
    model = house.models["limited"]
    expected = {"developer": 403, "tester": 200, "staff": 200, "nothing": 403, "provider": 403}

    told = [(name, house.chat(model, name).status_code) for _ in range(20) for name in expected]

    assert set(told) == set(expected.items())


def test_organisations_that_differ_by_little_share_nothing(house: House) -> None:
    for organisation in ("acme-1", "acme-11", "acm"):
        house.ask("POST", "/control/organisations", "provider", json={"id": organisation, "name": organisation})
        house.enter(organisation, organisation)

    told = [house.chat(house.models["api"], name).json()["error"]["code"] for name in ("acme-1", "acme-11", "acm")]

    assert house.chat(house.models["api"], "developer").status_code == 200
    assert told == ["terms_not_accepted"] * 3
