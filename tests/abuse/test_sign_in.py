"""Whoever would come in as somebody else by the browser's way in, and a provider that is hostile or broken."""

import base64
import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from joserfc import jwk

from tests.abuse.logs import captured_logs
from tests.fakes.gateway import free_port
from tests.fakes.house import House, eventually, open_house
from tests.fakes.issuer import signed
from tests.fakes.provider import SECRET, Browser, FakeProvider, declaration

SESSION = "release-gateway-session"
SIGN_IN = "release-gateway-sign-in"


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory, providers: tuple[FakeProvider, FakeProvider]) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("signing-in")
    (folder / "corporate.secret").write_text(SECRET)
    file = folder / "providers.yaml"
    file.write_text(declaration(*providers))
    with open_house(folder, identity_providers=file, port=free_port(), sign_in_requests_per_source=0) as house:
        eventually(lambda: all(each.metadata for each in house.installation.providers.values()))
        yield house


@pytest.fixture
def provider(providers: tuple[FakeProvider, FakeProvider]) -> FakeProvider:
    """The first of the two, as it should be."""
    _restore(providers[1])
    return _restore(providers[0])


def _restore(provider: FakeProvider) -> FakeProvider:
    provider.behave()
    provider.claims["groups"] = ["managers"]
    return provider


def browser(house: House) -> Browser:
    return Browser(house.url)


def begun(house: House, query: str = "?provider=corporate") -> tuple[Browser, str]:
    """A browser that was vouched for, and the address that it is sent back to."""
    one = browser(house)
    begun = one.go(f"/control/session/start{query}")
    return one, one.go(begun.headers["location"]).headers["location"]


def changed(url: str, **parameters: str | None) -> str:
    """The address with other parameters; None takes one out."""
    told = dict(parse_qsl(urlsplit(url).query)) | parameters
    return f"{url.partition('?')[0]}?{urlencode({name: value for name, value in told.items() if value is not None})}"


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "") if answer.content else ""


def is_in(one: Browser) -> bool:
    return one.go("/control/session").status_code == 200


def signed_in(house: House, query: str = "?provider=corporate") -> Browser:
    one = browser(house)
    answer = one.sign_in(query)
    assert answer.status_code == 303, answer.text
    return one


# Whoever comes back


def test_a_callback_is_taken_once_whatever_is_replayed(opened: House, provider: FakeProvider) -> None:
    one, back = begun(opened)
    sealed = one.client.cookies[SIGN_IN]
    assert one.go(back).status_code == 303

    thief = browser(opened)
    thief.client.cookies.set(SIGN_IN, sealed, domain="127.0.0.1")
    replayed = thief.go(back)
    again = dict(parse_qsl(urlsplit(provider.authorized(provider.asked[-1])).query))
    with_another_code = thief.go(changed(back, code=again["code"]))

    assert code_of(replayed) == code_of(with_another_code) == (401, "sign_in_used")
    assert not is_in(thief)


def test_a_callback_that_this_browser_did_not_begin_opens_nothing(opened: House, provider: FakeProvider) -> None:
    _, back = begun(opened)
    victim, _ = begun(opened)

    assert code_of(browser(opened).go(back)) == (400, "sign_in_unknown")
    assert code_of(victim.go(back)) == (400, "sign_in_unknown")
    assert not is_in(victim)


@pytest.mark.parametrize("state", [None, "", "x", "ü", "A" * 500])
def test_a_state_that_is_swapped_opens_nothing(opened: House, provider: FakeProvider, state: str | None) -> None:
    one, back = begun(opened)

    answer = one.go(changed(back, state=state))

    assert answer.status_code == 400
    assert not provider.exchanged
    assert not is_in(one)


