"""Questions about changes: a good default, named differences from it, and the cases every judge must answer alike."""

from typing import Any, NamedTuple

import msgspec

from gateway.access.change_questions import ChangeQuestion, Consent, Party

DAY_S = 86_400
AUTHOR = Party(person="author", issuers=("root",), founders=("root",), is_machine=False)


def a_consent(
    person: str,
    role: str,
    *,
    issuers: tuple[str, ...] = ("root",),
    acknowledged: bool = True,
    is_machine: bool = False,
    is_late: bool = False,
) -> Consent:
    """Somebody who agrees, or acts, in a role."""
    return Consent(
        person=person,
        issuers=issuers,
        founders=("root",) if "root" in issuers else (),
        is_machine=is_machine,
        role=role,
        acknowledged=acknowledged,
        is_late=is_late,
    )


APPROVER = a_consent("ada", "approver")
ANALYST = a_consent("ben", "analyst")
OWNER = a_consent("cyd", "provider")
MYSELF = a_consent("author", "provider")
MACHINE = a_consent("client", "analyst", is_machine=True)
APPLIER = Party(person="dan", issuers=("root",), founders=("root",), is_machine=False)


def a_change_question(act: str = "apply", actor: Consent = MYSELF, **differences: Any) -> ChangeQuestion:
    """The author wants to apply a widening change that nobody has agreed to."""
    question = ChangeQuestion(
        act=act,
        state="planned",
        is_current=True,
        effect="widening",
        irreversible=False,
        authors=(AUTHOR,),
        actor=actor,
        actor_roles=(actor.role,),
        consents=(),
        consents_needed=0,
        consents_void=0,
        planned_for_s=0,
        asks_sign_in=False,
        signed_in_s=None,
    )
    return msgspec.structs.replace(question, **differences)


class ChangeCase(NamedTuple):
    """`reasons` is empty where the act may pass."""

    name: str
    question: ChangeQuestion
    reasons: tuple[str, ...]


def _approve(actor: Consent, **differences: Any) -> ChangeQuestion:
    return a_change_question("approve", actor, **differences)


def _lasting(*consents: Consent, **differences: Any) -> ChangeQuestion:
    return a_change_question(irreversible=True, consents=consents, **({"planned_for_s": DAY_S} | differences))


def _applied(actor: Consent, **differences: Any) -> ChangeQuestion:
    return a_change_question("review", actor, **({"state": "applied", "effect": "narrowing"} | differences))


def _taken(actor: Consent, **differences: Any) -> ChangeQuestion:
    return a_change_question("review_narrowing", actor, **({"state": "in_force", "effect": "narrowing"} | differences))


def _stage(actor: Consent, **differences: Any) -> ChangeQuestion:
    facts = {"state": "waiting", "authors": (AUTHOR, APPLIER)}
    return a_change_question("approve_stage", actor, **(facts | differences))


def _opening(*consents: Consent, **differences: Any) -> ChangeQuestion:
    facts = {"act": "open_stage", "actor": None, "actor_roles": (), "consents": consents, "consents_needed": 2}
    return msgspec.structs.replace(_stage(MYSELF), **(facts | differences))


def _concurring(actor: Consent, **differences: Any) -> ChangeQuestion:
    return msgspec.structs.replace(_stage(actor), act="concur_stage", **differences)


JUST: dict[str, Any] = {"irreversible": True, "asks_sign_in": True, "signed_in_s": 600}
"""It cannot be undone, and whoever agrees has just signed in."""
UNAWARE = a_consent("ada", "approver", acknowledged=False)

