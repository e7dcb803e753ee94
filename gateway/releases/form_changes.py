"""What a change of a release's form does, difference by difference; what cannot be shown to narrow widens."""

from collections.abc import Iterator

import msgspec

from gateway.releases.effects import Effect
from gateway.releases.forms import FormField, RequestForm

Said = str | int | bool | list[str] | None
"""A value as a release file writes it; None for what is not there."""

WORDING = ("label", "help")
"""What of a field only words it."""


class FormChange(msgspec.Struct, frozen=True):
    """One difference between two forms."""

    path: str
    """Below `requests`; empty for the whole."""
    before: Said
    after: Said
    effect: Effect


def form_changes(before: RequestForm | None, after: RequestForm | None) -> Iterator[FormChange]:
    """Every difference. Where there was no form nobody could ask, and where there is none nobody can.

    But where there is none, one person gives grants alone (access/admissions.py): what it asked for goes with it.
    """
    if before == after:
        return
    if before is None or after is None:
        said = [None if form is None else [field.name for field in form.fields] for form in (before, after)]
        yield FormChange("", said[0], said[1], _effect(before is not None and not _binds_grants(before)))
        if after is not None:
            yield from _said(after)
        return
    yield from _fields(before, after)
    for name, narrows in _narrower(before, after).items():
        was, becomes = (_plain(getattr(form, name)) for form in (before, after))
        if was != becomes:
            yield FormChange(f".{name}", was, becomes, _effect(narrows))
    if before.review_within_days != after.review_within_days:
        days = before.review_within_days, after.review_within_days
        yield FormChange(".review_within_days", *days, Effect.NEUTRAL)


def _binds_grants(form: RequestForm) -> bool:
    """Whether a grant takes more by it than one person who gives it once."""
    return form.second_approval or bool(form.concurrence) or bool(form.recertify_every_days)


def _said(form: RequestForm) -> Iterator[FormChange]:
    """What a form says that nobody could fill in before: that there is one is what widens."""
    for field in form.fields:
        yield FormChange(f".form.{field.name}", None, _shown(field), Effect.NEUTRAL)
    for name in form.__struct_fields__:
        value = _plain(getattr(form, name))
        if name != "fields" and value not in (None, "", 0, False):
            yield FormChange(f".{name}", None, value, Effect.NEUTRAL)


def _narrower(before: RequestForm, after: RequestForm) -> dict[str, bool]:
    """By name, whether the new value surely lets no request through that the old one would not have."""
    every = [form.recertify_every_days or 10_000 for form in (before, after)]
    return {
        "reviewers": set(after.reviewers) <= set(before.reviewers),
        "second_approval": after.second_approval,
        "concurrence": not before.concurrence,
        "expires_after_days": after.expires_after_days < before.expires_after_days,
        "grant_days": after.grant_days < before.grant_days,
        "recertify_every_days": every[1] < every[0],
        "retain_days": False,
    }


def _fields(before: RequestForm, after: RequestForm) -> Iterator[FormChange]:
    old, new = ({field.name: field for field in form.fields} for form in (before, after))
    for name in dict.fromkeys([*new, *old]):
        was, becomes = old.get(name), new.get(name)
        if was == becomes:
            continue
        yield FormChange(f".form.{name}", _shown(was), _shown(becomes), _of_field(was, becomes))
    if old == new and list(old) != list(new):
        yield FormChange(".form", list(old), list(new), Effect.NEUTRAL)


def _of_field(was: FormField | None, becomes: FormField | None) -> Effect:
    if was is None:
        return Effect.NARROWING
    if becomes is None:
        return Effect.WIDENING
    unlike = {name for name in was.__struct_fields__ if getattr(was, name) != getattr(becomes, name)}
    return Effect.NEUTRAL if unlike <= set(WORDING) else Effect.WIDENING


def _effect(narrows: bool) -> Effect:
    return Effect.NARROWING if narrows else Effect.WIDENING


def _shown(field: FormField | None) -> str | None:
    return None if field is None else msgspec.json.encode(field, order="sorted").decode()


def _plain(value: object) -> Said:
    if isinstance(value, tuple):
        return [str(item) for item in value]
    return value if isinstance(value, str | int) else None
