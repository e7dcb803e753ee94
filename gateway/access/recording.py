"""What the gate writes down: drafts of entries from judged uses and finished passages."""

from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.access.calls import Call
from gateway.access.passages import Passage, Standing
from gateway.access.quotas import Settle, Take, scope_of
from gateway.clock import DAY, elapsed_us
from gateway.identity.callers import Caller
from gateway.ledger.commitments import commit
from gateway.ledger.entries import AccessBody, Draft, Entry, FinishedBody
from gateway.ledger.events import Event
from gateway.ledger.forms import Filled, Form, Values
from gateway.ledger.intents import Intent

COSTING = "inference."
"""How the components begin whose calls cost tokens."""


def admitted(call: Call, component: str, passage: Passage, claim: Take) -> Intent:
    """The intent, written before anything passes."""
    filled = None if passage.commits or call.end_user else _admitted_like_others(call, component, passage, claim.tokens)
    if filled is not None:
        return Intent(filled, claim)
    salt = None
    body = _body(call, component, passage.standing, (), claim.tokens)
    if passage.commits:
        commitment = commit(call.content)
        salt = commitment.salt
        body = msgspec.structs.replace(body, commitment=commitment.digest)
    return Intent(Draft(call.request_id, Event.ACCESS_ADMITTED, body), claim, salt)


def refused(call: Call, component: str, standing: Standing, reasons: tuple[str, ...]) -> Draft:
    """A refusal of a release that is in force, told to the caller or hidden from it."""
    return Draft(call.request_id, Event.ACCESS_REFUSED, _body(call, component, standing, reasons, 0))


def refused_unknown(call: Call, component: str, caller: Caller, reason: str) -> Draft:
    """A refusal of a name that is no release; the name itself is the caller's text and is not kept."""
    body = AccessBody(
        organisation=caller.organisation,
        key=caller.key,
        **_token(caller),
        component=component,
        draws_on=list(call.draws_on),
        endpoint=call.endpoint,
        end_user=call.end_user,
        reasons=[reason],
        bytes_in=call.bytes_in,
    )
    return Draft(call.request_id, Event.ACCESS_REFUSED, body)


def finished(passage: Passage) -> Intent:
    """How a passage ended, with what it gives back."""
    assert passage.taken is not None, "only what was admitted can finish"
    reserved = passage.terms.tokens_reserved
    if passage.usage_reported:
        used, basis = passage.tokens_in + passage.tokens_out, "reported"
    elif passage.sent:
        used, basis = reserved, _unreported(reserved)
    else:
        used, basis = 0, "none"
    caller, release = passage.standing.caller, passage.standing.in_force.strategy.release
    claim = Settle(scope_of(caller.organisation, release), passage.taken.day, reserved, used)
    duration_us = elapsed_us() - passage.started_us
    is_plain = not (passage.cut_reason or passage.failure or passage.file or passage.commitment)
    filled = _finished_like_others(passage, used, basis, duration_us) if is_plain else None
    if filled is not None:
        return Intent(filled, claim)
    body = _finished_body(passage, used, basis, duration_us)
    salt = passage.commitment.salt if passage.commitment is not None else None
    draft = Draft(f"{passage.request_id}.end", Event.ACCESS_FINISHED, body)
    return Intent(draft, claim, salt)


def finished_in_short(passage: Passage) -> Intent:
    """The end of a passage whose own end cannot be written: counted at what it had reserved, never under."""
    assert passage.taken is not None, "only what was admitted can finish"
    caller, release = passage.standing.caller, passage.standing.in_force.strategy.release
    reserved = passage.terms.tokens_reserved
    ended = FinishedBody(
        organisation=caller.organisation,
        key=caller.key,
        release=release,
        admitted=passage.request_id,
        outcome="unrecordable",
        tokens_settled=reserved,
        usage_basis=_unreported(reserved) if passage.sent else "none",
    )
    claim = Settle(scope_of(caller.organisation, release), passage.taken.day, reserved, reserved)
    return Intent(Draft(f"{passage.request_id}.end", Event.ACCESS_FINISHED, ended), claim)


