"""`gateway key recover`: who runs the gateway gets in again, and nobody else does."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli.main import gateway
from gateway.settings import Settings
from tests.fakes.house import House, open_house


def recover(*options: str, **environment: str) -> Result:
    """The command, as whoever runs the gateway types it."""
    given = {f"GATEWAY_{name.upper()}": value for name, value in environment.items()}
    return CliRunner().invoke(gateway, ["key", "recover", *(options or ["--json"])], env=given, prog_name="gateway")


def enters(house: House, token: str) -> bool:
    """Whether the provider's routes are open to a token."""
    house.tokens["recovered"] = token
    return house.ask("GET", "/control/organisations", "recovered").status_code == 200


def test_a_recovered_key_opens_the_gateway_that_is_started_next_and_stands_in_its_ledger(tmp_path: Path) -> None:
    with open_house(tmp_path) as house:
        tokens = house.tokens
    result = recover(data=str(tmp_path))
    assert result.exit_code == 0, result.output
    issued = json.loads(result.stdout)

    with open_house(tmp_path) as house:
        house.tokens = dict(tokens)
        assert enters(house, issued["token"])
        entry = house.entries(event="key:issued")[0]
    assert entry["body"]["detail"]["recovered"] is True
    assert entry["body"]["subject"] == issued["key"]["id"]


def test_a_recovered_key_is_shown_to_whoever_reads_it_at_a_terminal(tmp_path: Path) -> None:
    with open_house(tmp_path):
        pass
    result = recover("--data", str(tmp_path))

    assert result.exit_code == 0, result.output
    assert "(provider)" in result.stderr and "It is shown once:" in result.stderr
    with open_house(tmp_path) as house:
        assert enters(house, result.stdout.strip())


def test_a_gateway_under_way_on_a_shared_database_takes_a_recovered_key(tmp_path: Path, postgresql_url: str) -> None:
    with open_house(tmp_path, database_url=postgresql_url) as house:
        result = recover(data=str(tmp_path), database_url=postgresql_url)

        assert result.exit_code == 0, result.output
        assert enters(house, json.loads(result.stdout)["token"])


def test_nothing_is_recovered_while_a_gateway_serves_the_directory(tmp_path: Path) -> None:
    from gateway.database.exclusive import exclusively

    with open_house(tmp_path):
        pass
    with exclusively(tmp_path):
        result = recover(data=str(tmp_path))

    assert result.exit_code == 1 and "rsg_" not in result.stdout
    assert "is served by process" in result.stderr and "next: Stop that process" in result.stderr


def test_nothing_is_recovered_or_made_where_no_gateway_was_ever_started(tmp_path: Path, sqlite_url: str) -> None:
    nowhere = tmp_path / "nowhere"
    absent = recover(data=str(nowhere))
    (tmp_path / "peppers").write_text("ab" * 32 + "\n")
    (tmp_path / "peppers").chmod(0o600)
    empty = recover(data=str(tmp_path), database_url=sqlite_url)

    assert (absent.exit_code, empty.exit_code) == (1, 1)
    assert "No gateway was ever started" in absent.stderr and "No gateway was ever started" in empty.stderr
    assert not nowhere.exists()


def test_without_the_peppers_no_key_is_made(tmp_path: Path) -> None:
    with open_house(tmp_path):
        pass
    Settings(data=tmp_path).peppers_path.unlink()
    result = recover(data=str(tmp_path))

    assert result.exit_code == 1 and "peppers file" in result.stderr
    assert not Settings(data=tmp_path).peppers_path.exists()


@pytest.mark.parametrize("words", [["key", "--help"], ["--help"]])
def test_help_names_it(words: list[str]) -> None:
    assert "recover" in CliRunner().invoke(gateway, words).output