@pytest.mark.parametrize("how", ["cut", "other seal", "other content", "empty", "not sealed", "another's key"])
def test_what_a_browser_keeps_cannot_be_made_up(opened: House, provider: FakeProvider, how: str) -> None:
    one, back = begun(opened)
    name, seal, content = one.client.cookies[SIGN_IN].split(".")
    other = {
        "cut": f"{name}.{seal}.{content[:-4]}",
        "other seal": f"{name}.{'0' * 64}.{content}",
        "other content": f"{name}.{seal}.{content[:40]}{'A' if content[40] != 'A' else 'B'}{content[41:]}",
        "empty": "",
        "not sealed": content,
        "another's key": f"{'0' * 16}.{seal}.{content}",
    }[how]
    one.client.cookies.clear()
    one.client.cookies.set(SIGN_IN, other, domain="127.0.0.1")

    assert code_of(one.go(back)) == (400, "sign_in_unknown")
    assert not provider.exchanged


def test_a_code_of_another_sign_in_does_not_fit_the_verifier(opened: House, provider: FakeProvider) -> None:
    _, theirs = begun(opened)
    one, back = begun(opened)
    stolen = dict(parse_qsl(urlsplit(theirs).query))["code"]

    assert code_of(one.go(changed(back, code=stolen))) == (401, "sign_in_failed")
    assert not is_in(one)


def test_an_answer_of_another_issuer_is_not_taken_for_the_one_that_was_asked(
    opened: House, providers: tuple[FakeProvider, FakeProvider], provider: FakeProvider
) -> None:
    other = providers[1]
    told = []
    for issuer in (other.url, None, provider.url + "/", "", f"{provider.url}\n"):
        one, back = begun(opened)
        told.append(code_of(one.go(changed(back, iss=issuer)))[0])
        assert not is_in(one)

    assert set(told) <= {400, 401}
    assert not provider.exchanged and not other.exchanged, "no code is sent to anybody whom it is not from"


def test_the_token_of_one_provider_does_not_do_for_the_other(
    opened: House, providers: tuple[FakeProvider, FakeProvider], provider: FakeProvider
) -> None:
    one, back = begun(opened, "?provider=corporate-1")
    provider.claims["groups"] = ["managers"]
    nonce = providers[1].asked[-1]["nonce"]
    providers[1].id_token = provider.token(nonce)

    assert code_of(one.go(back)) == (401, "sign_in_failed")
    assert not is_in(one)


def test_the_same_subject_of_two_providers_is_two_people(
    opened: House, providers: tuple[FakeProvider, FakeProvider], provider: FakeProvider
) -> None:
    providers[1].claims["groups"] = ["managers"]

    first = signed_in(opened).session()["person"]
    second = signed_in(opened, "?provider=corporate-1").session()["person"]

    assert first["id"] != second["id"]


@pytest.mark.parametrize("error", ["access_denied", "server_error", "<script>alert(1)</script>", "x" * 128])
def test_a_refusal_of_the_provider_is_told_in_our_own_words(opened: House, provider: FakeProvider, error: str) -> None:
    provider.answer = {"error": error, "error_description": "<b>call 555-0100</b>", "iss": provider.url}
    one = browser(opened)
    begun = one.go("/control/session/start?provider=corporate")
    back = one.go(begun.headers["location"]).headers["location"]
    state = provider.asked[-1]["state"]

    answer = one.go(changed(back, state=state))

    assert code_of(answer) == (401, "sign_in_failed")
    assert "555-0100" not in answer.text and "script" not in answer.text


# Where somebody is sent


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "/x//evil.example/..",
        "/control\r\nset-cookie: a=b",
        "/\tevil",
        "/ü",
        "/#//evil.example",
        " /control",
        "control/session",
        "/" + "a" * 1024,
    ],
)
def test_nobody_is_sent_elsewhere_after_signing_in(opened: House, provider: FakeProvider, path: str) -> None:
    answer = browser(opened).go(f"/control/session/start?{urlencode({'provider': 'corporate', 'return': path})}")

    assert answer.status_code == 400
    assert "location" not in answer.headers and "set-cookie" not in answer.headers


def test_whoever_wanted_to_go_somewhere_here_goes_there(opened: House, provider: FakeProvider) -> None:
    path = "/control/ledger?limit=5&event=key:issued"
    answer = browser(opened).sign_in(f"?{urlencode({'provider': 'corporate', 'return': path})}")

    assert (answer.status_code, answer.headers["location"]) == (303, path)


