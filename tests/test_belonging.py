"""A gateway starts with the secrets that its database was used with and no others; `gateway doctor` says the same."""

import itertools
import json
import secrets
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli.main import gateway
from gateway.errors import SettingsInvalid
from gateway.identity.callers import Role
from gateway.identity.peppers import open_peppers
from gateway.ledger.checkpoints.checkpoint import Checkpoint, origin_of, verifiers_of
from gateway.ledger.checkpoints.notes import signed
from gateway.ledger.signing import open_signing_key
from gateway.running import serve
from gateway.settings import Settings
from tests.fakes.house import House, open_house


def refused(data: Path, **settings: str) -> SettingsInvalid:
    """Why a gateway does not start here; the doctor has to say the very same."""
    given = {f"GATEWAY_{name.upper()}": value for name, value in settings.items()}
    with pytest.raises(SettingsInvalid) as raised:
        serve(Settings.from_mapping(given | {"GATEWAY_DATA": str(data)}))
    looked = CliRunner().invoke(gateway, ["doctor", "--data", str(data), "--json"], env=given)
    wrong = [each for each in json.loads(looked.stdout)["findings"] if each["state"] == "wrong"]
    assert looked.exit_code == 1
    assert [(each["said"], each["next_step"]) for each in wrong] == [(raised.value.message, raised.value.next_step)]
    return raised.value


def write(path: Path, *lines: str) -> None:
    path.write_text("".join(f"{line}\n" for line in lines))
    path.chmod(0o600)


def enters(house: House, name: str) -> bool:
    return house.ask("GET", "/control/organisations", name).status_code == 200


def test_a_ledger_is_named_once_and_served_with_no_other_signing_key(tmp_path: Path) -> None:
    other = tmp_path / "other.key"
    foreign = origin_of(open_signing_key(other))
    tokens: dict[str, str] = {}
    for _ in range(2):
        with open_house(tmp_path) as house:
            tokens |= house.tokens
            house.tokens = tokens
            named = [entry["body"]["subject"] for entry in house.entries(event="ledger:named")]
    own = origin_of(open_signing_key(tmp_path / "signing.key"))

    said = refused(tmp_path, signing_key_file=str(other))

    assert named == [own]
    assert own in said.message and foreign in said.message
    with open_house(tmp_path) as house:
        assert house.ask("GET", "/readyz").status_code == 200


def test_what_another_key_signed_of_the_same_entries_is_no_checkpoint_of_this_ledger(tmp_path: Path) -> None:
    with open_house(tmp_path) as house:
        checkpoint, _ = house.run(house.installation.checkpoints.now())
    other = open_signing_key(tmp_path / "other.key")
    theirs = Checkpoint(origin_of(other), checkpoint.size, checkpoint.root)
    (tmp_path / "a.checkpoint").write_text(signed(theirs.text(), theirs.origin, other))
    (tmp_path / "verifier").write_text("\n".join(map(str, verifiers_of(other))))

    words = ["audit", "verify", "--data", str(tmp_path), "--checkpoints", str(tmp_path / "a.checkpoint")]
    verified = CliRunner().invoke(gateway, [*words, "--key", str(tmp_path / "verifier")])

    assert verified.exit_code == 1 and f"is a checkpoint of {origin_of(other)}" in verified.stderr
    assert f"this ledger is {checkpoint.origin}" in verified.stderr


def test_a_file_that_lacks_a_pepper_of_keys_that_stand_is_refused_until_they_are_ended(tmp_path: Path) -> None:
    peppers = tmp_path / "peppers"
    with open_house(tmp_path) as house:
        tokens = house.tokens
    (old,) = peppers.read_text().split()
    write(peppers, old, secrets.token_hex(32))
    with open_house(tmp_path) as house:
        house.tokens |= tokens
        house.enter("new", "provider", Role.PROVIDER)
        kept = house.tokens
        assert enters(house, "new")
    write(peppers, peppers.read_text().split()[1])

    said = refused(tmp_path)

    assert open_peppers(peppers).names[0] not in said.message and "`pepper`" in said.next_step
    result = CliRunner().invoke(gateway, ["key", "recover", "--lost-peppers", "--data", str(tmp_path), "--json"])
    assert result.exit_code == 0, result.output
    with open_house(tmp_path) as house:
        house.tokens = kept | {"recovered": json.loads(result.stdout)["token"]}
        assert enters(house, "new") and enters(house, "recovered")
        assert not enters(house, "provider")
        house.tokens["provider"] = house.tokens["recovered"]
        house.enter("auditor", "provider", Role.AUDITOR)
        ended = house.entries(event="key:revoked")
    assert ended and all("pepper" in entry["body"]["detail"]["cause"] for entry in ended)


def test_peppers_that_are_all_lost_are_replaced_by_whoever_says_so(tmp_path: Path) -> None:
    with open_house(tmp_path):
        pass
    (tmp_path / "peppers").unlink()

    plain, said = (
        CliRunner().invoke(gateway, ["key", "recover", *options, "--data", str(tmp_path), "--json"])
        for options in ([], ["--lost-peppers"])
    )

    assert plain.exit_code == 1 and "--lost-peppers" in plain.stderr
    assert said.exit_code == 0, said.output
    with open_house(tmp_path) as house:
        house.tokens["recovered"] = json.loads(said.stdout)["token"]
        assert enters(house, "recovered")


def test_a_pepper_is_rotated_in_two_steps_that_no_gateway_and_no_caller_notices(
    tmp_path: Path, postgresql_url: str
) -> None:
    """Of two gateways each is restarted in turn; what one signs at any time, the other lets in."""
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    first = open_peppers(one / "peppers").signs
    open_signing_key(one / "signing.key")
    shutil.copytree(one, two)
    (old,), new = (one / "peppers").read_text().split(), secrets.token_hex(32)
    tokens: dict[str, str] = {}
    signed_by = []

    for before, after in itertools.pairwise([(old,), (old, f"next {new}"), (old, new)]):
        write(one / "peppers", *after)
        write(two / "peppers", *before)
        with (
            open_house(one, database_url=postgresql_url) as restarted,
            open_house(two, database_url=postgresql_url) as waiting,
        ):
            tokens |= restarted.tokens
            restarted.tokens = waiting.tokens = tokens
            for house, other in ((restarted, waiting), (waiting, restarted)):
                key = house.enter("theirs", "provider", Role.PROVIDER)
                assert enters(other, "theirs")
                signed_by.append(other.ask("GET", f"/control/keys/{key.id}", "provider").json()["pepper"])

    assert signed_by == [first, first, open_peppers(one / "peppers").signs, first]
    assert first != open_peppers(one / "peppers").signs
