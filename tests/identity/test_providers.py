"""Declaring identity providers, what is discovered of them, and what they make of people."""

from pathlib import Path
from typing import Any

import pytest

from gateway.clock import at
from gateway.errors import Forbidden, Invalid, InvalidFile, Unauthenticated
from gateway.identity.callers import Role
from gateway.identity.people.code_flow import authorization_url
from gateway.identity.people.cookies import SESSION, Cookies
from gateway.identity.people.mapping import mapped
from gateway.identity.people.providers import Provider, read_providers
from gateway.identity.people.return_paths import checked_return_path
from gateway.identity.tokens.fetching import Unfetched
from tests.fakes.provider import FakeProvider, an_identity_provider

PLAIN = """\
identity_providers:
  corporate:
    issuer: https://login.example.com
    client_id: release-gateway
    people:
      - {match: {groups: managers}, organisation: provider, roles: [provider, staff]}
      - {match: {groups: risk}, organisation: provider, roles: [approver]}
      - match: {hd: acme.example}
        organisation: acme
        roles: [developer]
        attributes: [{name: kyc, value: K3, assurance: 3}]
"""


def read(text: str, folder: Path = Path()) -> dict[str, Provider]:
    return read_providers(text.encode(), folder / "providers.yaml")


def test_a_provider_is_read_with_its_defaults() -> None:
    provider = read(PLAIN)["corporate"]

    assert (provider.issuer, provider.client_id, provider.scopes) == (
        "https://login.example.com",
        "release-gateway",
        ("openid", "profile", "email"),
    )
    assert (provider.secret, provider.provisioned_only, provider.asks_userinfo) == ("", False, False)
    assert provider.metadata is None


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("https://login.example.com", "http://login.example.com", "https"),
        ("https://login.example.com", "https://a:b@login.example.com", "credentials"),
        ("https://login.example.com", "''", "issuer"),
        ("client_id: release-gateway", "client_id: ''", "client_id"),
        ("client_id: release-gateway", "client: release-gateway", "client"),
        ("client_id: release-gateway", "client_id: a\n    scopes: [profile]", "openid"),
        ("client_id: release-gateway", "client_id: a\n    scopes: [openid, 'a b']", "scopes"),
        ("client_id: release-gateway", "client_id: a\n    provision: scim", "link"),
        ("client_id: release-gateway", "client_id: a\n    provision: always", "provision"),
        ("client_id: release-gateway", "client_id: a\n    client_secret_file: absent", "cannot be read"),
        ("client_id: release-gateway", "client_id: a\n    link: {userName: a, name: b}", "name"),
        ("roles: [approver]", "roles: []", "roles"),
        ("roles: [approver]", "roles: [king]", "king"),
        ("roles: [developer]", "roles: [provider]", "outside"),
        ("roles: [developer]", "roles: [auditor]", "auditor would see every organisation"),
        ("client_id: release-gateway", "client_id: a\n    hosts: [https://keys.example]", "hosts"),
        ("client_id: release-gateway", "client_id: a\n    hosts: [keys.example/path]", "hosts"),
        ("client_id: release-gateway", "client_id: a\n    hosts: ['keys.example:port']", "hosts"),
        ("organisation: acme", "organisation: Acme!", "organisation"),
        ("{groups: risk}", "{}", "match"),
        ("{groups: risk}", "{groups: []}", "match"),
        ("name: kyc, value: K3", "name: kyc, value: K9", "level"),
        ("name: kyc, value: K3", "name: kyc", "value"),
        ("corporate:", "Corporate!:", "a name is"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_keeps_the_gateway_from_starting(
    before: str, after: str, told: str
) -> None:
    assert before in PLAIN

    with pytest.raises(InvalidFile) as refused:
        read(PLAIN.replace(before, after, 1))

    assert told in refused.value.faults[0].message
    assert refused.value.faults[0].line > 1


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("roles: [approver]", "roles: [king]", "there are developer, staff, provider, approver, analyst, auditor"),
        ("{groups: risk}", "{}", "people[1]: `match` must name"),
        ("client_id: release-gateway", "client_id: a\n    client_secret_file: absent", "the file `absent`"),
        ("client_id: release-gateway", "client_id: a\n    provision: always", "there are on-sign-in, scim"),
    ],
)
def test_a_mistake_is_told_where_it_is_with_what_there_is(before: str, after: str, told: str) -> None:
    content = PLAIN.replace(before, after, 1)
    wrong = after.splitlines()[-1].strip().partition(":")[0] if "client_id" in before else after
    line = next(n for n, text in enumerate(content.splitlines(), 1) if wrong in text)

    with pytest.raises(InvalidFile) as refused:
        read(content)

    fault = refused.value.faults[0]
    assert told in fault.message, fault.message
    if "file" not in after:
        assert fault.line == line
    assert "`$" not in fault.message


def test_one_issuer_is_declared_once() -> None:
    again = PLAIN.replace("identity_providers:\n", "").replace("corporate:", "another:")

    with pytest.raises(InvalidFile, match="already"):
        read(PLAIN + again)


