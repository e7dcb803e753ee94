"""Signing in as OAuth has it: what is asked, what is told, and that every failure has OAuth's own shape."""

import json
import time
import warnings
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc import jwk

from gateway.identity.tokens.proving import ASSERTION_TYPE
from tests.fakes.house import House, open_house
from tests.fakes.issuer import signed

GRANT = {"grant_type": "client_credentials"}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with open_house(tmp_path_factory.mktemp("oauth")) as opened:
        yield opened


@pytest.fixture(scope="module")
def client(house: House) -> tuple[str, str]:
    """Id and secret of a client whose tokens reach two doors at most."""
    made = house.control("/clients", organisation="acme", scopes=["inference", "weights"])
    return made["client"]["client"]["id"], made["client_secret"]


def ask(house: House, path: str = "/oauth/token", **given: Any) -> httpx.Response:
    return house.client.post(house.url + path, **given)


def form(client: tuple[str, str], **more: str) -> dict[str, str]:
    return {**GRANT, "client_id": client[0], "client_secret": client[1], **more}


def test_a_token_is_told_as_the_specification_has_it_and_kept_by_nobody(house: House, client: tuple[str, str]) -> None:
    answer = ask(house, data=GRANT, auth=client)

    told = answer.json()
    assert answer.status_code == 200 and answer.headers["cache-control"] == "no-store"
    assert (told["token_type"], told["expires_in"], told["scope"]) == ("Bearer", 600, "inference weights")
    assert set(told) == {"access_token", "token_type", "expires_in", "scope"}


def test_the_access_token_is_one_of_rfc_9068_and_verifies_by_the_published_keys(
    house: House, client: tuple[str, str]
) -> None:
    from joserfc import jwt

    metadata = house.ask("GET", "/.well-known/oauth-authorization-server").json()
    published = house.ask("GET", "/.well-known/jwks.json").json()
    token = ask(house, data=form(client, scope="inference")).json()["access_token"]

    read = jwt.decode(token, jwk.KeySet.import_key_set(published), algorithms=["Ed25519"])

    assert read.header["typ"] == "at+jwt" and read.header["kid"] == published["keys"][0]["kid"]
    assert set(read.claims) == {"iss", "aud", "sub", "client_id", "iat", "exp", "jti", "scope"}
    assert read.claims["iss"] == read.claims["aud"] == metadata["issuer"]
    assert (read.claims["sub"], read.claims["client_id"], read.claims["scope"]) == (client[0], client[0], "inference")
    assert all("d" not in key for key in published["keys"])
    assert metadata["token_endpoint"].endswith("/oauth/token") and metadata["jwks_uri"].endswith("/jwks.json")


@pytest.mark.parametrize(
    "scope", ["control", "inference control", "inference:", "everything", "inference  weights", "*"]
)
def test_a_scope_that_is_wider_than_the_client_or_no_scope_is_refused(
    house: House, client: tuple[str, str], scope: str
) -> None:
    answer = ask(house, data=form(client, scope=scope))

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


def test_a_client_that_is_not_narrowed_gets_every_scope_by_name(house: House) -> None:
    made = house.control("/clients", organisation="acme")
    client = made["client"]["client"]["id"], made["client_secret"]

    assert ask(house, data=form(client)).json()["scope"] == "control inference weights"