def test_people_are_sent_to_the_providers_own_address_with_everything_that_protects_them(
    opened: House, provider: FakeProvider
) -> None:
    answer = browser(opened).go(
        "/control/session/start?provider=corporate", **{"host": "evil.example", "x-forwarded-host": "evil.example"}
    )
    url = urlsplit(answer.headers["location"])
    asked = dict(parse_qsl(url.query))

    assert f"{url.scheme}://{url.netloc}{url.path}" == f"{provider.url}/authorize"
    assert asked["redirect_uri"] == f"{opened.url}/control/session/callback/corporate"
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert all(len(asked[name]) >= 43 for name in ("state", "nonce", "code_challenge"))
    assert "evil" not in answer.headers["location"]


# The session


def test_a_session_planted_beforehand_is_not_what_is_signed_in(opened: House, provider: FakeProvider) -> None:
    attacker = signed_in(opened)
    planted = attacker.client.cookies[SESSION]
    victim, back = begun(opened)
    victim.client.cookies.set(SESSION, planted, domain="127.0.0.1", path="/")

    answer = victim.go(back)

    assert answer.status_code == 303
    fresh = answer.headers["set-cookie"].partition(";")[0].partition("=")[2]
    assert planted.partition(".")[0] not in fresh
    assert not is_in(attacker), "what the browser showed before ends"


def test_nobody_ends_a_session_by_its_id_alone(opened: House, provider: FakeProvider) -> None:
    victim = signed_in(opened)
    mallory, back = begun(opened)
    known = victim.client.cookies[SESSION].partition(".")[0]
    mallory.client.cookies.set(SESSION, f"{known}.{'A' * 43}", domain="127.0.0.1", path="/")

    assert mallory.go(back).status_code == 303
    assert is_in(victim)


def test_a_session_is_not_to_be_guessed_or_changed(opened: House, provider: FakeProvider) -> None:
    one = signed_in(opened)
    shown = one.client.cookies[SESSION]
    for other in (
        shown[:-1] + ("A" if shown[-1] != "A" else "B"),
        shown.partition(".")[0],
        shown + "x",
        "x",
        shown[::-1],
    ):
        thief = browser(opened)
        thief.client.cookies.set(SESSION, other, domain="127.0.0.1")
        assert thief.go("/control/session").status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "", "sec-fetch-site": ""},
        {"origin": "https://evil.example", "sec-fetch-site": ""},
        {"x-csrf-token": ""},
        {"x-csrf-token": "0" * 43},
    ],
)
def test_no_other_site_changes_anything_by_somebodys_session(
    opened: House, provider: FakeProvider, headers: dict[str, str]
) -> None:
    one = signed_in(opened)
    token = one.session()["csrf_token"]
    before = opened.newest()

    answer = one.do("/control/organisations", {"id": "planted", "name": "x"}, **{"x-csrf-token": token, **headers})

    assert code_of(answer) in {(403, "cross_site_request"), (403, "csrf_token_missing")}
    assert opened.newest() == before


def test_a_form_of_another_site_changes_nothing(opened: House, provider: FakeProvider) -> None:
    """As a browser sends it: SameSite=Lax keeps the cookie back; with it, what it says gives it away."""
    one = signed_in(opened)

    answer = one.client.post(
        f"{opened.url}/control/session/end",
        content=b'{"id": "planted", "name": "x", "pad": "="}',
        headers={"content-type": "text/plain", "origin": "https://evil.example", "sec-fetch-site": "cross-site"},
    )

    assert code_of(answer) == (403, "cross_site_request")
    assert is_in(one)


def test_the_token_of_one_session_does_not_do_for_another(opened: House, provider: FakeProvider) -> None:
    mine, theirs = signed_in(opened), signed_in(opened)

    answer = mine.do("/control/session/end", **{"x-csrf-token": theirs.session()["csrf_token"]})

    assert code_of(answer) == (403, "csrf_token_missing")


def test_a_page_of_the_gateway_does_what_its_person_may(opened: House, provider: FakeProvider) -> None:
    one = signed_in(opened)

    made = one.do("/control/organisations", {"id": "by-a-page", "name": "By a page"})

    assert made.status_code == 201, made.text
    assert made.json()["created_by"] == one.session()["person"]["id"]