def closed_after_crash(entry: Entry) -> Intent:
    """The end of an admitted call whose process died: counted at what it had reserved, never under."""
    body = entry.body
    organisation, release = body.get("organisation", ""), body.get("release", "")
    reserved = body.get("tokens_reserved", 0)
    ended = FinishedBody(
        organisation=organisation,
        key=body.get("key", ""),
        token=body.get("token", ""),
        issuer=body.get("issuer", ""),
        client=body.get("client", ""),
        person=body.get("person", ""),
        session=body.get("session", ""),
        release=release,
        admitted=entry.id,
        outcome="unknown_after_crash",
        tokens_settled=reserved,
        usage_basis=_unreported(reserved) if body.get("component", "").startswith(COSTING) else "none",
    )
    claim = Settle(scope_of(organisation, release), entry.at // DAY, reserved, reserved)
    return Intent(Draft(f"{entry.id}.end", Event.ACCESS_FINISHED, ended), claim)


def _finished_body(passage: Passage, used: int, basis: str, duration_us: int) -> FinishedBody:
    caller, release = passage.standing.caller, passage.standing.in_force.strategy.release
    return FinishedBody(
        organisation=caller.organisation,
        key=caller.key,
        **_token(caller),
        release=release,
        admitted=passage.request_id,
        outcome="cut" if passage.cut_reason else passage.outcome,
        status=passage.status,
        reasons=[reason] if (reason := passage.cut_reason or passage.failure) else [],
        tokens_in=passage.tokens_in,
        tokens_out=passage.tokens_out,
        tokens_settled=used,
        usage_basis=basis,
        bytes_out=passage.bytes_out,
        duration_us=duration_us,
        commitment=passage.commitment.digest if passage.commitment is not None else "",
        upstream_request=passage.upstream_request,
        file=passage.file,
        file_sha256=passage.file_sha256,
        range=passage.range,
    )


def _admitted_like_others(call: Call, component: str, passage: Passage, tokens: int) -> Filled | None:
    """The draft of an admission that differs in its sizes alone from others of the same use."""
    forms = passage.standing.forms
    kind = (call.endpoint, call.draws_on, call.stream, tokens > 0)
    form = forms.get(kind)
    if form is None:
        open_fields = ("bytes_in", "tokens_reserved") if tokens else ("bytes_in",)
        body = _body(call, component, passage.standing, (), tokens)
        form = forms[kind] = Form(Event.ACCESS_ADMITTED, body, open_fields)
    return form.filled(call.request_id, (call.bytes_in, tokens) if tokens else (call.bytes_in,))


def _finished_like_others(passage: Passage, used: int, basis: str, duration_us: int) -> Filled | None:
    """The same of an end to which nothing happened but what it came to."""
    forms = passage.standing.forms
    values: Values = (
        passage.request_id,
        passage.bytes_out,
        duration_us,
        passage.status,
        passage.tokens_in,
        passage.tokens_out,
        used,
    )
    if passage.upstream_request:
        values += (passage.upstream_request,)
    kind = (passage.outcome, basis, len(values) == len(_ENDS))
    form = forms.get(kind)
    if form is None:
        body = _finished_body(passage, used, basis, duration_us)
        form = forms[kind] = Form(Event.ACCESS_FINISHED, body, _ENDS[: len(values)])
    return form.filled(f"{passage.request_id}.end", values)


_ENDS = (
    "admitted",
    "bytes_out",
    "duration_us",
    "status",
    "tokens_in",
    "tokens_out",
    "tokens_settled",
    "upstream_request",
)


def _token(caller: Caller) -> Mapping[str, Any]:
    """The token that it presented in a key's place, where it did, and who it is, where that is known."""
    token = caller.token
    if token is None:
        return {"person": caller.person} if caller.person else _NO_TOKEN
    told = {"token": token.id, "issuer": token.issuer, "client": token.client}
    return {**told, "person": caller.person, "session": caller.session} if caller.person else told


_NO_TOKEN: Mapping[str, Any] = {}


def _unreported(reserved: int) -> str:
    """What is known of the cost of a call that reached an upstream, where nobody reported it."""
    return "reserved" if reserved else "unknown"


def _body(call: Call, component: str, standing: Standing, reasons: tuple[str, ...], tokens_reserved: int) -> AccessBody:
    strategy, gathered, obligations = standing.in_force.strategy, standing.gathered, standing.decision.obligations
    stage = gathered.stage
    return AccessBody(
        organisation=standing.caller.organisation,
        key=standing.caller.key,
        **_token(standing.caller),
        release=strategy.release,
        component=component,
        draws_on=list(call.draws_on),
        endpoint=call.endpoint,
        end_user=call.end_user,
        served=strategy.inference.model if strategy.inference is not None and not reasons else "",
        strategy=standing.in_force.digest,
        stage=stage.name if stage is not None else "",
        access=stage.access.value if stage is not None else "",
        narrowings=gathered.narrowings,
        grant=gathered.grant.id if gathered.grant is not None else "",
        terms=gathered.terms,
        assertions=gathered.assertions,
        policy=standing.policy,
        question=standing.digest,
        revision=standing.revision,
        reasons=list(reasons),
        log=obligations.log if obligations is not None else "",
        retain_days=(obligations.retain_days or 0) if obligations is not None else 0,
        bytes_in=call.bytes_in,
        stream=call.stream,
        tokens_reserved=tokens_reserved,
        limit_scope=scope_of(standing.caller.organisation, strategy.release),
    )
