"""A refusal, from reasons to one error that every door can tell in its own shape."""

from gateway.access.calls import Breach, Call
from gateway.access.passages import Standing
from gateway.access.quotas import Exceeded
from gateway.access.reasons import MEANINGS, Reason
from gateway.clock import NEVER, Instant, text_from
from gateway.errors import CutShort, GatewayError


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
        retry_after_s: int | None = None,
        opens_at: Instant | None = None,
    ) -> None:
        meaning = MEANINGS[reasons[0]]
        super().__init__(message or meaning.message, code=reasons[0].value, next_step=next_step or meaning.next_step)
        self.status = meaning.status
        self.reasons = reasons
        self.request_id = request_id
        """Id of the ledger's entry."""
        self.param = param
        self.retry_after_s = retry_after_s
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
        if refused.reasons[0] is Reason.GRANT_REQUIRED and self._access_request_url:
            refused.next_step = f"Ask for access at {self._access_request_url}, naming your organisation and the model."
        coming = standing.gathered.coming
        if coming is None or not will_admit(standing):
            return refused
        if standing.gathered.opens_at == NEVER:
            refused.message += (
                f" Stage `{coming.name}`, which will admit you, opens not before {text_from(coming.opens)}"
                " and waits for its requirements."
            )
            return refused
        refused.opens_at = standing.gathered.opens_at
        refused.message += f" Stage `{coming.name}` admits you from {text_from(refused.opens_at)}."
        return refused

    def breach(self, call: Call, breach: Breach) -> Refused:
        """A particular of the call is outside the obligations."""
        return Refused((breach.reason,), request_id=call.request_id, message=breach.message, param=breach.param)

    def exceeded(self, call: Call, exceeded: Exceeded) -> Refused:
        """A limit did not fit."""
        unit = "requests a minute" if exceeded.reason is Reason.RATE_LIMIT_EXCEEDED else "tokens a day"
        message = f"Your organisation's limit for this model is {exceeded.limit} {unit}; {exceeded.remaining} are left."
        return Refused(
            (exceeded.reason,), request_id=call.request_id, message=message, retry_after_s=exceeded.retry_after_s
        )

    def no_model(self, request_id: str) -> Refused:
        """Asked about a model that the caller cannot use."""
        return Refused((Reason.MODEL_NOT_FOUND,), request_id=request_id)

    def ended(self, request_id: str, cut_reason: str) -> GatewayError:
        """What admitted the call ended while it was under way, or the gateway could not go on with it."""
        if cut_reason in set(Reason):
            return Refused((Reason(cut_reason),), request_id=request_id)
        return CutShort(code=cut_reason)


def will_admit(standing: Standing) -> bool:
    """Whether the stage to open next is for this caller."""
    return any(audience.truth == "yes" for audience in standing.gathered.question.future_audiences)
