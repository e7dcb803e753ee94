"""The operator's settings: every mistake told at once, no value shown."""

import ast
import inspect
from pathlib import Path
from typing import Annotated, Literal, get_args, get_origin

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import make_url

from gateway import settings as page
from gateway.errors import SettingsInvalid
from gateway.settings import Settings

GATEWAY = Path(page.__file__).parent
DOCUMENT = Path(__file__).parents[1] / "docs" / "settings.md"


def mistakes(variables: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsInvalid) as refused:
        Settings.from_mapping(variables)
    return refused.value.message.splitlines()


def test_nothing_needs_to_be_set() -> None:
    settings = Settings.from_mapping({"PATH": "/bin"})

    assert settings.port == 8080
    assert settings.database == f"sqlite:///{Path.cwd()}/gateway-data/gateway.sqlite"
    assert settings.peppers_path == Path("gateway-data/peppers")


def test_what_is_set_is_taken_in_its_own_type(tmp_path: Path) -> None:
    settings = Settings.from_mapping(
        {
            "GATEWAY_PORT": "0",
            "GATEWAY_DATA": str(tmp_path),
            "GATEWAY_REVISION_STALE_S": "2",
            "GATEWAY_JUDGE": "opa",
            "GATEWAY_OPA_URL": "http://127.0.0.1:8181",
        }
    )

    assert (settings.port, settings.revision_stale_s, settings.judge) == (0, 2.0, "opa")
    assert settings.signing_key_path == tmp_path / "signing.key"


def test_an_empty_variable_is_not_set() -> None:
    assert Settings.from_mapping({"GATEWAY_POLICIES": "", "GATEWAY_PORT": ""}) == Settings()


def test_the_variables_of_the_client_are_let_be() -> None:
    assert Settings.from_mapping({"GATEWAY_URL": "http://x", "GATEWAY_KEY": "k"}) == Settings()


def test_an_unknown_name_is_a_mistake_and_the_nearest_is_suggested() -> None:
    assert mistakes({"GATEWAY_DATABSE_URL": "x"}) == [
        "GATEWAY_DATABSE_URL is no setting. Did you mean GATEWAY_DATABASE_URL?"
    ]


def test_a_name_like_no_other_is_a_mistake_without_a_suggestion() -> None:
    assert mistakes({"GATEWAY_QQQQ": "x"}) == ["GATEWAY_QQQQ is no setting."]


def test_what_kubernetes_adds_is_explained() -> None:
    assert "enableServiceLinks" in mistakes({"GATEWAY_SERVICE_HOST": "10.0.0.1"})[0]


def test_every_mistake_is_told_at_once() -> None:
    told = mistakes(
        {
            "GATEWAY_PORT": "99999",
            "GATEWAY_JUDGE": "coin",
            "GATEWAY_REVISION_POLL_MS": "soon",
            "GATEWAY_POLICIES": "/nowhere/at/all",
            "GATEWAY_UPSTREAMS": "/nowhere.yaml",
            "GATEWAY_ACCESS_REQUEST_URL": "javascript:alert(1)",
            "GATEWAY_DATABASE_URL": "mysql://x",
            "GATEWAY_NOPE": "1",
        }
    )

    assert len(told) == 8
    assert "GATEWAY_PORT must be a whole number from 0 to 65535." in told
    assert "GATEWAY_JUDGE must be `embedded` or `opa`." in told


def test_an_opa_server_that_is_not_named_is_a_mistake() -> None:
    assert mistakes({"GATEWAY_JUDGE": "opa"}) == [
        "GATEWAY_OPA_URL must name the OPA server when GATEWAY_JUDGE is `opa`."
    ]


def test_the_revision_cannot_be_polled_slower_than_twice_a_second_nor_be_older_than_five() -> None:
    assert len(mistakes({"GATEWAY_REVISION_POLL_MS": "501", "GATEWAY_REVISION_STALE_S": "5.1"})) == 2
    assert len(mistakes({"GATEWAY_REVISION_STALE_S": "nan"})) == 1


