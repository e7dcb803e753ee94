"""People at the terminal: listed, shown with their sessions, let in no more and again."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.clock import HOUR, MINUTE
from gateway.errors import Unauthenticated
from gateway.identity.callers import Role
from gateway.identity.people.arriving import Arrival, Limits
from gateway.identity.people.recognising import Vouched
from gateway.identity.people.sessions import SessionKind, mint_session
from tests.fakes.premises import PROVIDERS
from tests.fakes.terminal import Terminal, terminal


@pytest.fixture
def shell(furnished: tuple[Path, dict[str, str]], tmp_path: Path) -> Iterator[Terminal]:
    """A terminal in front of a gateway where people sign in."""
    folder, tokens = furnished
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    with terminal(tmp_path, tokens, providers=PROVIDERS) as opened:
        yield opened


def arrived(shell: Terminal, name: str) -> tuple[str, str, str]:
    """A person who signs in at acme: their id, their session's, and what their browser keeps."""
    installation = shell.house.installation
    moment = installation.current.clock.now()
    session, secret, digest = mint_session()
    arrival = Arrival(
        vouched=Vouched(
            issuer="corporate", subject=name, user_name=name, display_name="", signed_in_at=moment.earliest
        ),
        organisation="acme",
        roles=(Role.DEVELOPER,),
        assertions=(),
        session=session,
        kind=SessionKind.BROWSER,
        digest=digest,
        limits=Limits(30 * MINUTE, 12 * HOUR),
        state=session,
        state_expires_at=moment.latest + HOUR,
    )
    found = shell.loop.run(installation.people.arrive(arrival, moment))
    return found.person.id, session, secret.reveal()


def is_in(shell: Terminal, shown: str) -> bool:
    directory = shell.house.installation.directory
    try:
        shell.loop.run(directory.in_session(shown, shell.house.installation.current.clock.now()))
    except Unauthenticated:
        return False
    return True


def test_nobody_has_signed_in_at_first(shell: Terminal) -> None:
    told = shell.type("person", "list")

    assert (told.exit_code, told.stdout + told.stderr) == (0, "Nobody has signed in.\n")


def test_a_person_is_listed_shown_disabled_and_enabled(shell: Terminal) -> None:
    person, session, shown = arrived(shell, "lena")
    arrived(shell, "noa")

    listed = shell.type("person", "list", "--organisation", "acme").stdout.splitlines()
    told = shell.type("person", "show", person).stdout
    as_json = json.loads(shell.type("person", "show", person, "--json").stdout)
    was_in = is_in(shell, shown)
    disabled = shell.type("person", "disable", person, "--cause", "left the company")

    assert len(listed) == 3 and any(person in line and "lena" in line for line in listed)
    assert session in told and "developer" in told
    assert [each["id"] for each in as_json["sessions"]] == [session]
    assert shown.partition(".")[2] not in told
    assert disabled.exit_code == 0 and person in disabled.stdout
    assert (was_in, is_in(shell, shown)) == (True, False)
    assert shell.type("person", "enable", person).exit_code == 0
    assert not is_in(shell, shown), "what has ended stays ended"


def test_one_session_is_ended_and_the_other_goes_on(shell: Terminal) -> None:
    person, session, lost = arrived(shell, "lena")
    _, _, kept = arrived(shell, "lena")

    ended = shell.type("person", "end-session", person, session, "--cause", "stolen laptop")

    assert ended.exit_code == 0 and session in ended.stdout
    assert (is_in(shell, lost), is_in(shell, kept)) == (False, True)


def test_only_a_provider_lets_somebody_in_no_more(shell: Terminal) -> None:
    person, _, shown = arrived(shell, "lena")

    told = [shell.type("person", "disable", person, "--cause", "spite", by=by) for by in ("developer", "auditor")]
    unknown = shell.type("person", "show", "person_" + "0" * 24)
    mistyped = shell.type("person", "show", "lena")

    assert [each.exit_code for each in told] == [4, 4]
    assert is_in(shell, shown)
    assert (unknown.exit_code, mistyped.exit_code) == (1, 1)