WRONG: dict[str, tuple[int, str, dict[str, Any]]] = {
    "no grant type": (400, "unsupported_grant_type", {"data": {"grant_type": ""}}),
    "another grant": (400, "unsupported_grant_type", {"data": {"grant_type": "password"}}),
    "no proof": (401, "invalid_client", {"data": GRANT}),
    "a wrong secret": (401, "invalid_client", {"data": GRANT, "auth": ("WHO", "WRONG")}),
    "an unknown client": (401, "invalid_client", {"data": GRANT, "auth": ("0" * 12, "SECRET")}),
    "another client's id": (
        401,
        "invalid_client",
        {"data": {**GRANT, "client_id": "0" * 12, "client_secret": "SECRET"}},
    ),
    "a plain key": (401, "invalid_client", {"data": GRANT, "auth": ("KEY", "PLAIN")}),
    "two proofs": (400, "invalid_request", {"data": {**GRANT, "client_secret": "SECRET"}, "auth": ("WHO", "SECRET")}),
    "two ids": (400, "invalid_request", {"data": {**GRANT, "client_id": "0" * 12}, "auth": ("WHO", "SECRET")}),
    "a bearer": (401, "invalid_client", {"data": GRANT, "headers": {"authorization": "Bearer SECRET"}}),
    "no base64": (401, "invalid_client", {"data": GRANT, "headers": {"authorization": "Basic ???"}}),
    "JSON": (400, "invalid_request", {"json": GRANT}),
    "a field twice": (400, "invalid_request", {"content": "grant_type=a&grant_type=b"}),
    "no form": (400, "invalid_request", {"content": "&&&"}),
    "too many fields": (400, "invalid_request", {"content": "&".join(f"a{n}=1" for n in range(40))}),
    "no text": (400, "invalid_request", {"content": b"grant_type=\xff"}),
    "no UTF-8": (400, "invalid_request", {"content": "grant_type=%ff"}),
    "in the address": (400, "invalid_request", {"data": GRANT, "params": {"client_id": "WHO"}}),
    "a proof of DPoP": (
        400,
        "invalid_request",
        {"data": GRANT, "auth": ("WHO", "SECRET"), "headers": {"dpop": "a.b.c"}},
    ),
    "too long": (413, "invalid_request", {"content": "a=" + "b" * 40_000}),
    "no assertion": (
        401,
        "invalid_client",
        {"data": {**GRANT, "client_assertion": "a.b.c", "client_assertion_type": ASSERTION_TYPE}},
    ),
    "an assertion of no type": (400, "invalid_request", {"data": {**GRANT, "client_assertion": "a.b.c"}}),
}


@pytest.mark.parametrize("how", WRONG)
def test_what_is_wrong_is_told_in_oauths_own_words(house: House, client: tuple[str, str], how: str) -> None:
    status, error, given = WRONG[how]
    plain = house.tokens["developer"]
    names = {"WHO": client[0], "SECRET": client[1], "KEY": plain[8:20], "PLAIN": plain, "WRONG": client[1][:-1] + "!"}
    text = json.dumps(given, default=lambda content: {"bytes": content.hex()})
    for name, value in names.items():
        text = text.replace(f'"{name}"', json.dumps(value)).replace("Bearer SECRET", f"Bearer {client[1]}")
    sent = {**json.loads(text), **({"content": given["content"]} if "content" in given else {})}
    if "content" in sent:
        sent["headers"] = {"content-type": "application/x-www-form-urlencoded"}
    if "auth" in sent:
        sent["auth"] = tuple(sent["auth"])

    answer = ask(house, **sent)

    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.json()["error_description"].isascii() and client[1] not in answer.text
    assert ("www-authenticate" in answer.headers) == (status == 401)


def test_basic_credentials_are_read_as_forms_spell_them(house: House, client: tuple[str, str]) -> None:
    spelt = b64encode(f"{client[0]}:{client[1].replace('_', '%5F')}".encode()).decode()

    assert ask(house, data=GRANT, headers={"authorization": f"Basic {spelt}"}).status_code == 200


@pytest.mark.parametrize(
    "path", ["/oauth/token", "/oauth/revoke", "/.well-known/jwks.json", "/oauth/", "/oauth/tokens"]
)
def test_other_methods_and_paths_are_refused_in_the_same_shape(house: House, path: str) -> None:
    answer = house.ask("DELETE", path)

    assert answer.status_code in {404, 405} and set(answer.json()) == {"error", "error_description"}


def test_a_secret_opens_no_door_and_says_what_it_is_for(house: House, client: tuple[str, str]) -> None:
    house.tokens["secret"] = client[1]

    answers = [house.ask("GET", path, "secret") for path in ("/v1/models", "/control/me")]

    assert [answer.status_code for answer in answers] == [401, 401]
    assert all("/oauth/token" in answer.text for answer in answers)


@pytest.mark.parametrize("path", ["/oauth/authorize", "/oauth/device"])
def test_nobody_signs_in_where_no_provider_was_declared(house: House, path: str) -> None:
    metadata = house.ask("GET", "/.well-known/oauth-authorization-server").json()
    page = house.ask("GET", path)
    form = {"client_id": "gateway-cli"}
    waits = ask(house, "/oauth/device_authorization", data=form)
    grants = ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"]
    asked = [ask(house, data={**form, "grant_type": each, "code": "x", "refresh_token": "x"}) for each in grants]
    ended = ask(house, "/oauth/revoke", data={**form, "token": "x"})

    assert metadata["grant_types_supported"] == ["client_credentials"] and "authorization_endpoint" not in metadata
    assert (page.status_code, waits.status_code, ended.status_code) == (404, 404, 401)
    assert [(each.status_code, each.json()["error"]) for each in asked] == [(400, "unsupported_grant_type")] * 3


# Revocation.


