"""Questions about requests: a good default, named differences from it, and the cases every judge must answer alike."""

from typing import Any, NamedTuple

import msgspec

from gateway.access.change_questions import Party
from gateway.access.requests.questions import RequestQuestion, Reviewer

ASKER = Party(person="asker", issuers=("root",), founders=("root",), is_machine=False)


def a_person(name: str, *issuers: str) -> Party:
    """Somebody whose key the root issued, or others."""
    return Party(person=name, issuers=issuers or ("root",), founders=("root",), is_machine=False)


def a_review(name: str, role: str = "approver", *issuers: str) -> Reviewer:
    """Somebody's approval."""
    return Reviewer(person=name, issuers=issuers or ("root",), founders=("root",), is_machine=False, role=role)


def a_request_question(act: str = "approve", **differences: Any) -> RequestQuestion:
    """An approver wants to approve what is pending, where one is enough."""
    question = RequestQuestion(
        act=act,
        state="pending_review",
        takes_requests=True,
        reviewers=("approver",),
        second_approval=False,
        concurrence_missing=False,
        asker=ASKER,
        actor=a_person("ada"),
        actor_roles=("approver",),
        same_organisation=False,
        approvals=(),
        has_open_request=False,
        rejected_finally=False,
    )
    return msgspec.structs.replace(question, **differences)


def asking(act: str, **differences: Any) -> RequestQuestion:
    """The asker wants to do something about their own."""
    own = {"actor": ASKER, "actor_roles": ("developer",), "same_organisation": True}
    return a_request_question(act, **(own | ({"state": ""} if act == "ask" else {}) | differences))


def second(**differences: Any) -> RequestQuestion:
    """Somebody wants to approve after another did, where two must."""
    waiting = {"state": "awaiting_second_approval", "second_approval": True, "approvals": (a_review("ben"),)}
    return a_request_question(**(waiting | differences))


def concurring(**differences: Any) -> RequestQuestion:
    """Somebody records the authority's word for what one approved."""
    waiting = {"state": "awaiting_external_concurrence", "concurrence_missing": True, "approvals": (a_review("ben"),)}
    return a_request_question(**({"act": "concur"} | waiting | differences))


MACHINE = Party(person="client", issuers=("root",), founders=("root",), is_machine=True)


class RequestCase(NamedTuple):
    """`leads_to` is the state, or the reasons why the act may not pass."""

    name: str
    question: RequestQuestion
    leads_to: str | tuple[str, ...]


