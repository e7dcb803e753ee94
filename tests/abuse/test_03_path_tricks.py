"""Abuse 3: a path spelt otherwise is another path, or the same one with the same rights; never one with fewer."""

import unicodedata
from urllib.parse import quote

import pytest

from tests.abuse.test_02_host_confusion import status
from tests.fakes.house import House

HELD = [
    "/v1/models",
    "/v1/chat/completions",
    "/hub/demo/open-1/resolve/main/README.md",
    "/control/keys",
    "/scim/v2/Users",
]

ESCAPED = "".join(f"%{ord(character):02x}" for character in "models")

TRICKS = {
    "health below": lambda path: f"{path}/healthz",
    "health above": lambda path: f"/healthz{path}",
    "metrics below": lambda path: f"{path}/metrics",
    "schema below": lambda path: f"{path}/schema/openapi.json",
    "encoded slash": lambda path: path.replace("/", "%2f"),
    "encoded first slash": lambda path: f"/%2f{path[1:]}",
    "encoded last slash": lambda path: "%2F".join(path.rsplit("/", 1)),
    "twice encoded slash": lambda path: path.replace("/", "%252f"),
    "backslash": lambda path: path.replace("/", "%5c"),
    "dot segment": lambda path: path.replace("/", "/./"),
    "dots up": lambda path: f"/healthz/..{path}",
    "dots up encoded": lambda path: f"/healthz/%2e%2e{path}",
    "dots up and semicolon": lambda path: f"/healthz/..;{path}",
    "dots to another door": lambda path: f"/v1/../hub/..{path}",
    "double slash": lambda path: path.replace("/", "//"),
    "first slash double": lambda path: f"/{path}",
    "trailing slash": lambda path: f"{path}/",
    "trailing dot": lambda path: f"{path}.",
    "trailing encoded dot": lambda path: f"{path}%2e",
    "trailing space": lambda path: f"{path}%20",
    "trailing null": lambda path: f"{path}%00",
    "trailing line": lambda path: f"{path}%0d%0a",
    "parameter": lambda path: f"{path};x=/healthz",
    "json suffix": lambda path: f"{path}.json",
    "upper case": lambda path: path.upper(),
    "title case": lambda path: path.title(),
    "full width": lambda path: quote("".join(_wide(character) for character in path)),
    "division slash": lambda path: quote(path.replace("/", "\u2215")),
    "overlong slash": lambda path: path.replace("/", "%c0%af"),
    "broken escape": lambda path: f"{path}%",
    "escaped letters": lambda path: path.replace("models", ESCAPED).replace("keys", "%6b%65%79%73"),
    "query in the path": lambda path: f"{path}%3f/healthz",
}


def _wide(character: str) -> str:
    """The full-width form, which NFKD folds back."""
    wide = chr(ord(character) + 0xFEE0) if "!" <= character <= "~" and character != "/" else character
    assert unicodedata.normalize("NFKD", wide) == character
    return wide


def ask(house: House, method: str, path: str, by: str | None) -> bytes:
    """One request with exactly this path."""
    key = f"authorization: Bearer {house.tokens[by]}\r\n" if by else ""
    return house.say(f"{method} {path} HTTP/1.1\r\nhost: gateway\r\ncontent-length: 0\r\n{key}\r\n".encode())


@pytest.mark.parametrize("trick", TRICKS)
def test_no_spelling_of_a_path_is_let_in_without_a_key(house: House, trick: str) -> None:
    told = {
        (method, path): ask(house, method, TRICKS[trick](path), None) for path in HELD for method in ("GET", "POST")
    }

    wrong = {asked: answer[:60] for asked, answer in told.items() if status(answer) not in {400, 401, 404, 405}}
    assert wrong == {}


@pytest.mark.parametrize("trick", TRICKS)
def test_no_spelling_of_a_path_gives_a_role_what_it_may_not_have(house: House, trick: str) -> None:
    for path in ("/control/organisations", "/control/releases", "/control/policy"):
        answer = ask(house, "GET", TRICKS[trick](path), "developer")

        assert status(answer) in {400, 403, 404, 405}, answer
        assert b"globex" not in answer


@pytest.mark.parametrize("trick", TRICKS)
@pytest.mark.parametrize("model", ["closed", "limited"])
def test_no_spelling_of_a_path_shows_a_model_that_is_not_usable(house: House, trick: str, model: str) -> None:
    path = f"/v1/models/{house.models[model]}"

    answer = ask(house, "GET", TRICKS[trick](path), "developer")

    # What may be known of and not used is refused as a call of it is, under its name and under that name escaped.
    refusals = {400, 403, 404} if model == "limited" else {400, 404}
    assert status(answer) in refusals, answer
    assert house.models[model].encode() not in answer


@pytest.mark.parametrize("trick", TRICKS)
def test_no_spelling_of_a_path_gives_a_file_that_is_not_declared(house: House, trick: str) -> None:
    for path in ("/../../api.yaml", "/terms/aup.md", "/../closed.yaml"):
        spelt = f"/hub/demo/open-1/resolve/main{TRICKS[trick](path)}"

        answer = ask(house, "GET", spelt, "developer")

        assert status(answer) in {400, 404}, answer
        assert b"release:" not in answer


@pytest.mark.parametrize("trick", TRICKS)
def test_a_spelling_that_the_door_for_models_does_not_know_reaches_no_upstream(house: House, trick: str) -> None:
    body = b'{"model":"%s","messages":[{"role":"user","content":"x"}]}' % house.models["api"].encode()
    key = f"authorization: Bearer {house.tokens['developer']}\r\n".encode()
    head = b"POST %s HTTP/1.1\r\nhost: gateway\r\ncontent-length: %d\r\n%s\r\n"
    before = len(house.upstream.requests)

    spelt = TRICKS[trick]("/v1/chat/completions").encode()
    answer = house.say(head % (spelt, len(body), key) + body)

    if spelt != b"/v1/chat/completions":
        assert status(answer) in {400, 404, 405}, answer
        assert len(house.upstream.requests) == before


def test_what_a_path_names_is_the_same_with_and_without_escapes(house: House) -> None:
    plain = ask(house, "GET", f"/v1/models/{house.models['api']}", "developer")
    escaped = ask(house, "GET", "/v1/models/demo%2fgeneral%2D1", "developer")

    assert (status(plain), status(escaped)) == (200, 200)
    assert plain.partition(b"\r\n\r\n")[2] == escaped.partition(b"\r\n\r\n")[2]


def test_a_name_is_not_cut_into_one_that_is_known(house: House) -> None:
    name = "demo/" + "a" * 91  # of which some escaped spelling is just as long as the door looks at
    house.apply(
        f"release: {name}\nserves: {{inference: {{upstream: simulated, model: x}}}}\n"
        "stages: [{name: general, opens: 2026-01-05T00:00:00Z, access: api, to: [public]}]\n"
    )
    escaped = "".join(f"%{ord(character):02x}" for character in name)

    for kept in range(len(name) + 1):
        spelt = escaped[: 3 * kept] + name[kept:]
        answer = ask(house, "GET", f"/v1/models/{spelt}/and-more-{'x' * 256}", "developer")
        assert status(answer) == 404, answer