def token_of(house: House, client: tuple[str, str], name: str, **more: str) -> str:
    token: str = ask(house, data=form(client, **more)).json()["access_token"]
    house.tokens[name] = token
    return token


def test_a_revoked_token_is_over_and_nothing_else_is(house: House, client: tuple[str, str]) -> None:
    token, _ = token_of(house, client, "ending"), token_of(house, client, "going on")

    told = [ask(house, "/oauth/revoke", data={"token": token}, auth=client).status_code for _ in range(2)]

    assert told == [200, 200]
    assert (house.ask("GET", "/v1/models", "ending").json()["error"]["code"]) == "token_revoked"
    assert house.ask("GET", "/v1/models", "going on").status_code == 200
    assert [each["body"]["organisation"] for each in house.entries(event="token:revoked", limit=1)] == ["acme"]


def test_another_clients_token_is_not_revoked_and_what_is_none_needs_no_ending(
    house: House, client: tuple[str, str]
) -> None:
    made = house.control("/clients", organisation="globex")
    other = made["client"]["client"]["id"], made["client_secret"]
    token = token_of(house, client, "mine")

    theirs = ask(house, "/oauth/revoke", data={"token": token}, auth=other)
    nothing = [ask(house, "/oauth/revoke", data={"token": each}, auth=other) for each in ("x", "ey.a.b", token + "A")]
    unproven = ask(house, "/oauth/revoke", data={"token": token})

    assert (theirs.status_code, theirs.json()["error"]) == (400, "invalid_grant")
    assert [answer.status_code for answer in nothing] == [200, 200, 200]
    assert unproven.status_code == 401
    assert house.ask("GET", "/v1/models", "mine").status_code == 200


# A client that signs.


class Signer:
    """A client with keys of its own."""

    def __init__(self, house: House, organisation: str = "acme") -> None:
        self.house = house
        self.key = jwk.ECKey.generate_key("P-256")
        public = {**self.key.as_dict(private=False), "kid": "one"}
        made = house.control("/clients", organisation=organisation, public_keys={"keys": [public]})
        self.id = made["client"]["client"]["id"]
        self.secret = made["client_secret"]
        self.numbers = 0

    def assertion(self, header: dict[str, Any] | None = None, key: Any = None, **changed: Any) -> str:
        self.numbers += 1
        said = {
            "iss": self.id,
            "sub": self.id,
            "aud": self.house.installation.issuer.url,
            "exp": int(time.time()) + 60,
            "jti": f"n{self.numbers}",
        } | changed
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return signed(
                {"alg": "ES256", "kid": "one", **(header or {})},
                {name: value for name, value in said.items() if value is not None},
                key or self.key,
            )

    def ask(self, assertion: str, **more: str) -> httpx.Response:
        data = {**GRANT, "client_assertion": assertion, "client_assertion_type": ASSERTION_TYPE, **more}
        return ask(self.house, data=data)


@pytest.fixture(scope="module")
def signer(house: House) -> Signer:
    return Signer(house)


def test_a_client_that_signs_gets_a_token_and_no_assertion_is_taken_twice(house: House, signer: Signer) -> None:
    assertion = signer.assertion()

    first, second = signer.ask(assertion), signer.ask(assertion)
    house.tokens["signer"] = first.json()["access_token"]

    assert signer.secret is None
    assert house.ask("GET", "/control/me", "signer").json()["key"]["id"] == signer.id
    assert (second.status_code, second.json()["error"]) == (401, "invalid_client")


ASSERTIONS: dict[str, Any] = {
    "another key": lambda s: s.assertion(key=jwk.ECKey.generate_key("P-256")),
    "another algorithm": lambda s: s.assertion({"alg": "ES384"}, key=jwk.ECKey.generate_key("P-384")),
    "an unknown key": lambda s: s.assertion({"kid": "two"}),
    "another audience": lambda s: s.assertion(aud="https://other.example"),
    "another subject": lambda s: s.assertion(sub="0" * 12),
    "another client": lambda s: s.assertion(iss="0" * 12, sub="0" * 12),
    "no number": lambda s: s.assertion(jti=None),
    "no end": lambda s: s.assertion(exp=None),
    "an end long past": lambda s: s.assertion(exp=1_000_000_000),
    "an end far off": lambda s: s.assertion(exp=int(time.time()) + 7200),
    "an access token's type": lambda s: s.assertion({"typ": "at+jwt"}),
}