def test_a_session_opens_neither_models_nor_weights(opened: House, provider: FakeProvider) -> None:
    one = signed_in(opened)
    own = {"origin": opened.url, "sec-fetch-site": "same-origin", "x-csrf-token": one.session()["csrf_token"]}
    asked = {"model": opened.models["api"], "messages": [{"role": "user", "content": "Good morning"}]}

    told = [
        one.client.get(f"{opened.url}/v1/models", headers=own),
        one.client.post(f"{opened.url}/v1/chat/completions", json=asked, headers=own),
        one.client.get(f"{opened.url}/hub/{opened.models['open_weights']}/resolve/main/README.md", headers=own),
        one.client.post(
            f"{opened.url}/v1/chat/completions", json=asked, headers={"x-api-key": one.client.cookies[SESSION]}
        ),
        one.client.get(f"{opened.url}/control/me", headers={"authorization": f"Bearer {one.client.cookies[SESSION]}"}),
    ]

    assert [answer.status_code for answer in told] == [401] * 5


def test_where_a_key_is_presented_the_session_beside_it_counts_for_nothing(
    opened: House, provider: FakeProvider
) -> None:
    one = signed_in(opened)

    def by(key: str) -> int:
        return one.client.get(f"{opened.url}/control/session", headers={"x-api-key": key}).status_code

    assert (by(opened.tokens["developer"]), by("rsg_pro_" + "0" * 61)) == (404, 401)


def test_two_sessions_at_once_are_none(opened: House, provider: FakeProvider) -> None:
    one, other = signed_in(opened), signed_in(opened)
    both = f"{SESSION}={one.client.cookies[SESSION]}; {SESSION}={other.client.cookies[SESSION]}"

    answer = browser(opened).client.get(f"{opened.url}/control/session", headers={"cookie": both})

    assert code_of(answer) == (401, "session_twice")


def test_who_has_signed_out_or_was_disabled_is_out(opened: House, provider: FakeProvider) -> None:
    one, other = signed_in(opened), signed_in(opened)
    kept = one.client.cookies[SESSION]
    assert one.do("/control/session/end").status_code == 200
    one.client.cookies.set(SESSION, kept, domain="127.0.0.1")

    assert code_of(one.go("/control/session")) == (401, "session_over")
    assert is_in(other)

    person = other.session()["person"]["id"]
    opened.control(f"/people/{person}/disable", cause="left")
    assert code_of(other.go("/control/session")) == (401, "session_over")
    assert code_of(browser(opened).sign_in("?provider=corporate")) == (401, "person_disabled")
    opened.control(f"/people/{person}/enable")
    assert is_in(signed_in(opened))


# What the provider says


def hs256_by_the_public_key(provider: FakeProvider, nonce: str) -> str:
    public = json.dumps(provider.published()["keys"][0]).encode()
    claims = json.dumps({"iss": provider.url, "nonce": nonce}).encode()
    return signed({"alg": "HS256", "kid": "first"}, claims, jwk.OctKey.import_key(public))


@pytest.mark.parametrize(
    "changed",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another-client"},
        {"aud": ["another-client"]},
        {"aud": None},
        {"aud": ["release-gateway", "another-client"]},
        {"azp": "another-client"},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"exp": 1},
        {"exp": None},
        {"exp": 2**40},
        {"iat": None},
        {"iat": int(time.time()) + 3600},
        {"nbf": int(time.time()) + 3600},
        {"sub": None},
        {"sub": ""},
        {"sub": ["248289761001"]},
        {"sub": "a\nb"},
        {"sub": "x" * 256},
        {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
        {"at_hash": 1},
        {"auth_time": "yesterday", "nonce": "another"},
        {"auth_time": 1},
        {"cnf": {"jkt": "x"}},
        {"amr": "pwd", "nonce": ["another"]},
    ],
    ids=str,
)
def test_an_id_token_that_is_not_the_answer_is_not_believed(
    opened: House, provider: FakeProvider, changed: dict[str, Any]
) -> None:
    provider.changed = changed
    one = browser(opened)

    assert code_of(one.sign_in("?provider=corporate")) == (401, "sign_in_failed")
    assert not is_in(one)


