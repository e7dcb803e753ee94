"""What a refused caller is told: why, what to do, and from when, if it may know."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from gateway.access.calls import Call, Terms, bind
from gateway.access.decisions import Decision, Obligations
from gateway.access.grants import Grant
from gateway.access.passages import Standing
from gateway.access.quotas import Exceeded, Meter, Take
from gateway.access.reasons import MEANINGS, Reason
from gateway.access.refusals import Refusals, Refused
from gateway.access.standing import Use, gather
from gateway.clock import DAY, NEVER, SECOND, at, text_from
from gateway.releases import audiences
from gateway.releases.audiences import Audience
from gateway.releases.components import Component
from gateway.releases.narrowings import Narrowing, Verb, in_effect
from gateway.releases.requirements import Approvals
from gateway.releases.strategies import AccessLevel, Conditions, Stage
from tests.builders import PAST, TERMS, a_call, a_caller, a_grant, a_stage, a_strategy, holdings, in_force

OPENS = 1_800_000_000 * SECOND
A_STAFF_ROLE = Audience(tests=(audiences.Test(attribute="role", op="=", value="staff"),))


def refused_for(
    reason: Reason, *, visible: bool = True, coming_to: str = "public", grants: Sequence[Grant] = ()
) -> Standing:
    strategy = a_strategy(
        a_stage(name="preview", access=AccessLevel.LIMITED, to=("testers",)),
        a_stage(name="general", opens=OPENS, to=(coming_to,)),
        audiences={"testers": A_STAFF_ROLE, "staff": A_STAFF_ROLE},
    )
    use = Use(a_caller(), Component.TEXT, in_force(strategy), holdings(*grants))
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


def asked(*stages: Stage, reasons: tuple[Reason, ...], **held: Any) -> Refused:
    """The refusal for these reasons in the first of these stages, which ask for terms or a grant."""
    testers = Audience(tests=(audiences.Test(attribute="grant", op="=", value="required"),))
    strategy = a_strategy(*stages, audiences={"testers": testers, "staff": A_STAFF_ROLE}, terms={"aup": TERMS})
    use = Use(a_caller(), Component.TEXT, in_force(strategy), holdings(*held.pop("grants", ()), **held))
    decision = Decision(allow=False, visible=True, reasons=reasons, obligations=None)
    standing = Standing(use.caller, use.in_force, use.holdings, gather(use, at(PAST + 1)), "", decision, "", 1)
    return Refusals().judged(a_call(), standing)


BOUND = Conditions(terms=("aup",))


def test_whoever_lacks_nothing_but_terms_is_told_to_accept_them_and_of_no_later_stage() -> None:
    now, later = a_stage(name="preview", conditions=BOUND), a_stage(name="general", opens=OPENS, conditions=BOUND)
    free = a_stage(name="free", opens=OPENS)

    for coming in (later, free):
        refused = asked(now, coming, reasons=(Reason.TERMS_NOT_ACCEPTED,))

        assert refused.opens_at is None
        assert text_from(OPENS) not in refused.sentence() and "gateway terms accept" in refused.next_step


def test_a_later_stage_that_asks_for_terms_admits_if_they_are_accepted() -> None:
    now, later = a_stage(name="preview", to=("staff",)), a_stage(name="general", opens=OPENS, conditions=BOUND)
    reasons = (Reason.AUDIENCE_NOT_ADMITTED,)

    missing = asked(now, later, reasons=reasons)
    waiting = asked(
        now, a_stage(name="general", opens=PAST, opens_when=(Approvals(people=1),), conditions=BOUND), reasons=reasons
    )

    assert f"admits you from {text_from(OPENS)}, if the terms `aup` are accepted by then." in missing.message
    assert "waits for its requirements, if the terms `aup` are accepted by then." in waiting.message


def test_no_date_is_promised_at_which_the_grant_that_admits_has_ended() -> None:
    now, later = a_stage(name="preview", to=("staff",)), a_stage(name="general", opens=OPENS, to=("testers",))
    reasons = (Reason.AUDIENCE_NOT_ADMITTED,)

    lasting = asked(now, later, reasons=reasons, grants=[a_grant(ends_at=OPENS + 1)])
    ended = asked(now, later, reasons=reasons, grants=[a_grant(ends_at=OPENS)])

    assert (lasting.opens_at, ended.opens_at) == (OPENS, None)
    assert "general" not in ended.sentence()


def test_no_date_is_promised_by_a_stage_that_does_not_offer_what_is_asked() -> None:
    later = a_stage(name="weights", opens=OPENS, offers=(Component.WEIGHTS,))

    refused = asked(a_stage(name="preview", to=("staff",)), later, reasons=(Reason.AUDIENCE_NOT_ADMITTED,))

    assert refused.opens_at is None and "weights" not in refused.sentence()


@pytest.mark.parametrize(
    ("ends", "scopes", "told"),
    [
        ((OPENS,), ("",), OPENS),
        ((OPENS, OPENS + 1), ("", ""), OPENS + 1),
        ((OPENS, NEVER), ("", ""), None),
        ((OPENS, NEVER), ("", "organisation = bolt"), OPENS),
    ],
)
def test_where_all_that_suspends_ends_by_itself_it_is_told_when(
    ends: tuple[int, ...], scopes: tuple[str, ...], told: int | None
) -> None:
    rows = [
        Narrowing(id=f"narrowing_{number}", number=number, release="acme/atlas-1", verb=Verb.SUSPEND, scope=scope,
                  cause="an order", taken_at=PAST, taken_by="Pro000000000", until=until)
        for number, (until, scope) in enumerate(zip(ends, scopes, strict=True), 1)
    ]  # fmt: skip
    narrowings = in_effect(rows)
    use = Use(a_caller(), Component.TEXT, msgspec.structs.replace(in_force(), narrowings=narrowings), holdings())
    decision = Decision(allow=False, visible=True, reasons=(Reason.SUSPENDED,), obligations=None)
    standing = Standing(use.caller, use.in_force, use.holdings, gather(use, at(PAST + 1)), "", decision, "", 1)

    refused = Refusals().judged(a_call(), standing)

    if told is None:
        assert refused.next_step == MEANINGS[Reason.SUSPENDED].next_step
    else:
        assert f"this ends at {text_from(told)}" in refused.next_step


def test_what_is_not_offered_is_named_with_the_access_level_of_the_stage() -> None:
    refused = asked(a_stage(name="preview", offers=(Component.WEIGHTS,)), reasons=(Reason.COMPONENT_NOT_OFFERED,))

    assert refused.message == "Stage `preview`, now open with access `api`, does not offer `inference.text`."


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


def test_whose_grant_begins_later_is_told_from_when_instead_of_to_ask_for_one() -> None:
    begins = PAST + 1000 * SECOND
    for reason, grants in (
        (Reason.GRANT_REQUIRED, [a_grant(starts_at=begins)]),
        (Reason.GRANT_ENDED, [a_grant(ends_at=PAST), a_grant(id="grant_2", starts_at=begins)]),
    ):
        refused = Refusals("https://example.com/ask").judged(a_call(), refused_for(reason, grants=grants))

        assert f"begins at {text_from(begins)}" in refused.message
        assert refused.opens_at == begins
        assert "example.com" not in refused.next_step


def test_a_revoked_grant_to_come_is_told_to_nobody() -> None:
    revoked = a_grant(starts_at=PAST + 1000 * SECOND, revoked_at=PAST)

    refused = Refusals().judged(a_call(), refused_for(Reason.GRANT_ENDED, grants=[revoked]))

    assert "begins at" not in refused.message


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


def test_nobody_is_told_to_wait_for_a_stage_that_missed_its_end() -> None:
    gated = a_stage(name="general", opens=PAST + 5, closes=PAST + 8, opens_when=(Approvals(people=2),))
    use = Use(
        a_caller(), Component.TEXT, in_force(a_strategy(gated, a_stage(name="later", opens=PAST + 9))), holdings()
    )
    decision = Decision(allow=False, visible=True, reasons=(Reason.STAGE_NOT_OPEN,), obligations=None)
    standing = Standing(use.caller, use.in_force, use.holdings, gather(use, at(PAST + 9)), "", decision, "", 1)

    refused = Refusals().judged(a_call(), standing)

    assert refused.opens_at is None
    assert "opens" not in refused.message and "waits" not in refused.message


def too_much(call: Call, a_day: int, *, used: int = 0) -> Refused:
    """The refusal of a call that leaves its output open or not, where so many tokens a day are given."""
    limits = Obligations(("inference.text",), None, a_day, None, "metadata", None)
    terms = bind(call, limits)
    assert isinstance(terms, Terms)
    meter = Meter()
    meter.take(Take("o:r", tokens=used, tokens_per_day=a_day), DAY // 2)
    exceeded = meter.take(Take("o:r", tokens=terms.tokens_reserved, tokens_per_day=a_day), DAY // 2)
    assert isinstance(exceeded, Exceeded)
    return Refusals().exceeded(call, terms, exceeded)


def test_a_quota_that_does_not_cover_a_call_says_what_it_may_come_to_and_what_would_fit() -> None:
    refused = too_much(a_call(bytes_in=100, tokens_in_max=356), 20_000, used=17_000)

    assert (
        "may come to 4452 tokens: 356 of input, one for each byte of the request and 256 for the chat's template,"
        in (refused.message)
    )
    assert "and 4096 of output. Your organisation's limit for this model is 20000 tokens a day; 3000 are left." in (
        refused.message
    )
    assert refused.next_step == "Set `max_tokens` to at most 2644, or wait until the quota resets at midnight UTC."
    assert refused.retry_after_s == 12 * 3600


def test_what_fits_is_admitted_and_one_more_is_not() -> None:
    call = a_call(bytes_in=100, tokens_in_max=356, answers=3)
    most = int(too_much(call, 20_000, used=17_000).next_step.split("at most ")[1].split(",")[0])

    again = too_much(msgspec.structs.replace(call, output_tokens=most + 1), 20_000, used=17_000)
    fits = bind(
        msgspec.structs.replace(call, output_tokens=most),
        Obligations(("inference.text",), None, 20_000, None, "metadata", None),
    )

    assert f"at most {most}," in again.next_step
    assert isinstance(fits, Terms) and fits.tokens_reserved <= 3_000


def test_nobody_is_told_to_wait_for_what_no_day_covers() -> None:
    refused = too_much(a_call(bytes_in=100, tokens_in_max=356, output_tokens=4096), 1_000)
    input_alone = too_much(a_call(bytes_in=1_000, tokens_in_max=1_256), 1_000)

    assert refused.next_step == "Set `max_tokens` to at most 644."
    assert input_alone.next_step == "Send less at a time."
    assert (refused.retry_after_s, input_alone.retry_after_s) == (None, None)


def test_a_call_that_generates_nothing_is_told_of_no_output() -> None:
    refused = too_much(a_call(bytes_in=1_200, tokens_in_max=1_200, generates=False), 1_000)

    assert "output" not in refused.message and refused.next_step == "Send less at a time."