@pytest.mark.parametrize("how", ASSERTIONS)
def test_an_assertion_that_is_not_the_clients_own_for_this_gateway_now_is_refused(signer: Signer, how: str) -> None:
    answer = signer.ask(ASSERTIONS[how](signer))

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_a_client_with_one_key_need_not_name_it_and_one_with_two_must(house: House) -> None:
    signer, other = Signer(house), jwk.ECKey.generate_key("P-256")
    unnamed = signer.ask(signer.assertion({"kid": ""}))
    by_another = signer.ask(signer.assertion({"kid": ""}, key=other))
    keys = [{**key.as_dict(private=False), "kid": name} for key, name in ((signer.key, "one"), (other, "two"))]
    house.ask("PUT", f"/control/clients/{signer.id}/keys", "provider", json={"public_keys": {"keys": keys}})

    which = signer.ask(signer.assertion({"kid": ""}))

    assert [answer.status_code for answer in (unnamed, by_another, which)] == [200, 401, 401]
    assert "this client has several" in which.json()["error_description"]


def test_a_client_of_authlibs_proves_itself_by_a_pem_key_as_it_is(house: House) -> None:
    key = jwk.RSAKey.generate_key(2048, auto_kid=False)
    public = {**key.as_dict(private=False), "kid": "only"}
    made = house.control("/clients", organisation="acme", public_keys={"keys": [public]})
    client, url = made["client"]["client"]["id"], f"{house.installation.issuer.url}/oauth/token"
    proof = PrivateKeyJWT(url).sign(ClientAuth(client, key.as_pem(private=True).decode()), url)

    answer = ask(house, data={**GRANT, "client_assertion": proof, "client_assertion_type": ASSERTION_TYPE})

    assert answer.status_code == 200, answer.text


def test_who_cannot_prove_itself_is_told_of_clients_and_of_no_key(house: House, signer: Signer) -> None:
    made = house.control("/clients", organisation="acme")
    client = made["client"]["client"]["id"]
    nobody = ask(house, data={**GRANT, "client_id": "0" * 12, "client_secret": "x"})
    wrong = ask(house, data={**GRANT, "client_id": client, "client_secret": made["client_secret"][:-1]})
    unsigned = signer.ask(signer.assertion(key=jwk.ECKey.generate_key("P-256")))
    told = [answer.json()["error_description"] for answer in (nobody, wrong, unsigned)]

    assert told[0] == told[1], "whether a client is there is told to nobody"
    assert all("API key" not in each and "/oauth/token" not in each and "RFC 7523" in each for each in told)


@pytest.mark.parametrize(
    ("resource", "status"),
    [("https://other.example", 400), ("{url}.evil.example", 400), ("{url}", 200), ("{url}/v1", 200), ("", 200)],
)
def test_a_token_for_another_is_not_given(house: House, signer: Signer, resource: str, status: int) -> None:
    answer = signer.ask(signer.assertion(), resource=resource.format(url=house.installation.issuer.url))

    assert answer.status_code == status
    if status == 400:
        assert answer.json()["error"] == "invalid_target"


def test_the_keys_of_a_client_are_exchanged_by_whoever_may(house: House) -> None:
    signer, new = Signer(house), jwk.OKPKey.generate_key("Ed25519")
    body = {"public_keys": {"keys": [{**new.as_dict(private=False), "kid": "new"}]}}
    house.enter("elsewhere", "globex")

    by_others = house.ask("PUT", f"/control/clients/{signer.id}/keys", "elsewhere", json=body)
    exchanged = house.ask("PUT", f"/control/clients/{signer.id}/keys", "developer", json=body)
    with_old = signer.ask(signer.assertion())
    with_new = signer.ask(signer.assertion({"alg": "Ed25519", "kid": "new"}, key=new))

    assert (by_others.status_code, exchanged.status_code) == (404, 200)
    assert (with_old.status_code, with_new.status_code) == (401, 200)


