"""What stands about a use at a moment, and until when."""

from gateway.access.standing import Use, gather
from gateway.clock import SECOND, Instant, Moment, at
from gateway.identity.callers import Caller, Role
from gateway.releases import audiences
from gateway.releases.audiences import Audience
from gateway.releases.components import Component
from gateway.releases.strategies import AccessLevel, Conditions
from tests.builders import (
    PAST,
    TERMS,
    a_caller,
    a_grant,
    a_stage,
    a_strategy,
    an_acceptance,
    an_assertion,
    holdings,
    in_force,
)

OPENS: Instant = 1_800_000_000 * SECOND
TESTERS = Audience(
    tests=(
        audiences.Test(attribute="grant", op="=", value="required"),
        audiences.Test(attribute="kyc", op=">=", value="K3"),
    )
)


def a_use(caller: Caller | None = None, **differences: object) -> Use:
    stages = (
        a_stage(name="internal", access=AccessLevel.CLOSED, to=("staff",)),
        a_stage(name="preview", opens=OPENS, access=AccessLevel.LIMITED, to=("testers",)),
    )
    strategy = a_strategy(
        *stages,
        audiences={
            "staff": Audience(tests=(audiences.Test(attribute="role", op="=", value="staff"),)),
            "testers": TESTERS,
        },
    )
    facts: dict[str, object] = {"component": Component.TEXT, "in_force": in_force(strategy), "holdings": holdings()}
    return Use(caller=caller or a_caller(), **facts | differences)  # type: ignore[arg-type]


def test_a_stage_stands_from_its_instant_and_not_a_microsecond_before() -> None:
    before, on_time = gather(a_use(), at(OPENS - 1)), gather(a_use(), at(OPENS))

    assert before.stage is not None and before.stage.name == "internal"
    assert on_time.stage is not None and on_time.stage.name == "preview"


def test_while_the_time_is_uncertain_across_an_opening_the_stage_has_not_opened() -> None:
    gathered = gather(a_use(), Moment(OPENS - 1, OPENS + 5))

    assert gathered.stage is not None and gathered.stage.name == "internal"
    assert gathered.holds_until == OPENS


def test_a_stage_that_may_have_closed_has_closed() -> None:
    closing = in_force(a_strategy(a_stage(closes=OPENS)))

    assert gather(a_use(in_force=closing), at(OPENS - 1)).stage is not None
    assert gather(a_use(in_force=closing), Moment(OPENS - 5, OPENS)).stage is None


def test_a_role_is_a_fact_of_the_key() -> None:
    asked = gather(a_use(a_caller(roles=(Role.STAFF,))), at(OPENS - 1)).question

    assert [(fact.name, fact.truth) for fact in asked.audiences] == [("staff", "yes")]


def test_an_attribute_that_nobody_asserted_is_unknown_and_not_no() -> None:
    asked = gather(a_use(holdings=holdings(a_grant())), at(OPENS)).question

    assert [(fact.truth, fact.wants_grant) for fact in asked.audiences] == [("unknown", True)]


def test_an_attribute_that_has_run_out_is_unknown_again() -> None:
    caller = a_caller(attributes=(an_assertion("kyc", "K4", expires_at=OPENS + 10),))
    use = a_use(caller, holdings=holdings(a_grant()))

    assert gather(use, at(OPENS + 9)).question.audiences[0].truth == "yes"
    assert gather(use, at(OPENS + 10)).question.audiences[0].truth == "unknown"
    assert gather(use, at(OPENS + 9)).holds_until == OPENS + 10


def test_a_grant_begins_and_ends_on_its_instants() -> None:
    use = a_use(holdings=holdings(a_grant(starts_at=OPENS, ends_at=OPENS + 20)))

    answers = [gather(use, at(OPENS + shift)).question.grant for shift in (-1, 0, 19, 20)]

    assert answers == ["none", "active", "active", "ended"]


def test_a_grant_that_nobody_looked_at_again_ends_what_was_judged_on_it_at_that_very_instant() -> None:
    use = a_use(holdings=holdings(a_grant(starts_at=OPENS, recertify_by=OPENS + 20)))

    answers = [gather(use, at(OPENS + shift)).question.grant for shift in (0, 19, 20)]

    assert answers == ["active", "active", "recertification_due"]
    assert gather(use, at(OPENS + 1)).holds_until == OPENS + 20
    assert gather(use, Moment(OPENS + 19, OPENS + 20)).grant is None, "it may have come: nobody is admitted on a guess"


def test_terms_count_as_accepted_only_as_they_stand() -> None:
    strategy = a_strategy(a_stage(conditions=Conditions(terms=("aup",))), terms={"aup": TERMS})
    accepted = holdings(accepted=(an_acceptance(),))
    older = holdings(accepted=(an_acceptance(digest="sha256:" + "8" * 64),))

    assert gather(a_use(in_force=in_force(strategy), holdings=accepted), at(OPENS)).question.terms_missing == ()
    assert gather(a_use(in_force=in_force(strategy), holdings=older), at(OPENS)).question.terms_missing == ("aup",)


def test_the_question_of_two_calls_alike_is_the_same_question() -> None:
    one = gather(a_use(a_caller(key="Dev000000001", organisation="globex")), at(OPENS))
    other = gather(a_use(a_caller(key="Dev000000002", organisation="acme")), at(OPENS + 60 * SECOND))

    assert one.question.hash() == other.question.hash()


def test_nothing_in_a_question_is_an_instant() -> None:
    canonical = gather(a_use(), at(PAST)).question.canonical().decode()

    assert str(OPENS) not in canonical and str(PAST) not in canonical