CHANGE_CASES = [
    ChangeCase("widening, nobody agreed", a_change_question(), ("approvals_missing",)),
    ChangeCase("widening, one agreed", a_change_question(consents=(APPROVER,)), ("approvals_missing",)),
    ChangeCase("widening, two agreed", a_change_question(consents=(APPROVER, ANALYST)), ()),
    ChangeCase("widening, two in one role", a_change_question(consents=(APPROVER, a_consent("x", "approver"))), ()),
    ChangeCase("widening, the author is one", a_change_question(consents=(APPROVER, MYSELF)), ("approvals_missing",)),
    ChangeCase("widening, one twice", a_change_question(consents=(APPROVER, APPROVER)), ("approvals_missing",)),
    ChangeCase(
        "widening, one issued the other's key",
        a_change_question(consents=(APPROVER, a_consent("x", "analyst", issuers=("ada", "root")))),
        ("approvals_missing",),
    ),
    ChangeCase(
        "widening, agreed to by an auditor",
        a_change_question(consents=(APPROVER, a_consent("x", "auditor"))),
        ("approvals_missing",),
    ),
    ChangeCase(
        "widening, two agreed, stale", a_change_question(is_current=False), ("change_stale", "approvals_missing")
    ),
    ChangeCase(
        "stale, two agreed", a_change_question(consents=(APPROVER, ANALYST), is_current=False), ("change_stale",)
    ),
    ChangeCase(
        "widening, one agreed on other evidence",
        a_change_question(consents=(APPROVER,), consents_void=1),
        ("evidence_moved", "approvals_missing"),
    ),
    ChangeCase(
        "widening, two agreed, one before on other evidence",
        a_change_question(consents=(APPROVER, ANALYST), consents_void=1),
        (),
    ),
    ChangeCase("applied already", a_change_question(consents=(APPROVER, ANALYST), state="applied"), ("change_closed",)),
    ChangeCase("rejected", a_change_question(effect="neutral", state="rejected"), ("change_closed",)),
    ChangeCase(
        "applied by who is no provider",
        a_change_question("apply", a_consent("ada", "approver"), effect="neutral"),
        ("role_cannot_act",),
    ),
    ChangeCase(
        "applied in a role not held", a_change_question(effect="neutral", actor_roles=("staff",)), ("role_not_held",)
    ),
    ChangeCase("applied by another provider", a_change_question("apply", OWNER, effect="narrowing"), ()),
    ChangeCase("narrowing, nobody agreed", a_change_question(effect="narrowing"), ()),
    ChangeCase("narrowing, stale", a_change_question(effect="narrowing", is_current=False), ("change_stale",)),
    ChangeCase("neutral, nobody agreed", a_change_question(effect="neutral"), ()),
    ChangeCase("lasting, everything there", _lasting(APPROVER, ANALYST, OWNER), ()),
    ChangeCase(
        "lasting, a second early", _lasting(APPROVER, ANALYST, OWNER, planned_for_s=DAY_S - 1), ("cooling_off",)
    ),
    ChangeCase("lasting, two approvers", _lasting(APPROVER, a_consent("x", "approver"), OWNER), ("analyst_missing",)),
    ChangeCase(
        "lasting, one unaware",
        _lasting(APPROVER, ANALYST, a_consent("cyd", "provider", acknowledged=False)),
        ("provider_missing",),
    ),
    ChangeCase(
        "lasting, nobody and no time",
        _lasting(planned_for_s=0),
        ("provider_missing", "approver_missing", "analyst_missing", "cooling_off"),
    ),
    ChangeCase("lasting, the author as owner", _lasting(APPROVER, ANALYST, MYSELF), ("approvals_missing",)),
    ChangeCase("approved by another", _approve(APPROVER), ()),
    ChangeCase(
        "lasting, just signed in", _approve(APPROVER, irreversible=True, asks_sign_in=True, signed_in_s=600), ()
    ),
    ChangeCase(
        "lasting, signed in too long ago",
        _approve(APPROVER, irreversible=True, asks_sign_in=True, signed_in_s=601),
        ("sign_in_stale",),
    ),
    ChangeCase("lasting, by a key", _approve(APPROVER, irreversible=True, asks_sign_in=True), ("sign_in_stale",)),
    ChangeCase("lasting, where nobody signs in", _approve(APPROVER, irreversible=True), ()),
    ChangeCase("widening, by a key", _approve(APPROVER, asks_sign_in=True), ()),
    ChangeCase("approved by a second", _approve(ANALYST, consents=(APPROVER,), state="approved"), ()),
    ChangeCase("approved by the author", _approve(MYSELF), ("self_approved",)),
    ChangeCase("approved by the author's issuer", _approve(a_consent("root", "approver")), ("related_to_author",)),
    ChangeCase(
        "approved by a key of the author's",
        _approve(a_consent("x", "approver", issuers=("author", "root"))),
        ("related_to_author",),
    ),
    ChangeCase("approved twice", _approve(APPROVER, consents=(APPROVER,)), ("approved_already",)),
    ChangeCase(
        "approved twice in two roles",
        _approve(a_consent("ada", "analyst"), consents=(APPROVER,)),
        ("approved_already",),
    ),
    ChangeCase(
        "approved by an approver's issuer",
        _approve(ANALYST, consents=(a_consent("x", "approver", issuers=("ben", "root")),)),
        ("related_to_approver",),
    ),
    ChangeCase("approved by an auditor", _approve(a_consent("x", "auditor")), ("role_cannot_act",)),
    ChangeCase("approved by a developer", _approve(a_consent("x", "developer")), ("role_cannot_act",)),
    ChangeCase("approved in a role not held", _approve(APPROVER, actor_roles=("analyst",)), ("role_not_held",)),
    ChangeCase("approved though stale", _approve(APPROVER, is_current=False), ("change_stale",)),
    ChangeCase("approved when over", _approve(APPROVER, state="applied"), ("change_closed",)),
    ChangeCase(
        "approved unaware",
        _approve(a_consent("ada", "approver", acknowledged=False), irreversible=True),
        ("acknowledgement_missing",),
    ),
    ChangeCase("rejected by the author", a_change_question("reject"), ()),
    ChangeCase("rejected though stale", a_change_question("reject", ANALYST, is_current=False), ()),
    ChangeCase("rejected when over", a_change_question("reject", ANALYST, state="rejected"), ("change_closed",)),
    ChangeCase("rejected by staff", a_change_question("reject", a_consent("x", "staff")), ("role_cannot_act",)),
    ChangeCase("reviewed by another", _applied(APPROVER), ()),
    ChangeCase("reviewed by the author", _applied(MYSELF), ("self_approved",)),
    ChangeCase("reviewed twice", _applied(ANALYST, consents=(APPROVER,)), ("no_review_due",)),
    ChangeCase("reviewed though it widened", _applied(APPROVER, effect="widening"), ("no_review_due",)),
    ChangeCase("reviewed before it is applied", _applied(APPROVER, state="planned"), ("change_not_applied",)),
    ChangeCase("a narrowing reviewed by another", _taken(APPROVER), ()),
    ChangeCase("a narrowing reviewed by an analyst", _taken(ANALYST), ()),
    ChangeCase("a narrowing reviewed by its author", _taken(MYSELF), ("self_approved",)),
    ChangeCase(
        "a narrowing reviewed by a key of its author's",
        _taken(a_consent("x", "approver", issuers=("author", "root"))),
        ("related_to_author",),
    ),
    ChangeCase("a narrowing reviewed twice", _taken(ANALYST, consents=(APPROVER,)), ("no_review_due",)),
    ChangeCase("a narrowing reviewed when over", _taken(APPROVER, state="over"), ("no_review_due",)),
    ChangeCase("a narrowing reviewed by an auditor", _taken(a_consent("x", "auditor")), ("role_cannot_act",)),
    ChangeCase("a narrowing that widens", _taken(APPROVER, effect="widening"), ("change_not_understood",)),
    ChangeCase("approved by a machine", _approve(MACHINE), ("machine_cannot_agree",)),
    ChangeCase("widening, a machine agreed", a_change_question(consents=(APPROVER, MACHINE)), ("approvals_missing",)),
    ChangeCase("reviewed by a machine", _applied(MACHINE), ("machine_cannot_agree",)),
    ChangeCase("a narrowing reviewed by a machine", _taken(MACHINE), ("machine_cannot_agree",)),
    ChangeCase("a stage approved by another", _stage(APPROVER), ()),
    ChangeCase("a stage approved by a second", _stage(ANALYST, consents=(APPROVER,)), ()),
    ChangeCase("a stage approved by its author", _stage(MYSELF), ("self_approved",)),
    ChangeCase("a stage approved by who applied it", _stage(a_consent("dan", "approver")), ("self_approved",)),
    ChangeCase(
        "a stage approved by a key of who applied it",
        _stage(a_consent("x", "approver", issuers=("dan", "root"))),
        ("related_to_author",),
    ),
    ChangeCase("a stage approved twice", _stage(APPROVER, consents=(APPROVER,)), ("approved_already",)),
    ChangeCase("a stage approved by a machine", _stage(MACHINE), ("machine_cannot_agree",)),
    ChangeCase("a stage that does not wait", _stage(APPROVER, state="planned"), ("change_not_understood",)),
    ChangeCase("a stage opens, two agreed", _opening(APPROVER, ANALYST), ()),
    ChangeCase("a stage opens, one agreed", _opening(APPROVER), ("approvals_missing",)),
    ChangeCase("a stage opens, the author is one", _opening(APPROVER, MYSELF), ("approvals_missing",)),
    ChangeCase("a stage opens, two agreed beside the author", _opening(MYSELF, APPROVER, ANALYST), ()),
    ChangeCase("a stage opens, a machine is one", _opening(APPROVER, MACHINE), ("approvals_missing",)),
    ChangeCase("a stage opens, asked for by somebody", _opening(actor=APPROVER), ("change_not_understood",)),
    ChangeCase("a lasting stage opens, two agreed", _opening(APPROVER, ANALYST, irreversible=True), ()),
    ChangeCase("a lasting stage, just signed in", _stage(APPROVER, **JUST), ()),
    ChangeCase("a lasting stage, by a key", _stage(APPROVER, **JUST | {"signed_in_s": None}), ("sign_in_stale",)),
    ChangeCase("a lasting stage, by its author", _stage(MYSELF, **JUST), ("self_approved",)),
    ChangeCase("a lasting stage, unaware", _stage(UNAWARE, **JUST), ("acknowledgement_missing",)),
    ChangeCase("somebody outside concurs", _concurring(a_consent("ada", "approver", acknowledged=False)), ()),
    ChangeCase("somebody outside concurs, told by the author", _concurring(MYSELF), ()),
    ChangeCase("somebody outside concurs, told by an analyst", _concurring(ANALYST), ("role_cannot_act",)),
    ChangeCase(
        "somebody outside concurs, told by a machine",
        _concurring(a_consent("client", "provider", is_machine=True)),
        ("machine_cannot_agree",),
    ),
    ChangeCase("somebody outside concurs with what lasts", _concurring(APPROVER, **JUST), ()),
    ChangeCase(
        "somebody outside concurs with what lasts, told too late",
        _concurring(APPROVER, **JUST | {"signed_in_s": 601}),
        ("sign_in_stale",),
    ),
    ChangeCase(
        "somebody outside concurs with what lasts, told unaware",
        _concurring(UNAWARE, **JUST),
        ("acknowledgement_missing",),
    ),
    ChangeCase("approved by a key issued since", _approve(a_consent("x", "approver", is_late=True)), ("key_too_new",)),
    ChangeCase(
        "widening, one key issued since",
        a_change_question(consents=(APPROVER, a_consent("x", "analyst", is_late=True))),
        ("approvals_missing",),
    ),
    ChangeCase(
        "widening, two whom one hand entered",
        a_change_question(
            consents=(
                a_consent("x", "approver", issuers=("boss", "root")),
                a_consent("y", "analyst", issuers=("boss", "root")),
            )
        ),
        ("approvals_missing",),
    ),
    ChangeCase(
        "approved by whom an approver's issuer entered",
        _approve(
            a_consent("x", "approver", issuers=("boss", "root")),
            consents=(a_consent("y", "analyst", issuers=("boss", "root")),),
        ),
        ("related_to_approver",),
    ),
    ChangeCase("an act nobody knows", a_change_question("bless"), ("change_not_understood",)),
    ChangeCase(
        "an author who is nobody", a_change_question(authors=(Party("", (), (), False),)), ("change_not_understood",)
    ),
    ChangeCase(
        "narrowing that cannot be undone",
        a_change_question(effect="narrowing", irreversible=True),
        ("change_not_understood",),
    ),
]