REQUEST_CASES = [
    RequestCase("asked", asking("ask"), "submitted"),
    RequestCase("asked twice", asking("ask", has_open_request=True), ("already_asked",)),
    RequestCase("asked after a final no", asking("ask", rejected_finally=True), ("rejected_finally",)),
    RequestCase("asked where nothing is asked", asking("ask", takes_requests=False), ("requests_not_taken",)),
    RequestCase("asked for another", asking("ask", same_organisation=False), ("not_the_askers",)),
    RequestCase("asked again in a state", asking("ask", state="granted"), ("act_not_possible",)),
    RequestCase("answered", asking("answer", state="needs_info"), "pending_review"),
    RequestCase("answered unasked", asking("answer"), ("act_not_possible",)),
    RequestCase("answered by a reviewer", a_request_question("answer", state="needs_info"), ("not_the_askers",)),
    RequestCase("withdrawn", asking("withdraw"), "withdrawn"),
    RequestCase("withdrawn without a form", asking("withdraw", takes_requests=False), "withdrawn"),
    RequestCase("withdrawn when over", asking("withdraw", state="rejected"), ("act_not_possible",)),
    RequestCase("withdrawn by a reviewer", a_request_question("withdraw"), ("not_the_askers",)),
    RequestCase("approved", a_request_question(), "granted"),
    RequestCase("approved, two needed", a_request_question(second_approval=True), "awaiting_second_approval"),
    RequestCase(
        "approved, an authority awaited", a_request_question(concurrence_missing=True), "awaiting_external_concurrence"
    ),
    RequestCase(
        "approved, both missing",
        a_request_question(second_approval=True, concurrence_missing=True),
        "awaiting_second_approval",
    ),
    RequestCase("approved by a second", second(), "granted"),
    RequestCase(
        "approved by a second, an authority awaited", second(concurrence_missing=True), "awaiting_external_concurrence"
    ),
    RequestCase("approved by a machine", a_request_question(actor=MACHINE), ("machine_cannot_agree",)),
    RequestCase("rejected by a machine", a_request_question("reject", actor=MACHINE), "rejected"),
    RequestCase("a concurrence recorded by a machine", concurring(actor=MACHINE), ("machine_cannot_agree",)),
    RequestCase(
        "approved by a second, the first a machine",
        second(approvals=(Reviewer("client", ("root",), ("root",), True, "approver"),)),
        "awaiting_second_approval",
    ),
    RequestCase("approved twice", second(actor=a_person("ben")), ("reviewed_already",)),
    RequestCase(
        "approved by who issued the first's key",
        second(actor=a_person("root", "top")),
        ("related_to_asker", "related_to_reviewer"),
    ),
    RequestCase(
        "approved by a key of the first's", second(actor=a_person("x", "ben", "root")), ("related_to_reviewer",)
    ),
    RequestCase(
        "approved, the first no reviewer any more",
        second(approvals=(a_review("ben", "analyst"),)),
        "awaiting_second_approval",
    ),
    RequestCase("approved by the asker", a_request_question(actor=ASKER), ("reviewer_asked",)),
    RequestCase(
        "approved by a key of the asker's", a_request_question(actor=a_person("x", "asker")), ("related_to_asker",)
    ),
    RequestCase(
        "approved by a key of the hand that issued the asker's, for a customer",
        a_request_question(asker=a_person("asker", "boss", "root"), actor=a_person("x", "boss", "root")),
        "granted",
    ),
    RequestCase(
        "approved by a key of the hand that issued the asker's, in one organisation",
        a_request_question(
            asker=a_person("asker", "boss", "root"), actor=a_person("x", "boss", "root"), same_organisation=True
        ),
        ("related_to_asker",),
    ),
    RequestCase("approved for a colleague", a_request_question(same_organisation=True), "granted"),
    RequestCase(
        "approved by no reviewer", a_request_question(actor_roles=("analyst", "provider")), ("not_a_reviewer",)
    ),
    RequestCase("approved when over", a_request_question(state="withdrawn"), ("act_not_possible",)),
    RequestCase("approved while info is needed", a_request_question(state="needs_info"), ("act_not_possible",)),
    RequestCase(
        "approved without a form",
        a_request_question(takes_requests=False, reviewers=()),
        ("requests_not_taken", "not_a_reviewer"),
    ),
    RequestCase("info needed", a_request_question("need_info"), "needs_info"),
    RequestCase("info needed by the asker", asking("need_info"), ("not_a_reviewer", "reviewer_asked")),
    RequestCase("rejected", a_request_question("reject"), "rejected"),
    RequestCase("rejected while an authority is awaited", concurring(act="reject"), "rejected"),
    RequestCase("rejected when over", a_request_question("reject", state="granted"), ("act_not_possible",)),
    RequestCase("rejected by the asker", a_request_question("reject", actor=ASKER), ("reviewer_asked",)),
    RequestCase("concurred", concurring(), "granted"),
    RequestCase("concurred, two needed by now", concurring(second_approval=True), "awaiting_second_approval"),
    RequestCase(
        "concurred, two approved",
        concurring(second_approval=True, approvals=(a_review("ben"), a_review("cyd"))),
        "granted",
    ),
    RequestCase(
        "concurred, two of whom one keyed the other",
        concurring(second_approval=True, approvals=(a_review("ben"), a_review("cyd", "approver", "ben"))),
        "awaiting_second_approval",
    ),
    RequestCase("concurred, nobody approved", concurring(approvals=()), ("act_not_possible",)),
    RequestCase("concurred unasked", a_request_question("concur"), ("concurrence_not_awaited",)),
    RequestCase("an act nobody knows", a_request_question("bless"), ("request_not_understood",)),
    RequestCase(
        "an asker who is nobody", a_request_question(asker=Party("", (), (), False)), ("request_not_understood",)
    ),
]
