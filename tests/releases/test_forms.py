"""The form of a release file: what it says, every mistake at its line, and what a change of it does."""

from typing import Any

import msgspec
import pytest

from gateway.clock import at
from gateway.identity.callers import Role
from gateway.releases.differences import differences, effect_of
from gateway.releases.effects import Effect
from gateway.releases.files import parse, read_release
from gateway.releases.forms import FieldKind, FormField, RequestForm
from gateway.releases.strategies import Strategy
from tests.fakes.requests import asking_release
from tests.randomly import NOW
from tests.releases.builders import a_stage, a_strategy

FORM = RequestForm(fields=(FormField(name="why", kind=FieldKind.TEXT), FormField(name="site", kind=FieldKind.URL)))


def with_form(form: RequestForm | None) -> Strategy:
    return a_strategy(a_stage(), requests=form)


def changed(**differences: Any) -> Strategy:
    return with_form(msgspec.structs.replace(FORM, **differences))


def test_a_form_is_read_whole_and_its_order_is_the_files() -> None:
    strategy = parse(asking_release("second_approval: true, reviewers: [provider, approver]").encode(), {})
    form = strategy.requests

    assert form is not None
    assert [field.name for field in form.fields] == ["purpose", "sector", "users", "resells", "site"]
    assert form.reviewers == (Role.APPROVER, Role.PROVIDER)
    assert (form.second_approval, form.concurrence, form.review_within_days, form.expires_after_days) == (
        True, "", 14, 28,
    )  # fmt: skip
    assert Strategy.read(strategy.canonical()) == strategy


def test_a_strategy_without_a_form_has_the_bytes_that_it_always_had() -> None:
    assert b"requests" not in with_form(None).canonical()


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("grant: required", "kyc: '>= K2'", 5, "no audience asks for a grant"),
        ("kind: text", "kind: txt", 6, "`txt` is not known here. Did you mean `text`?"),
        ("{name: purpose, kind: text, ", "{kind: text, ", 6, "`name` is missing here"),
        ("name: sector", "name: purpose", 7, "another field is called `purpose`"),
        ("name: sector", "name: Sector", 7, "`Sector` cannot be a name"),
        ("choices: [health-canary, finance]", "choices: [finance]", 7, "a choice has from 2 to 100 values; this has 1"),
        (", choices: [health-canary, finance]", "", 7, "a choice needs what to choose from"),
        ("at_least: 1, at_most: 1000", "at_least: 7, at_most: 3", 8, "no number is at least 7 and at most 3"),
        ("kind: yes-no", "kind: yes-no, at_most: 1", 9, "`at_most` is for a field of kind number, not yes-no"),
        ("kind: url", "kind: url, longest: 9", 10, "`longest` is for a field of kind text, not url"),
        ("grant_days: 60", "grant_days: 400", 11, "a whole number from 1 to 366"),
        ("recertify_every_days: 30", "recertify_every_days: 60", 12, "a grant ends before it is looked at again"),
        ("recertify_every_days: 30", "reviewers: [aprover]", 12, "`aprover` cannot review"),
        ("recertify_every_days: 30", "expires_after_days: 7", 12, "over after 7 days, before its review is overdue"),
        ("recertify_every_days: 30", "seconds_approval: true", 12, "Did you mean `second_approval`?"),
        ("recertify_every_days: 30", "second_approval: yes", 12, "write `true` or `false` here"),
    ],
)
def test_a_mistake_in_a_form_is_told_with_its_line(old: str, new: str, line: int, said: str) -> None:
    file = asking_release()
    assert old in file

    faults = read_release(file.replace(old, new, 1).encode(), {}).faults

    assert [fault for fault in faults if fault.line == line and said in fault.message] != [], faults


@pytest.mark.parametrize(
    ("after", "effect", "path"),
    [
        (changed(second_approval=True), Effect.NARROWING, "requests.second_approval"),
        (changed(concurrence="CAISI"), Effect.NARROWING, "requests.concurrence"),
        (changed(grant_days=30), Effect.NARROWING, "requests.grant_days"),
        (changed(grant_days=120), Effect.WIDENING, "requests.grant_days"),
        (changed(recertify_every_days=30), Effect.NARROWING, "requests.recertify_every_days"),
        (changed(reviewers=(Role.ANALYST, Role.APPROVER)), Effect.WIDENING, "requests.reviewers"),
        (changed(reviewers=(Role.ANALYST,)), Effect.WIDENING, "requests.reviewers"),
        (changed(expires_after_days=40), Effect.WIDENING, "requests.expires_after_days"),
        (changed(review_within_days=7), Effect.NEUTRAL, "requests.review_within_days"),
        (changed(retain_days=10), Effect.WIDENING, "requests.retain_days"),
        (changed(fields=FORM.fields[:1]), Effect.WIDENING, "requests.form.site"),
        (changed(fields=FORM.fields[::-1]), Effect.NEUTRAL, "requests.form"),
        (
            changed(fields=(msgspec.structs.replace(FORM.fields[0], label="Why?"), FORM.fields[1])),
            Effect.NEUTRAL,
            "requests.form.why",
        ),
        (
            changed(fields=(msgspec.structs.replace(FORM.fields[0], required=False), FORM.fields[1])),
            Effect.WIDENING,
            "requests.form.why",
        ),
        (
            changed(fields=(*FORM.fields, FormField(name="more", kind=FieldKind.YES_NO))),
            Effect.NARROWING,
            "requests.form.more",
        ),
        (with_form(None), Effect.NARROWING, "requests"),
    ],
)
def test_a_change_of_a_form_does_what_it_does(after: Strategy, effect: Effect, path: str) -> None:
    found = differences(with_form(FORM), after, at(NOW))

    assert [(each.path, each.effect) for each in found] == [(path, effect)]


@pytest.mark.parametrize("binds", [{"second_approval": True}, {"concurrence": "CAISI"}, {"recertify_every_days": 30}])
def test_losing_a_form_by_which_a_grant_took_more_than_one_person_once_widens(binds: dict[str, Any]) -> None:
    found = differences(changed(**binds), with_form(None), at(NOW))

    assert [(each.path, each.effect) for each in found] == [("requests", Effect.WIDENING)]


def test_a_form_where_there_was_none_widens() -> None:
    assert effect_of(differences(with_form(None), with_form(FORM), at(NOW))) is Effect.WIDENING


def test_every_part_of_a_form_is_compared() -> None:
    other = RequestForm(
        fields=(), reviewers=(Role.ANALYST,), second_approval=True, concurrence="x", review_within_days=1,
        expires_after_days=1, grant_days=1, recertify_every_days=1, retain_days=1,
    )  # fmt: skip

    told = {each.path for each in differences(with_form(FORM), with_form(other), at(NOW))}

    compared = {f"requests.{name}" for name in RequestForm.__struct_fields__ if name != "fields"}
    assert told == compared | {"requests.form.why", "requests.form.site"}
