"""Lines, places and concurrences with organisations, as people type them."""

import json

import pytest

from gateway.access.refusals import Refused
from gateway.identity.callers import Role
from gateway.releases.components import Component
from tests.builders import a_call
from tests.control.test_places import ASKED, CAPPED, capped
from tests.fakes.premises import Premises
from tests.fakes.terminal import Terminal


async def crowd(house: Premises, file: str) -> None:
    """A release, and three organisations that have called it, in order."""
    await house.apply(file)
    for name in ("ann", "ben", "cleo"):
        await house.ask("POST", "/organisations", json={"id": name, "name": name})
        await house.enter(name, name, Role.DEVELOPER)
        try:
            async with house.gate.admit(house.callers[name], Component.TEXT, CAPPED, a_call()):
                pass
        except Refused:
            pass
        await house.follow()


@pytest.fixture
def in_line(shell: Terminal) -> Terminal:
    """A terminal in front of a gateway with one place, and three organisations in line for it."""
    shell.loop.run(crowd(shell.house, capped("1", ", review_by: 2100-01-01T00:00:00Z, if_overdue: freeze")))
    return shell


def test_who_holds_a_place_and_who_waits_is_shown_and_a_place_is_freed(in_line: Terminal) -> None:
    shown = in_line.type("release", "places", CAPPED).stdout
    [line] = json.loads(in_line.type("release", "places", CAPPED, "--json").stdout)
    freed = in_line.type("release", "free-place", line["places"][0]["id"], "--cause", "left")
    after = in_line.type("release", "places", CAPPED).stdout
    again = in_line.type("release", "free-place", line["places"][0]["id"], "--cause", "left")
    everybody = in_line.type("release", "places", CAPPED, "--freed").stdout

    assert "preview: 3 in line; preview admits 1" in shown
    assert [(each["organisation"], each["stands_at"]) for each in line["places"]] == [
        ("ann", 1),
        ("ben", 2),
        ("cleo", 3),
    ]
    assert "ben is let in" in freed.stdout
    assert "ann" not in after and "ann" in everybody
    assert again.exit_code == 1 and "was freed before" in again.stderr
    assert f"gateway release places {CAPPED}" in again.stderr


def test_a_line_that_there_is_not_is_told_as_such(in_line: Terminal) -> None:
    assert in_line.type("release", "places", CAPPED, "--line", "other").exit_code == 1
    assert in_line.type("release", "places", "acme/none").exit_code == 1
    assert "No stage has a cap." in in_line.type("release", "places", "acme/open").stderr


def test_a_release_shows_its_cap_and_its_review_and_a_caller_where_it_stands(in_line: Terminal) -> None:
    shown = in_line.type("release", "show", CAPPED).stdout
    me = in_line.type("whoami", by="cleo").stdout

    assert "at most 1 organisation" in " ".join(shown.split())
    assert "preview: review due, by 2100-01-01T00:00:00Z" in shown
    assert "number 2 of those who wait" in me and "stage_full" in me


def test_a_concurrence_is_recorded_listed_and_withdrawn(shell: Terminal) -> None:
    shell.loop.run(crowd(shell.house, ASKED))
    order = ("--authority", "Department of Commerce", "--reference", "letter 7", "--expires", "30d")

    given = shell.type("concurrence", "give", "ann", CAPPED, *order)
    one = given.stdout.split(":")[0]
    listed = shell.type("concurrence", "list", "--release", CAPPED).stdout
    shown = shell.type("release", "show", CAPPED).stdout
    withdrawn = shell.type("concurrence", "withdraw", one, "--cause", "letter 8")

    assert "agrees to ann using" in given.stdout and given.stderr == ""
    assert one in listed and "standing" in listed
    assert "window: Department of Commerce must agree to each organisation" in shown
    assert f"{one} is withdrawn" in withdrawn.stdout
