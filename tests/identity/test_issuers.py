"""The operator's file of issuers: what it says is done, and no mistake in it goes unnoticed."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from joserfc import jwk

from gateway.clock import SECOND, at
from gateway.errors import InvalidFile, TokenInvalid
from gateway.identity.callers import AccessToken, Role
from gateway.identity.tokens.checking import Times
from gateway.identity.tokens.issuers import DeclaredIssuer, read_issuers
from gateway.identity.tokens.reading import Unverified
from gateway.identity.tokens.verifying import VerifyingKey, verifying_key

OWN = "https://gateway.example"
KEY: VerifyingKey = verifying_key({**jwk.OKPKey.generate_key("Ed25519").as_dict(private=False), "kid": "one"})
TIMES = Times(1_000 * SECOND, 2_000 * SECOND)

RULE: dict[str, Any] = {"match": {"sub": "batch"}, "organisation": "acme", "scopes": ["inference"]}
ISSUER: dict[str, Any] = {"issuer": "https://ci.example", "jwks": "https://ci.example/keys", "workloads": [RULE]}


def read(**issuers: Any) -> list[DeclaredIssuer]:
    return read_issuers(yaml.safe_dump({"issuers": issuers}).encode(), Path("issuers.yaml"), own=OWN)


def mistake(**issuers: Any) -> str:
    with pytest.raises(InvalidFile) as wrong:
        read(**issuers)
    return wrong.value.message


def token(rule: dict[str, Any], claims: dict[str, Any]) -> AccessToken:
    issuer = read(ci={**ISSUER, "workloads": [{**RULE, **rule}]})[0]
    said = {"iss": "https://ci.example", "sub": "batch", **claims}
    return issuer.token(Unverified("text", "Ed25519", "one", "", said), TIMES, KEY)


def test_what_is_left_out_is_as_narrow_as_it_can_be() -> None:
    issuer = read(ci=ISSUER)[0]
    given = token({}, {})

    assert (issuer.expected.audiences, issuer.expected.lifetime_max) == ((OWN,), 86_400 * SECOND)
    assert given.workload is not None
    assert (given.workload.roles, given.scopes, given.workload.assertions) == ((Role.DEVELOPER,), ("inference",), ())
    assert issuer.key("one", at(0)) is None, "nothing was fetched yet"


FITS: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
    ({"sub": "batch"}, {}, True),
    ({"sub": "batc"}, {}, False),
    ({"sub": "batch*"}, {}, False),
    ({"sub": "batch", "ref": "main"}, {}, False),
    ({"sub": "batch", "ref": "main"}, {"ref": "main"}, True),
    ({"ref": ["main", "next"]}, {"ref": "next"}, True),
    ({"groups": "ops"}, {"groups": ["dev", "ops"]}, True),
    ({"groups": "ops"}, {"groups": {"ops": True}}, False),
    ({"trusted": True}, {"trusted": True}, True),
    ({"trusted": True}, {"trusted": 1}, False),
    ({"trusted": True}, {"trusted": "true"}, False),
    ({"/kubernetes.io/namespace": "ml"}, {"kubernetes.io": {"namespace": "ml"}}, True),
    ({"/kubernetes.io/namespace": "ml"}, {"kubernetes.io": "ml"}, False),
    ({"/a~1b/c~0d": "x"}, {"a/b": {"c~d": "x"}}, True),
    ({"repository": "acme/app"}, {"repository": "acme/app\n"}, False),
    ({"repository": "acme/app"}, {"repository": "ACME/app"}, False),
]


@pytest.mark.parametrize(("match", "claims", "fits"), FITS)
def test_a_rule_fits_where_every_claim_is_there_and_equal(
    match: dict[str, Any], claims: dict[str, Any], fits: bool
) -> None:
    if fits:
        assert token({"match": match}, claims).workload is not None
        return
    with pytest.raises(TokenInvalid):
        token({"match": match}, claims)


def test_the_first_rule_that_fits_is_taken() -> None:
    rules = [{**RULE, "match": {"ref": "main"}, "organisation": "first"}, {**RULE, "organisation": "second"}]
    issuer = read(ci={**ISSUER, "workloads": rules})[0]

    def organisation(**claims: str) -> str:
        given = issuer.token(Unverified("text", "Ed25519", "one", "", {"sub": "batch", **claims}), TIMES, KEY)
        assert given.workload is not None
        return given.workload.organisation

    assert (organisation(ref="main"), organisation(ref="next")) == ("first", "second")


def test_claims_are_asserted_with_issuer_assurance_and_time_and_what_a_fact_cannot_be_is_not() -> None:
    attributes = [
        {"name": "kyc", "value": "K3", "assurance": 3},
        {"name": "residence_country", "claim": "country", "assurance": 2},
        {"name": "us_person", "claim": "us", "assurance": 2},
        {"name": "citizenships", "claim": "passports", "assurance": 1},
        {"name": "sector", "claim": "absent", "assurance": 1},
    ]
    given = token({"attributes": attributes}, {"country": "DE", "us": "yes", "passports": ["DE", "FR"]})

    assert given.workload is not None
    found = {each.name: each for each in given.workload.assertions}
    assert {name: each.value for name, each in found.items()} == {
        "kyc": "K3",
        "residence_country": "DE",
        "citizenships": ("DE", "FR"),
    }
    kyc = found["kyc"]
    assert (kyc.issuer, kyc.assurance) == ("https://ci.example", 3)
    assert (kyc.asserted_at, kyc.expires_at) == (TIMES.issued_at, TIMES.expires_at)


def test_a_workload_is_the_same_for_every_token_of_one_subject_of_one_issuer() -> None:
    other = read(ci={**ISSUER, "issuer": "https://other.example"})[0]
    elsewhere = other.token(Unverified("text", "Ed25519", "one", "", {"sub": "batch"}), TIMES, KEY)

    assert token({}, {}).holder == token({}, {"jti": "2"}).holder != elsewhere.holder


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"jwks": "http://ci.example/keys"}, "https://"),
    ({"jwks": "https://user:secret@ci.example/keys"}, "without credentials"),
    ({"jwks": "file:///etc/passwd"}, "jwks"),
    ({"issuer": OWN}, "this gateway itself"),
    ({"issuer": ""}, "`issuer`"),
    ({"audience": []}, "`audience`"),
    ({"audience": [""]}, "`audience`"),
    ({"types": ["logout+jwt"]}, "`types`"),
    ({"lifetime_s": 0}, "`lifetime_s`"),
    ({"lifetime_s": 10**9}, "`lifetime_s`"),
    ({"keys_kept_s": 10**9}, "`keys_kept_s`"),
    ({"workloads": []}, "`workloads`"),
    ({"algorithms": ["none"]}, "algorithms"),
    ({"ca_file": "absent.pem"}, "cannot be read"),
]

RULE_MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"match": {}}, "`match`"),
    ({"match": {"sub": []}}, "`match`"),
    ({"organisation": "No One"}, "`organisation`"),
    ({"scopes": []}, "`scopes`"),
    ({"scopes": ["everything"]}, "No door"),
    ({"roles": ["approver"], "organisation": "provider"}, "people approve"),
    ({"roles": ["provider"]}, "`provider`"),
    ({"roles": ["developer", "auditor"]}, "auditor would see every organisation"),
    ({"roles": ["staff"]}, "developer"),
    ({"roles": []}, "roles"),
    ({"attributes": [{"name": "kyc", "value": "K9", "assurance": 1}]}, "`kyc`"),
    ({"attributes": [{"name": "role", "value": "staff", "assurance": 1}]}, "`role`"),
    ({"attributes": [{"name": "kcy", "value": "K3", "assurance": 1}]}, "kyc"),
    ({"attributes": [{"name": "kyc", "value": "K3", "assurance": 5}]}, "assurance"),
    ({"attributes": [{"name": "kyc", "assurance": 1}]}, "`claim`"),
    ({"attributes": [{"name": "kyc", "value": "K3", "claim": "kyc", "assurance": 1}]}, "`claim`"),
    ({"attributes": [{"name": "kyc", "value": "K3", "assurance": 1}] * 2}, "twice"),
]


@pytest.mark.parametrize(("change", "said"), MISTAKES)
def test_a_mistake_of_an_issuer_is_told_with_its_line(change: dict[str, Any], said: str) -> None:
    told = mistake(ci={**ISSUER, **change})

    assert told.startswith("issuers.yaml:") and said in told


@pytest.mark.parametrize(("change", "said"), RULE_MISTAKES)
def test_a_mistake_of_a_rule_is_told_with_its_place(change: dict[str, Any], said: str) -> None:
    told = mistake(ci={**ISSUER, "workloads": [RULE, {**RULE, **change}]})

    assert "workloads[1]" in told and said in told


def test_one_issuer_under_two_names_is_a_mistake() -> None:
    assert "already" in mistake(ci=ISSUER, again=ISSUER)
