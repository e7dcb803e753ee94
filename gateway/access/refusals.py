"""A refusal, from reasons to one error that every door can tell in its own shape."""

from gateway.access.calls import Breach, Call, Terms
from gateway.access.passages import Standing
from gateway.access.places.records import Turn
from gateway.access.promises import Promise, promise_of
from gateway.access.quotas import Exceeded, Left
from gateway.access.reasons import MEANINGS, Reason
from gateway.clock import NEVER, Instant, text_from
from gateway.errors import CutShort, GatewayError
from gateway.releases.narrowings import Verb
from gateway.spelling import counted


class Refused(GatewayError):
    """The gate said no. `reasons` are all of them; status, code and text are the first one's."""

    def __init__(
        self,
        reasons: tuple[Reason, ...],
        *,
        request_id: str = "",
        message: str | None = None,
        next_step: str | None = None,
        param: str | None = None,
        exceeded: Exceeded | None = None,
        opens_at: Instant | None = None,
    ) -> None:
        meaning = MEANINGS[reasons[0]]
        super().__init__(message or meaning.message, code=reasons[0].value, next_step=next_step or meaning.next_step)
        self.status = meaning.status
        self.reasons = reasons
        self.request_id = request_id
        """Id of the ledger's entry."""
        self.param = param
        self.exceeded = exceeded
        """The limits, where one of them did not fit."""
        self.retry_after_s = exceeded.retry_after_s if exceeded is not None else None
        self.opens_at = opens_at


class Refusals:
    """Makes each refusal's text: what the caller may know of, and where to go next."""

    def __init__(self, access_request_url: str = "") -> None:
        self._access_request_url = access_request_url

    def unknown(self, call: Call) -> Refused:
        """No such release, or none that this caller may know of: the two look alike."""
        return self.no_model(call.request_id)

    def judged(self, call: Call, standing: Standing) -> Refused:
        """The judge said no."""
        decision = standing.decision
        if not decision.visible:
            return self.unknown(call)
        refused = Refused(decision.reasons, request_id=call.request_id)
        release = standing.in_force.strategy.release
        if refused.reasons[0] in _WANTS_GRANT and standing.in_force.strategy.requests is not None:
            refused.next_step = f"Ask for access: `gateway request ask {release}`, or POST /control/requests."
        elif refused.reasons[0] is Reason.GRANT_REQUIRED and self._access_request_url:
            refused.next_step = f"Ask for access at {self._access_request_url}, naming your organisation and the model."
        if refused.reasons[0] in _WANTS_GRANT:
            _tell_start(refused, standing)
        if refused.reasons[0] is Reason.COMPONENT_NOT_OFFERED:
            refused.message = _not_offered(standing)
        _tell_end(refused, standing)
        _tell_next_stage(refused, standing)
        return refused

    def breach(self, call: Call, breach: Breach) -> Refused:
        """A particular of the call is outside the obligations."""
        return Refused(
            (breach.reason,),
            request_id=call.request_id,
            message=breach.message,
            next_step=breach.next_step,
            param=breach.param,
        )

    def waiting(self, call: Call, turn: Turn) -> Refused:
        """Everybody whom the stage admits stands before this organisation in line."""
        refused = Refused((Reason.STAGE_FULL,), request_id=call.request_id)
        if turn.waiting:
            refused.message = (
                f"The stage now open admits {counted(turn.cap, 'organisation')}, and every place is taken."
                f" Your organisation is number {turn.waiting} of those who wait."
            )
            refused.next_step = "You are let in as places come free; GET /control/me says where you stand."
        else:
            refused.message = "Your organisation has just been given a place in the stage now open."
            refused.next_step = "Call again in a second."
        return refused

    def exceeded(self, call: Call, terms: Terms, exceeded: Exceeded) -> Refused:
        """A limit did not fit."""
        short, unit = exceeded.requests, "requests a minute"
        message = next_step = ""
        if exceeded.reason is Reason.INSUFFICIENT_QUOTA:
            short, unit = exceeded.tokens, "tokens a day"
            message = f"This call may come to {terms.tokens_reserved} tokens: {_reckoning(call, terms)}. "
        if short is not None:
            message += f"Your organisation's limit for this model is {short.limit} {unit}; {short.remaining} are left."
            if exceeded.reason is Reason.INSUFFICIENT_QUOTA:
                next_step = _how_it_fits(call, short, may_wait=exceeded.retry_after_s is not None)
        return Refused(
            (exceeded.reason,), request_id=call.request_id, message=message, next_step=next_step, exceeded=exceeded
        )

    def no_model(self, request_id: str) -> Refused:
        """Asked about a model that the caller cannot use."""
        return Refused((Reason.MODEL_NOT_FOUND,), request_id=request_id)

    def ended(self, request_id: str, cut_reason: str) -> GatewayError:
        """What admitted the call ended while it was under way, or the gateway could not go on with it."""
        if cut_reason in set(Reason):
            return Refused((Reason(cut_reason),), request_id=request_id)
        return CutShort(code=cut_reason)


