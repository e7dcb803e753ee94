"""What a refused caller is told: why, what to do, and from when, if it may know."""

from gateway.access.decisions import Decision
from gateway.access.passages import Standing
from gateway.access.reasons import MEANINGS, Reason
from gateway.access.refusals import Refusals
from gateway.access.standing import Use, gather
from gateway.clock import SECOND, at, text_from
from gateway.releases import audiences
from gateway.releases.audiences import Audience
from gateway.releases.components import Component
from gateway.releases.requirements import Approvals
from gateway.releases.strategies import AccessLevel
from tests.builders import PAST, a_call, a_caller, a_stage, a_strategy, holdings, in_force

OPENS = 1_800_000_000 * SECOND
A_STAFF_ROLE = Audience(tests=(audiences.Test(attribute="role", op="=", value="staff"),))


def refused_for(reason: Reason, *, visible: bool = True, coming_to: str = "public") -> Standing:
    strategy = a_strategy(
        a_stage(name="preview", access=AccessLevel.LIMITED, to=("testers",)),
        a_stage(name="general", opens=OPENS, to=(coming_to,)),
        audiences={"testers": A_STAFF_ROLE, "staff": A_STAFF_ROLE},
    )
    use = Use(a_caller(), Component.TEXT, in_force(strategy), holdings())
    gathered = gather(use, at(PAST + 1))
    decision = Decision(allow=False, visible=visible, reasons=(reason,), obligations=None)
    return Standing(use.caller, use.in_force, use.holdings, gathered, "", decision, "", 1)


def test_whom_the_next_stage_admits_is_told_from_when() -> None:
    refused = Refusals().judged(a_call(), refused_for(Reason.AUDIENCE_NOT_ADMITTED))

    assert refused.opens_at == OPENS
    assert text_from(OPENS) in refused.message


def test_whom_the_next_stage_does_not_admit_is_told_no_date() -> None:
    refused = Refusals().judged(a_call(), refused_for(Reason.AUDIENCE_NOT_ADMITTED, coming_to="staff"))

    assert refused.opens_at is None
    assert text_from(OPENS) not in refused.sentence()


def test_what_is_hidden_is_told_like_what_does_not_exist() -> None:
    refusals, call = Refusals("https://example.com/ask"), a_call()

    hidden = refusals.judged(call, refused_for(Reason.MODEL_NOT_FOUND, visible=False))
    absent = refusals.unknown(call)

    assert (hidden.status, hidden.code, hidden.sentence()) == (absent.status, absent.code, absent.sentence())
    assert hidden.opens_at is None


def test_whoever_lacks_a_grant_is_told_where_to_ask() -> None:
    refused = Refusals("https://example.com/ask").judged(a_call(), refused_for(Reason.GRANT_REQUIRED))

    assert refused.status == 403
    assert "https://example.com/ask" in refused.next_step


def test_every_reason_has_a_meaning_a_status_and_a_next_step() -> None:
    assert set(MEANINGS) == set(Reason)
    assert all(400 <= meaning.status < 500 and meaning.message and meaning.next_step for meaning in MEANINGS.values())


def test_who_lost_access_is_told_so_and_whom_the_gateway_failed_is_not() -> None:
    refusals = Refusals()

    lost, failed = refusals.ended("req_1", "key_revoked"), refusals.ended("req_1", "ledger_unavailable")

    assert (lost.status, lost.code) == (401, "key_revoked")
    assert (failed.status, failed.code) == (503, "ledger_unavailable")
    assert "Your access stands" in failed.sentence()


def test_whom_a_waiting_stage_will_admit_is_told_that_it_waits_and_no_date_to_rely_on() -> None:
    stage = a_stage(name="general", opens=PAST + 5, opens_when=(Approvals(people=2),))
    use = Use(a_caller(), Component.TEXT, in_force(a_strategy(stage)), holdings())
    decision = Decision(allow=False, visible=True, reasons=(Reason.STAGE_NOT_OPEN,), obligations=None)
    standing = Standing(use.caller, use.in_force, use.holdings, gather(use, at(PAST + 9)), "", decision, "", 1)

    refused = Refusals().judged(a_call(), standing)

    assert refused.opens_at is None
    assert f"opens not before {text_from(PAST + 5)} and waits for its requirements" in refused.message
