"""`gateway doctor` on identity providers: whether people could sign in by them, without anybody signing in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.examination.test_doctor import Said, doctor
from tests.fakes.provider import SECRET, FakeProvider, an_identity_provider, declaration

HERE = "https://gateway.example"
CORPORATE = "identity provider corporate"


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with an_identity_provider() as opened:
        opened.registered = {f"{HERE}/control/session/callback"}
        yield opened


def looked_over(folder: Path, provider: FakeProvider, url: str = HERE, *, more: tuple[FakeProvider, ...] = ()) -> Said:
    declared, secret = folder / "providers.yaml", folder / "corporate.secret"
    declared.write_text(declaration(provider, *more))
    secret.write_text(SECRET)
    secret.chmod(0o600)
    return doctor(folder / "data", identity_providers=str(declared), public_url=url)


def test_one_by_which_people_can_sign_in_is_well_and_nobody_has(provider: FakeProvider, tmp_path: Path) -> None:
    said = looked_over(tmp_path, provider)

    found = {part: each["state"] for part, each in said.findings.items() if part.startswith("identity")}
    parts = (CORPORATE, *(f"{CORPORATE}: {of}" for of in ("secret", "redirect", "client", "clock")))
    assert found == dict.fromkeys(parts, "well")
    assert said.code == 0
    assert [asked["prompt"] for asked in provider.asked] == ["none"]
    assert [form["grant_type"] for form in provider.exchanged] == ["authorization_code"], "for a code of nobody's"
    assert SECRET not in said.text


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        ({"issuer": "https://other.example"}, "calls itself 'https://other.example'"),
        ({"token_endpoint": "https://elsewhere.example/token"}, "not declared under `hosts`"),
        ({"authorization_endpoint": None}, "no `authorization_endpoint`"),
        ({"issuer": 7}, "another issuer's"),
    ],
)
def test_one_that_is_not_as_it_was_declared_is_wrong(
    provider: FakeProvider, tmp_path: Path, metadata: dict[str, object], told: str
) -> None:
    provider.metadata = metadata

    said = looked_over(tmp_path, provider)

    assert said.wrong() == {CORPORATE} and told in said.findings[CORPORATE]["said"]
    assert not provider.asked, "who is not trusted is asked nothing"


def test_one_that_knows_the_client_by_another_secret_is_wrong(provider: FakeProvider, tmp_path: Path) -> None:
    provider.token_answer = (401, b'{"error": "invalid_client"}', 0.0)

    said = looked_over(tmp_path, provider)

    assert said.wrong() == {f"{CORPORATE}: client"}
    assert "client_secret_file" in said.findings[f"{CORPORATE}: client"]["next_step"] and SECRET not in said.text


def test_one_that_is_not_there_is_wrong(tmp_path: Path) -> None:
    with an_identity_provider() as gone:
        pass

    said = looked_over(tmp_path, gone)

    assert said.wrong() == {CORPORATE} and "nobody listens there" in said.findings[CORPORATE]["said"]


def test_one_that_does_not_know_the_way_back_is_told_the_address_to_register(
    provider: FakeProvider, tmp_path: Path
) -> None:
    said = looked_over(tmp_path, provider, "https://renamed.example")

    redirect = said.findings[f"{CORPORATE}: redirect"]
    assert said.code == 0 and redirect["state"] == "odd"
    assert "https://renamed.example/control/session/callback" in redirect["said"]
    assert "release-gateway" in redirect["next_step"]


def test_each_of_several_is_told_the_address_that_is_its_own(provider: FakeProvider, tmp_path: Path) -> None:
    with an_identity_provider() as other:
        other.registered = {f"{HERE}/control/session/callback/corporate-1"}
        said = looked_over(tmp_path, provider, more=(other,))

    assert said.findings[f"{CORPORATE}-1: redirect"]["state"] == "well"
    redirect = said.findings[f"{CORPORATE}: redirect"]
    assert redirect["state"] == "odd" and f"{HERE}/control/session/callback/corporate:" in redirect["said"]


def test_a_secret_that_everybody_may_read_is_odd(provider: FakeProvider, tmp_path: Path) -> None:
    looked_over(tmp_path, provider)
    (tmp_path / "corporate.secret").chmod(0o644)

    said = doctor(tmp_path / "data", identity_providers=str(tmp_path / "providers.yaml"), public_url=HERE)

    assert said.findings[f"{CORPORATE}: secret"]["state"] == "odd"
    assert "chmod" in said.findings[f"{CORPORATE}: secret"]["next_step"]


def test_settings_by_which_nobody_could_sign_in_are_told(provider: FakeProvider, tmp_path: Path) -> None:
    said = looked_over(tmp_path, provider, "http://gateway.example")

    assert said.wrong() == {"identity providers"}
    assert "https://" in said.findings["identity providers"]["next_step"]