_WANTS_GRANT = (Reason.GRANT_REQUIRED, Reason.GRANT_ENDED)


def _tell_start(refused: Refused, standing: Standing) -> None:
    """Where a grant begins later, when: asking the provider for one would be no use."""
    grant, stage = standing.gathered.grant_to_come, standing.gathered.stage
    if grant is None:
        return
    begins = text_from(grant.starts_at)
    refused.message = f"This model is in limited access and your organisation's grant for it begins at {begins}."
    refused.next_step = "Call again once it has begun; to use the model before, ask its provider for another grant."
    if stage is not None and grant.starts_at < stage.closes:
        refused.opens_at = grant.starts_at


_BY_VERB = {
    Verb.HOLD: Reason.HELD,
    Verb.ROLL_BACK: Reason.HELD,
    Verb.SUSPEND: Reason.SUSPENDED,
    Verb.WITHDRAW: Reason.WITHDRAWN,
    Verb.RECALL: Reason.RECALLED,
}


def _tell_end(refused: Refused, standing: Standing) -> None:
    """Where all that takes this away ends by itself, when the last of it does: nobody need restore it."""
    if refused.reasons[0] not in (Reason.SUSPENDED, Reason.HELD):
        return
    taking = [each.source.narrowing for each in standing.gathered.narrowed if not each.lets_pass]
    ends = max((each.until for each in taking if _BY_VERB.get(each.verb) in refused.reasons), default=NEVER)
    if ends < NEVER:
        refused.next_step = (
            f"See GET /control/me for what you may use; this ends at {text_from(ends)},"
            " or before if the provider restores it."
        )


def _tell_next_stage(refused: Refused, standing: Standing) -> None:
    """Where the next stage admits this use, from when, and which terms that takes."""
    promise = promise_of(standing)
    if promise is None:
        return
    if promise.waits:
        refused.message += (
            f" Stage `{promise.stage}`, which will admit you, opens not before {text_from(promise.not_before)}"
            f" and waits for its requirements{_once_accepted(promise)}."
        )
        return
    refused.opens_at = promise.opens_at if refused.opens_at is None else min(refused.opens_at, promise.opens_at)
    refused.message += (
        f" Stage `{promise.stage}` admits you from {text_from(promise.opens_at)}{_once_accepted(promise)}."
    )


def _once_accepted(promise: Promise) -> str:
    names = ", ".join(f"`{name}`" for name in promise.terms)
    return f", if the terms {names} are accepted by then" if names else ""


def _not_offered(standing: Standing) -> str:
    """Which component is not offered, and by what: stages of several components differ in little else."""
    stage, component = standing.gathered.stage, standing.gathered.question.component
    opened = "The stage now open" if stage is None else f"Stage `{stage.name}`, now open with access `{stage.access}`,"
    return f"{opened} does not offer `{component}`."


def _reckoning(call: Call, terms: Terms) -> str:
    """How the worst that a call may come to is reckoned."""
    input_most, own = call.tokens_in_max or 0, (call.tokens_in_max or 0) - call.bytes_in
    told = f"{input_most} of input, one for each byte of the request"
    told += f" and {own} for the chat's template" if own > 0 else ""
    output = call.output_tokens if call.output_tokens is not None else terms.output_tokens_imposed or 0
    if output:
        told += f", and {output} of output" + (f" for each of {call.answers} answers" if call.answers > 1 else "")
    return told


def _how_it_fits(call: Call, left: Left, *, may_wait: bool) -> str:
    """What to ask for instead, and whether waiting helps."""
    fits = [_output_within(call, tokens) for tokens in (left.remaining, left.limit)]
    most = fits[0] if fits[0] > 0 or may_wait else fits[1]
    bounded = f"Set `{call.output_field}` to at most {most}"
    step = bounded if call.generates and most > 0 else "Send less at a time"
    return f"{step}, or wait until the quota resets at midnight UTC." if may_wait else f"{step}."


def _output_within(call: Call, tokens: int) -> int:
    """The most output for each answer that fits into so many tokens."""
    return (tokens - (call.tokens_in_max or 0)) // call.answers
