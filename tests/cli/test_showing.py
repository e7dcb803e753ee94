"""What people and programs are shown."""

from datetime import UTC, datetime, timedelta

import click
import pytest

from gateway.cli import showing
from gateway.cli.showing import ago, cell
from gateway.cli.spans import coming, gone, named, span


@pytest.mark.parametrize(
    ("away", "told"),
    [
        (timedelta(days=90, seconds=5), "(in 90 days)"),
        (timedelta(hours=47, seconds=5), "(in 47 hours)"),
        (timedelta(minutes=-90), "(90 minutes ago)"),
        (timedelta(hours=12, seconds=-9), "(in 12 hours)"),
        (timedelta(days=90, minutes=-3), "(in 90 days)"),
        (timedelta(hours=36), "(in 36 hours)"),
        (timedelta(seconds=0), "(a moment ago)"),
    ],
)
def test_how_far_away_an_instant_is(away: timedelta, told: str) -> None:
    assert ago((datetime.now(UTC) + away).isoformat()).endswith(told)


def test_values_are_told_as_people_read_them() -> None:
    told = [cell(value) for value in (None, True, False, [], ["a", "b"], {}, {"a": 1}, "x\ny", "\x1b[2J")]

    assert told == ["-", "yes", "no", "none", "a, b", "none", "a=1", "x y", "�[2J"]


@pytest.mark.parametrize(("text", "seconds"), [("0", 0), ("90s", 90), ("30m", 1800), ("24h", 86_400), ("7d", 604_800)])
def test_spans_are_read_with_their_units(text: str, seconds: int) -> None:
    assert span(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "-1h", "1w", "1h30m", "9999999d"])
def test_what_is_no_span_is_wrong_usage(text: str) -> None:
    with pytest.raises(click.BadParameter):
        span(text)


def test_a_date_is_its_first_instant_in_utc() -> None:
    assert coming("2026-03-01") == gone("2026-03-01") == "2026-03-01T00:00:00Z"
    assert coming("2026-03-01T02:00:00+02:00") == "2026-03-01T00:00:00Z"


def test_a_span_counts_back_or_forward_from_now() -> None:
    now = datetime.now(UTC)

    assert datetime.fromisoformat(gone("1h")) < now < datetime.fromisoformat(coming("1h"))


@pytest.mark.parametrize("signed", [("+1h", 1), ("-1h", -1)])
def test_a_span_with_a_sign_is_on_that_side_of_now(signed: tuple[str, int]) -> None:
    text, sign = signed

    assert (datetime.fromisoformat(named(text)) - datetime.now(UTC)).total_seconds() * sign > 3_000


@pytest.mark.parametrize("text", ["1h", "+1w", "-", "+", "someday", "-999999d"])
def test_what_does_not_say_on_which_side_of_now_it_is_is_wrong_usage(text: str) -> None:
    with pytest.raises(click.BadParameter):
        named(text)


def test_on_a_terminal_nothing_is_wider_than_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(showing, "on_terminal", lambda: True)
    monkeypatch.setattr(showing, "columns_of_terminal", lambda: 80)
    one, other = "sha256:" + "1" * 64, "sha256:" + "2" * 64

    showing.show_facts([("release", "acme/atlas-1"), ("strategy", one), ("a name that is long", "word " * 30)])
    showing.show_line(f"+ terms.acceptable-use: {one} -> {other}", indent=2)
    showing.show_line("warning: " + "word " * 40, err=True)

    told = capsys.readouterr()
    lines = [*told.out.splitlines(), *told.err.splitlines()]
    assert max(map(len, lines)) <= 80
    assert one in told.out and other in told.out
