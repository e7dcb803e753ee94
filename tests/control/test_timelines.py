"""Timelines over the door: the same as values and as a picture, which holds text and nothing else."""

from xml.etree import ElementTree as ET

import msgspec
import pytest

from gateway.clock import DAY, at
from gateway.control.drawings import WIDTH, svg
from gateway.releases.strategies import AccessLevel
from gateway.releases.timelines import Timeline, layout
from tests.fakes.premises import LIMITED, Premises
from tests.releases.builders import a_stage, a_strategy

SPACE = "{http://www.w3.org/2000/svg}"
HOSTILE = "</title><script>alert(1)</script>&\"'\u202e\x00\x1b[31m"


def drawn(stages: int = 4, now: int = 3, apart: int = 30 * DAY) -> Timeline:
    """Stages at equal distances, of every level in turn."""
    levels = list(AccessLevel)
    return layout(
        a_strategy(*(a_stage(f"stage-{i}", i * apart + 1, access=levels[i % 4]) for i in range(stages))), at(now * DAY)
    )


def words(picture: str) -> str:
    """Everything that can be read in it."""
    return " ".join(element.text or "" for element in ET.fromstring(picture).iter() if element.tag != f"{SPACE}style")


async def test_the_timeline_says_what_is_open_and_what_is_to_come(house: Premises) -> None:
    told = (await house.ask("GET", f"/releases/{LIMITED}/timeline")).json()

    trusted, general = told["bars"]
    assert (told["stage"], trusted["state"], general["state"]) == ("trusted", "open", "to come")
    assert trusted["end"] == general["start"] and general["ends"] is None
    assert trusted["start"] < told["now"] < general["start"]


async def test_the_timeline_of_another_instant_has_its_own_now(house: Premises) -> None:
    then = (await house.ask("GET", f"/releases/{LIMITED}/timeline", params={"at": "2023-01-01T00:00:00Z"})).json()

    assert (then["stage"], then["now"], then["as_of"]) == (None, 0.0, "2023-01-01T00:00:00Z")


@pytest.mark.parametrize(
    "instant", ["2250-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "2026-02-30T00:00:00Z", "now"]
)
async def test_an_instant_that_no_strategy_knows_is_told_as_that(house: Premises, instant: str) -> None:
    answers = [
        await house.ask("GET", f"/releases/{LIMITED}/{what}", params={"at": instant})
        for what in ("timeline", "timeline.svg", "label", "classification")
    ]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(400, "invalid_request")] * 4


async def test_the_picture_is_one_that_may_run_and_fetch_nothing(house: Premises) -> None:
    answer = await house.ask("GET", f"/releases/{LIMITED}/timeline.svg")

    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "trusted is open" in words(answer.text)


async def test_a_release_that_is_not_there_has_neither(house: Premises) -> None:
    answers = [
        await house.ask("GET", f"/releases/acme/nothing/{what}")
        for what in ("timeline", "timeline.svg", "label", "classification")
    ]

    assert [answer.status_code for answer in answers] == [404] * 4


async def test_a_label_and_a_classification_name_the_version_they_were_read_on(house: Premises) -> None:
    label = (await house.ask("GET", f"/releases/{LIMITED}/label")).json()
    read = (await house.ask("GET", f"/releases/{LIMITED}/classification")).json()

    assert (label["number"], label["digest"]) == (read["number"], read["digest"])
    assert label["label"]["solaiman"]["label"] == "gradual/staged"
    assert {each["finding"] for each in read["labels"]} <= {"yes", "no", "possible", "unknown"}


@pytest.mark.parametrize("stages", [0, 1, 2, 10])
def test_a_picture_is_well_formed_and_every_mark_is_on_it(stages: int) -> None:
    root = ET.fromstring(svg(drawn(stages)))

    height = float(root.attrib["height"])
    for element in root.iter():
        for name in ("x", "x1", "x2"):
            assert 0 <= float(element.attrib.get(name, 0)) <= WIDTH
        for name in ("y", "y1", "y2"):
            assert 0 <= float(element.attrib.get(name, 0)) <= height
    assert len(root.findall(f"{SPACE}g")) == stages


def test_hostile_names_stay_text() -> None:
    plain = drawn()
    bars = tuple(msgspec.structs.replace(bar, name=HOSTILE, audiences=(HOSTILE,)) for bar in plain.bars)
    picture = svg(msgspec.structs.replace(plain, release=HOSTILE, stage=HOSTILE, bars=bars))

    root = ET.fromstring(picture)
    assert {element.tag.removeprefix(SPACE) for element in root.iter()} <= {
        "svg", "title", "desc", "style", "rect", "text", "line", "path", "g",
    }  # fmt: skip
    assert not any(name.startswith("on") or "href" in name for element in root.iter() for name in element.attrib)
    assert "\u202e" not in picture and "\x1b" not in picture and "\x00" not in picture


def test_names_of_any_length_are_cut_to_the_room_there_is_and_whole_in_their_title() -> None:
    name = "n" * 64
    plain = drawn(10, now=250)
    picture = svg(msgspec.structs.replace(plain, bars=tuple(msgspec.structs.replace(b, name=name) for b in plain.bars)))

    titles = [element.text or "" for element in ET.fromstring(picture).iter(f"{SPACE}title")]
    assert sum(name in title for title in titles) == 10


def test_a_picture_is_light_and_dark_without_a_word_from_its_reader() -> None:
    picture = svg(drawn())

    assert "@media (prefers-color-scheme:dark)" in picture
    assert "var(" not in picture, "many programs that draw SVG know no variables"


def test_where_time_is_not_to_scale_the_picture_says_so() -> None:
    strategy = a_strategy(a_stage("canary", 0), a_stage("general", DAY, closes=200 * 365 * DAY))

    assert "long spans drawn shorter" in words(svg(layout(strategy, at(1))))
    assert "long spans drawn shorter" not in words(svg(drawn()))