@pytest.mark.parametrize(
    "header",
    [
        {"kid": "unknown"},
        {"kid": "../first"},
        {"typ": "at+jwt"},
        {"x": 1},
        {"jku": "https://evil.example/jwks"},
        {"x5u": "https://evil.example/x5u"},
        {"zip": "DEF"},
    ],
    ids=str,
)
def test_a_header_that_is_not_an_id_tokens_is_not_believed(
    opened: House, provider: FakeProvider, header: dict[str, Any]
) -> None:
    provider.header = header
    one = browser(opened)

    assert code_of(one.sign_in("?provider=corporate")) == (401, "sign_in_failed")


def with_a_critical_header(provider: FakeProvider, claims: str) -> str:
    """Signed as it should be, over a head that asks for what this gateway does not know."""
    head = base64.urlsafe_b64encode(b'{"alg":"RS256","kid":"first","crit":["x"],"x":1}').decode().rstrip("=")
    private: Any = provider.keys["first"].private_key
    signature = private.sign(f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{head}.{claims}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


@pytest.mark.parametrize(
    "how", ["none", "hs256", "embedded jwk", "critical", "not signed", "garbage", "empty", "of another key"]
)
def test_a_token_that_the_provider_did_not_sign_is_not_believed(
    opened: House, provider: FakeProvider, how: str
) -> None:
    one, back = begun(opened)
    nonce = provider.asked[-1]["nonce"]
    right = provider.token(nonce)
    head, claims, signature = right.split(".")
    own = jwk.RSAKey.generate_key(2048, auto_kid=False)
    stated = {"iss": provider.url, "aud": "release-gateway", "sub": "x", "nonce": nonce, "exp": time.time() + 60}
    provider.id_token = {
        "none": f"eyJhbGciOiJub25lIiwia2lkIjoiZmlyc3QifQ.{claims}.",
        "hs256": hs256_by_the_public_key(provider, nonce),
        "critical": with_a_critical_header(provider, claims),
        "embedded jwk": signed({"alg": "RS256", "kid": "first", "jwk": own.as_dict(private=False)}, stated, own),
        "not signed": f"{head}.{claims}.{signature[:-8]}AAAAAAAA",
        "garbage": "x.y.z",
        "empty": "",
        "of another key": signed({"alg": "RS256", "kid": "first"}, stated, own),
    }[how]

    assert code_of(one.go(back)) == (401, "sign_in_failed")
    assert not is_in(one)


@pytest.mark.parametrize("groups", [None, [], ["strangers"], "manager", {"managers": True}, ["managers " * 3], 7])
def test_whom_no_rule_fits_has_no_role_and_no_session(opened: House, provider: FakeProvider, groups: Any) -> None:
    provider.claims["groups"] = groups
    one, before = browser(opened), opened.newest()

    answer = one.sign_in("?provider=corporate")

    assert code_of(answer) == (403, "no_role_mapped")
    assert SESSION not in one.client.cookies
    assert opened.newest() == before


def test_the_operator_sees_what_came_of_sign_ins_and_of_nobody_whose(opened: House, provider: FakeProvider) -> None:
    def counted(outcome: str) -> float:
        wanted = f'gateway_sign_ins_total{{outcome="{outcome}",provider="corporate"}} '
        lines = opened.client.get(f"{opened.url}/metrics").text.splitlines()
        return next((float(line[len(wanted) :]) for line in lines if line.startswith(wanted)), 0.0)

    outcomes = ("signed_in", "no_role_mapped", "identity_provider_refuses_client")
    before = [counted(each) for each in outcomes]
    with captured_logs() as log:
        signed_in(opened)
        provider.claims |= {"sub": "mallory", "preferred_username": "mallory", "groups": ["strangers"]}
        refused = browser(opened).sign_in("?provider=corporate")
        provider.token_answer = (401, b'{"error": "invalid_client"}', 0.0)
        unknown = browser(opened).sign_in("?provider=corporate")
        lines = [json.loads(line) for line in log.getvalue().splitlines()]

    told = [(line["provider"], line["code"]) for line in lines if line["event"] == "sign_in_failed"]
    assert told == [("corporate", "no_role_mapped"), ("corporate", "identity_provider_refuses_client")]
    assert "mallory" not in log.getvalue()
    assert [counted(each) - was for each, was in zip(outcomes, before, strict=True)] == [1, 1, 1]
    assert code_of(refused) == (403, "no_role_mapped")
    assert code_of(unknown) == (503, "identity_provider_refuses_client")
    assert "to sign in again does not help" in unknown.text and "retry-after" not in unknown.headers


def test_people_are_told_on_a_page_and_programs_are_not(opened: House, provider: FakeProvider) -> None:
    provider.claims["groups"] = ["strangers"]
    one, back = begun(opened)
    html = {"accept": "text/html,application/xhtml+xml"}

    refused = one.go(back, **html)
    nobody = browser(opened).go("/control/session", **html)
    strange = browser(opened).go("/control/session/start?provider=%3Cscript%3E", **html)
    program = browser(opened).go("/control/session")

    for status, answer in ((403, refused), (401, nobody), (400, strange)):
        assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "<script" not in answer.text and answer.headers["cache-control"] == "no-store"
    assert "given you no role here" in refused.text
    assert "/control/session/start" in nobody.text
    assert program.headers["content-type"] == "application/problem+json"
    assert "/control/session/start" in program.json()["next_step"]


def test_who_must_prove_themself_anew_and_does_not_is_refused(opened: House, provider: FakeProvider) -> None:
    provider.auth_time = int(time.time()) - 3600
    usual = browser(opened).sign_in("?provider=corporate")
    lazy = browser(opened).sign_in("?provider=corporate&fresh=true")
    asked = provider.asked[-1]
    provider.auth_time = None
    anew = browser(opened).sign_in("?provider=corporate&fresh=true")
    provider.changed = {"auth_time": None}
    silent = browser(opened).sign_in("?provider=corporate&fresh=true")

    assert (asked["prompt"], asked["max_age"]) == ("login", "0")
    assert [usual.status_code, anew.status_code] == [303, 303]
    assert code_of(lazy) == code_of(silent) == (401, "sign_in_not_fresh")


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (500, b"oops", 503),
        (200, b"not json", 503),
        (200, b"[]", 503),
        (200, b'{"a": 1, "a": 2}', 503),
        (200, b'{"id_token": 7}', 401),
        (200, b'{"access_token": "x"}', 401),
        (200, b'{"id_token": "' + b"x" * 300_000 + b'"}', 503),
        (200, b"[" * 100_000, 503),
        (400, b'{"error": "invalid_grant", "error_description": "<b>"}', 401),
        (401, b'{"error": {"deep": ["x"]}}', 401),
        (401, b'{"error": "invalid_client"}', 503),
        (302, b"", 503),
    ],
)
def test_a_provider_that_answers_nonsense_lets_nobody_in(
    opened: House, provider: FakeProvider, status: int, body: bytes, told: int
) -> None:
    provider.token_answer = (status, body, 0.0)
    one = browser(opened)

    answer = one.sign_in("?provider=corporate")

    assert answer.status_code == told, answer.text
    assert not is_in(one)


def test_a_provider_that_does_not_answer_holds_nobody_else_up(opened: House, provider: FakeProvider) -> None:
    provider.token_answer = (200, b"{}", 7.0)
    one, back = begun(opened)
    begun_at = time.monotonic()

    answer = one.go(back)

    assert code_of(answer) == (503, "identity_provider_unavailable")
    assert time.monotonic() - begun_at < 6.5
    assert opened.answers()


def test_nothing_of_a_sign_in_is_logged_or_recorded(
    opened: House, provider: FakeProvider, capfd: pytest.CaptureFixture[str]
) -> None:
    one, back = begun(opened)
    assert one.go(back).status_code == 303
    other, failing = begun(opened)
    provider.changed = {"nonce": "another"}
    assert other.go(failing).status_code == 401

    said = "".join(capfd.readouterr()) + json.dumps(opened.entries())

    asked = dict(parse_qsl(urlsplit(back).query))
    secrets = [asked["code"], asked["state"], one.client.cookies[SESSION].partition(".")[2], SECRET]
    secrets += [form["code_verifier"] for form in provider.exchanged]
    assert [secret for secret in secrets if secret in said] == []
