"""The form of a release file, `requests:`, with every mistake at its line."""

from collections.abc import Iterable

from gateway.identity.callers import Role
from gateway.releases import values
from gateway.releases.audiences import Audience, wants_grant
from gateway.releases.forms import (
    GRANT_DAYS,
    LONGEST_DEFAULT,
    RETAIN_DAYS,
    REVIEW_DAYS,
    REVIEWERS,
    FieldKind,
    FormField,
    RequestForm,
)
from gateway.releases.nodes import Faults, Mapping, Node, shown

KEYS = (
    "form", "reviewers", "second_approval", "concurrence", "review_within_days", "expires_after_days",
    "grant_days", "recertify_every_days", "retain_days",
)  # fmt: skip
FIELD = ("name", "kind", "label", "required", "help", "choices", "at_least", "at_most", "longest")
ONLY_WITH = {
    "choices": (FieldKind.CHOICE,),
    "at_least": (FieldKind.NUMBER,),
    "at_most": (FieldKind.NUMBER,),
    "longest": (FieldKind.TEXT,),
}
"""Keys that mean something for one kind of field only."""

FIELDS_MAX = 50
LONGEST_MAX = 10_000
CHOICES_MAX = 100
REVIEW_DAYS_MAX = 365
GRANT_DAYS_MAX = 366
RETAIN_DAYS_MAX = 3_650


def read_form(node: Node | None, audiences: Iterable[Audience], faults: Faults) -> RequestForm | None:
    """The form in this node; what cannot be read is noted."""
    if node is None:
        return None
    entries = values.mapping(node, faults, KEYS, ("form",))
    if entries and not any(wants_grant(audience) for audience in audiences):
        faults.add(node, "no audience asks for a grant, so a request would lead to nothing: take `requests` out")
    within = values.whole(entries.get("review_within_days"), faults, 1, REVIEW_DAYS_MAX) or REVIEW_DAYS
    after = values.whole(entries.get("expires_after_days"), faults, 1, 2 * REVIEW_DAYS_MAX)
    if after is not None and after < within:
        faults.add(
            entries["expires_after_days"],
            f"a request would be over after {after} days, before its review is overdue after {within}: write more",
        )
    lasts = values.whole(entries.get("grant_days"), faults, 1, GRANT_DAYS_MAX) or GRANT_DAYS
    every = values.whole(entries.get("recertify_every_days"), faults, 1, GRANT_DAYS_MAX)
    if every is not None and every >= lasts:
        faults.add(entries["recertify_every_days"], "a grant ends before it is looked at again: write fewer days")
    return RequestForm(
        fields=_read_fields(entries.get("form"), faults),
        reviewers=_read_reviewers(entries.get("reviewers"), faults),
        second_approval=values.truth(entries.get("second_approval"), faults) or False,
        concurrence=values.text(entries.get("concurrence"), faults) or "",
        review_within_days=within,
        expires_after_days=2 * within if after is None else after,
        grant_days=lasts,
        recertify_every_days=every or 0,
        retain_days=values.whole(entries.get("retain_days"), faults, 1, RETAIN_DAYS_MAX) or RETAIN_DAYS,
    )


def _read_reviewers(node: Node | None, faults: Faults) -> tuple[Role, ...]:
    if node is None:
        return (Role.APPROVER,)
    roles = []
    for item, name in values.texts(node, faults):
        if name in REVIEWERS:
            roles.append(Role(name))
        else:
            known = ", ".join(REVIEWERS)
            faults.add(item, f"{shown(name)} cannot review: write some of {known}.{values.nearest(name, REVIEWERS)}")
    return tuple(sorted(roles))


def _read_fields(node: Node | None, faults: Faults) -> tuple[FormField, ...]:
    items = [] if node is None else values.sequence(node, faults)
    if node is not None and len(items) > FIELDS_MAX:
        faults.add(node, f"this form has {len(items)} fields: at most {FIELDS_MAX} are asked")
        return ()
    found: dict[str, FormField] = {}
    for item in items:
        field = _read_field(item, faults)
        if field is not None and field.name in found:
            faults.add(item, f"another field is called {shown(field.name)}: choose another name")
        elif field is not None:
            found[field.name] = field
    return tuple(found.values())


def _read_field(node: Node, faults: Faults) -> FormField | None:
    entries = values.mapping(node, faults, FIELD, ("name", "kind"))
    name = values.text(entries.get("name"), faults)
    if name is not None and not values.is_word(name):
        faults.add(entries["name"], f"{shown(name)} cannot be a name: write lower-case words joined by `-`")
    kind = values.choice(entries.get("kind"), faults, tuple(FieldKind))
    choices = tuple(choice for _, choice in values.texts(entries.get("choices"), faults))
    low, high = (values.whole(entries.get(bound), faults, 0) for bound in ("at_least", "at_most"))
    if low is not None and high is not None and low > high:
        faults.add(entries["at_least"], f"no number is at least {low} and at most {high}: nobody could answer")
    required = values.truth(entries.get("required"), faults)
    if name is None or kind is None:
        return None
    _check_kind(node, FieldKind(kind), entries, faults)
    return FormField(
        name=name,
        kind=FieldKind(kind),
        label=values.text(entries.get("label"), faults) or "",
        required=required is not False,
        help=values.text(entries.get("help"), faults, 500) or "",
        choices=choices,
        at_least=low,
        at_most=high,
        longest=values.whole(entries.get("longest"), faults, 1, LONGEST_MAX) or LONGEST_DEFAULT,
    )


def _check_kind(node: Node, kind: FieldKind, entries: dict[str, Node], faults: Faults) -> None:
    """Note what is missing for a kind of field, and what would mean nothing for it."""
    for key, kinds in ONLY_WITH.items():
        if key in entries and kind not in kinds and isinstance(node, Mapping):
            faults.add_key(node, key, f"`{key}` is for a field of kind {kinds[0]}, not {kind}: take it out")
    choices = entries.get("choices")
    if kind is FieldKind.CHOICE and choices is None:
        faults.add(node, "a choice needs what to choose from: write `choices: [one, other]`")
    elif kind is FieldKind.CHOICE and choices is not None:
        count = len(values.sequence(choices, Faults()))
        if count == 1 or count > CHOICES_MAX:
            faults.add(choices, f"a choice has from 2 to {CHOICES_MAX} values; this has {count}")