@given(value=st.text(min_size=8).filter(lambda text: "\0" not in text))
def test_no_value_is_ever_shown(value: str) -> None:
    marked = f"hunter2{value}"

    told = mistakes({f"GATEWAY_{name.upper()}": marked for name in ("port", "judge", "database_url", "opa_url")})

    assert len(told) == 4
    assert not any("hunter2" in line for line in told)


def test_a_password_is_not_in_the_settings_as_printed() -> None:
    settings = Settings(database_url="postgresql://user:hunter2@host/name")

    assert "hunter2" not in f"{settings!r}{settings}"


def test_the_command_line_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_PORT", "1")
    monkeypatch.setenv("GATEWAY_HOST", "::1")

    settings = Settings.from_environment(port="2", host=None)

    assert (settings.port, settings.host) == (2, "::1")


def test_every_setting_says_what_it_is_in_one_line() -> None:
    (declared,) = [
        node
        for node in ast.parse(inspect.getsource(page)).body
        if isinstance(node, ast.ClassDef) and node.name == "Settings"
    ]
    undocumented = [
        ast.unparse(field.target)
        for field, after in zip(declared.body, declared.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign)
        and not (
            isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) and "\n" not in after.value.value
        )
    ]

    assert undocumented == []


def test_the_document_names_every_setting_and_no_other() -> None:
    rows = [line for line in DOCUMENT.read_text().splitlines() if line.startswith("| `GATEWAY_")]
    named = [row.split("`")[1] for row in rows]

    assert named == [f"GATEWAY_{field.name.upper()}" for field in msgspec.structs.fields(Settings)]


def test_the_document_says_what_a_setting_may_be() -> None:
    rows = [line for line in DOCUMENT.read_text().splitlines() if line.startswith("| `GATEWAY_")]
    told = {row.split("`")[1]: row for row in rows}
    asked = 0

    for field in msgspec.structs.fields(Settings):
        bounds = get_args(field.type)[1:] if get_origin(field.type) is Annotated else ()
        wanted = [f" {each.ge} to {each.le}. |" for each in bounds if each.ge is not None]
        if get_origin(field.type) is Literal:
            wanted = [" or ".join(f"`{choice}`" for choice in get_args(field.type)) + ". |"]
        assert all(told[f"GATEWAY_{field.name.upper()}"].endswith(each) for each in wanted), field.name
        asked += len(wanted)

    assert asked > 15


def test_every_setting_decides_something() -> None:
    elsewhere = "\n".join(path.read_text() for path in GATEWAY.rglob("*.py") if path != Path(page.__file__))
    through = {
        "database_password_file": "database",
        "key_pepper_file": "peppers_path",
        "signing_key_file": "signing_key_path",
        "token_keys_file": "token_keys_path",
        "public_url": "issuer",
    }
    names = [field.name for field in msgspec.structs.fields(Settings)]

    assert [name for name in names if f"settings.{through.get(name, name)}" not in elsewhere] == []


def test_a_password_from_a_file_is_taken_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("p@ss:w/rd%\n")
    variables = {
        "GATEWAY_DATABASE_URL": "postgresql://gateway@db.internal:5432/gateway?ssl=require",
        "GATEWAY_DATABASE_PASSWORD_FILE": str(file),
    }

    url = make_url(Settings.from_mapping(variables).database)

    assert (url.username, url.password, url.host) == ("gateway", "p@ss:w/rd%", "db.internal")
    assert (url.port, url.database, dict(url.query)) == (5432, "gateway", {"ssl": "require"})


@pytest.mark.parametrize("url", ["", "sqlite:///x", "postgresql://user:pass@host/name", "postgresql://host/name"])
def test_a_password_from_a_file_needs_a_user_and_no_other_password(tmp_path: Path, url: str) -> None:
    file = tmp_path / "password"
    file.write_text("secret")

    told = mistakes({"GATEWAY_DATABASE_URL": url, "GATEWAY_DATABASE_PASSWORD_FILE": str(file)})

    assert len(told) == 1 and "postgresql://USER@HOST/NAME" in told[0] and "secret" not in told[0]