def what_becomes_of(claims: dict[str, Any]) -> tuple[str, tuple[Role, ...]]:
    found = mapped(read(PLAIN)["corporate"].rules, claims)
    return found.organisation, found.roles


def test_rules_of_one_organisation_add_up_and_the_first_says_which() -> None:
    both = {"groups": ["risk", "managers", "other"]}

    assert what_becomes_of({"groups": "risk"}) == ("provider", (Role.APPROVER,))
    assert what_becomes_of(both) == ("provider", (Role.APPROVER, Role.PROVIDER, Role.STAFF))
    assert what_becomes_of(both | {"hd": "acme.example"}) == what_becomes_of(both)
    assert what_becomes_of({"hd": "acme.example"}) == ("acme", (Role.DEVELOPER,))


@pytest.mark.parametrize(
    "claims", [{}, {"groups": []}, {"groups": None}, {"hd": "acme.example.evil"}, {"groups": "Risk"}]
)
def test_whom_no_rule_fits_is_nothing(claims: dict[str, Any]) -> None:
    with pytest.raises(Forbidden) as refused:
        what_becomes_of(claims)

    assert refused.value.code == "no_role_mapped"


# What a provider says of itself


def declared(provider: FakeProvider, more: str = "") -> Provider:
    return read(PLAIN.replace("https://login.example.com", provider.url + more))["corporate"]


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"authorization_endpoint": None},
        {"token_endpoint": "https://evil.example/token"},
        {"token_endpoint": "http://10.0.0.1/token"},
        {"token_endpoint": ["x"]},
        {"jwks_uri": "http://169.254.169.254/latest/meta-data"},
        {"jwks_uri": "file:///etc/passwd"},
        {"userinfo_endpoint": "https://evil.example"},
        {"end_session_endpoint": "javascript:alert(1)"},
    ],
    ids=str,
)
async def test_metadata_that_leads_elsewhere_is_not_taken(metadata: dict[str, Any]) -> None:
    with an_identity_provider() as fake:
        fake.metadata = metadata
        provider = declared(fake)

        with pytest.raises(Unfetched):
            await provider.discovery.fetch(provider.keys._address)

    assert provider.metadata is None


async def test_a_host_that_was_declared_beside_the_issuers_own_is_gone_to() -> None:
    with an_identity_provider() as fake:
        fake.metadata = {"end_session_endpoint": "https://sessions.example/end"}
        provider = declared(fake, "\n    hosts: [sessions.example]")

        assert await provider.keys.ask() is False

    assert provider.metadata is not None
    assert provider.metadata.end_session == "https://sessions.example/end"
    assert provider.key("first", at(0)) is not None


async def test_what_was_known_stays_known_while_the_provider_is_away() -> None:
    with an_identity_provider() as fake:
        provider = declared(fake)
        await provider.keys.ask()
        fake.metadata = {"issuer": "https://evil.example"}
        await provider.keys.ask()

    assert provider.metadata is not None and provider.metadata.token == f"{fake.url}/token"
    assert provider.key("first", at(0)) is not None


async def test_a_secret_is_never_in_the_address_that_people_are_sent_to(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret")
    with an_identity_provider() as fake:
        text = PLAIN.replace("https://login.example.com", f"{fake.url}\n    client_secret_file: secret")
        provider = read(text, tmp_path)["corporate"]
        await provider.keys.ask()
    assert provider.metadata is not None

    url = authorization_url(
        provider, provider.metadata, "https://gateway.example/cb", state="s", nonce="n", verifier="v" * 43, max_age_s=60
    )

    assert "s3cret" not in url and "v" * 43 not in url


# What browsers keep


def test_a_cookie_is_bound_to_this_host_wherever_there_is_tls() -> None:
    assert Cookies("https://gateway.example").name(SESSION) == "__Host-release-gateway-session"
    assert Cookies("http://127.0.0.1:8080").name(SESSION) == "release-gateway-session"


def test_a_cookie_of_another_name_is_not_a_session() -> None:
    cookies = Cookies("https://gateway.example")
    headers = [(b"cookie", b"release-gateway-session=a; x__Host-release-gateway-session=b")]

    assert cookies.found(SESSION, headers) == ""
    assert cookies.found(SESSION, [(b"cookie", b"a=b; __Host-release-gateway-session=right")]) == "right"
    with pytest.raises(Unauthenticated):
        twice = [(b"cookie", b"__Host-release-gateway-session=one")] * 2
        cookies.found(SESSION, twice)


@pytest.mark.parametrize("path", ["/", "/control/session", "/oauth/authorize?client_id=x&scope=a%20b", "/a/b?next=//x"])
def test_a_path_of_this_gateway_is_gone_to(path: str) -> None:
    assert checked_return_path(path) == path


@pytest.mark.parametrize("path", ["", "//x", "/\\x", "x", "http://x", "/a//b", "/a\nb", "/a b", "/a#b", "/é"])
def test_anything_else_is_not(path: str) -> None:
    with pytest.raises(Invalid):
        checked_return_path(path)