KEY_SETS: dict[str, Any] = {
    "a private key": {"keys": [{**jwk.OKPKey.generate_key("Ed25519").as_dict(private=True), "kid": "a"}]},
    "a secret": {"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "a"}]},
    "a short key": {"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "a"}]},
    "no id": {"keys": [jwk.OKPKey.generate_key("Ed25519").as_dict(private=False)]},
    "no keys": {"keys": []},
    "no set": {},
    "a list": {"keys": "a"},
    "a curve that is none": {"keys": [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "a"}]},
}


@pytest.mark.parametrize("how", KEY_SETS)
def test_keys_that_cannot_be_used_are_refused_with_what_to_give(house: House, how: str) -> None:
    body = {"organisation": "acme", "public_keys": KEY_SETS[how]}

    answer = house.ask("POST", "/control/clients", "provider", json=body)

    assert (answer.status_code, answer.json()["param"]) == (400, "public_keys")
    assert answer.json()["detail"]


# What tokens may not.


def test_a_token_issues_and_rotates_no_keys_and_concurs_with_nobody_whatever_its_client_may(house: House) -> None:
    made = house.control("/clients", organisation="provider", roles=["provider"])
    client = made["client"]["client"]["id"], made["client_secret"]
    token_of(house, client, "machine")
    key = house.enter("victim", "acme").id

    said = {"organisation": "acme", "release": house.models["api"], "authority": "CAISI", "reference": "a letter"}
    concurs = house.ask("POST", "/control/concurrences", "machine", json=said | {"expires_at": "2200-01-01T00:00:00Z"})
    issued = house.ask("POST", "/control/keys", "machine", json={"roles": ["provider"]})
    cloned = house.ask("POST", "/control/clients", "machine", json={"roles": ["provider"]})
    rotated = house.ask("POST", f"/control/keys/{client[0]}/rotate", "machine", json={"overlap_s": 60})
    revoked = house.ask("POST", f"/control/keys/{key}/revoke", "machine", json={"cause": "leaked"})

    assert (concurs.status_code, concurs.json()["code"]) == (403, "machine_cannot_agree")
    assert {answer.json()["code"] for answer in (issued, cloned, rotated)} == {"token_cannot_issue"}
    assert revoked.status_code == 200, "taking away is what machines may do at once"


def test_a_token_of_narrower_scopes_than_its_clients_role_is_held_to_them(house: House) -> None:
    made = house.control("/clients", organisation="provider", roles=["provider"])
    client = made["client"]["client"]["id"], made["client_secret"]
    token_of(house, client, "reader", scope="control:read")

    read = house.ask("GET", "/control/organisations", "reader")
    written = house.ask("POST", "/control/organisations", "reader", json={"id": "newer", "name": "Newer"})

    assert (read.status_code, written.status_code, written.json()["code"]) == (200, 403, "scope_too_narrow")


def test_a_disabled_organisations_clients_and_tokens_are_out(house: House) -> None:
    house.control("/organisations", id="leaving", name="Leaving")
    made = house.control("/clients", organisation="leaving")
    client = made["client"]["client"]["id"], made["client_secret"]
    token_of(house, client, "leaving")
    before = house.ask("GET", "/v1/models", "leaving").status_code

    house.control("/organisations/leaving/disable", cause="left")

    assert (before, house.ask("GET", "/v1/models", "leaving").status_code) == (200, 401)
    assert ask(house, data=form(client)).status_code == 401


def test_networks_of_a_client_bind_where_it_gets_tokens_and_where_they_are_used(house: House) -> None:
    made = house.control("/clients", organisation="acme", networks=["192.0.2.0/24"])
    client = made["client"]["client"]["id"], made["client_secret"]

    assert ask(house, data=form(client)).status_code == 401


def test_a_rotated_client_and_its_successor_overlap_and_both_are_clients(house: House) -> None:
    made = house.control("/clients", organisation="acme", scopes=["inference"])
    old = made["client"]["client"]["id"], made["client_secret"]

    issued = house.control(f"/keys/{old[0]}/rotate", overlap_s=3600)
    new = issued["key"]["id"], issued["token"]
    house.tokens["successor"] = issued["token"]

    assert [ask(house, data=form(each)).json()["scope"] for each in (old, new)] == ["inference", "inference"]
    assert house.ask("GET", "/v1/models", "successor").status_code == 401
    assert {each["client"]["id"] for each in house.ask("GET", "/control/clients", "developer").json()["clients"]} >= {
        old[0],
        new[0],
    }


def test_no_machine_has_the_role_of_those_who_approve(house: House) -> None:
    answer = house.ask("POST", "/control/clients", "provider", json={"roles": ["approver"]})

    assert (answer.status_code, answer.json()["code"]) == (403, "role_not_for_clients")


def test_clients_of_other_organisations_are_neither_seen_nor_made(house: House, client: tuple[str, str]) -> None:
    house.enter("neighbour", "globex")

    listed = house.ask("GET", "/control/clients", "neighbour").json()["clients"]
    shown = house.ask("GET", f"/control/keys/{client[0]}", "neighbour")
    made = house.ask("POST", "/control/clients", "neighbour", json={"organisation": "acme"})
    wider = house.ask("POST", "/control/clients", "neighbour", json={"roles": ["auditor"]})

    assert client[0] not in str(listed)
    assert (shown.status_code, made.status_code, wider.status_code) == (404, 404, 403)
