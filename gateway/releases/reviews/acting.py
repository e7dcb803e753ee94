"""Reviewing a narrowing, and noticing what nobody reviewed: the inside of a transaction, with what the ledger says.

Whether somebody may review was judged before, on what was read then. Here that is read again behind the
ledger's lock: where anything has moved in between, nothing is written, and it must be judged anew.
"""

import msgspec
from sqlalchemy import Connection

from gateway.clock import Moment, text_from
from gateway.ledger.events import Event
from gateway.ledger.store import Act, Actor
from gateway.releases.changes.acting import Moved
from gateway.releases.narrowings import Narrowing, Verb
from gateway.releases.restraint import record
from gateway.releases.reviews import store
from gateway.releases.reviews.review import Review, Reviewed, Verdict


def review(
    connection: Connection, actor: Actor, judged: Reviewed, review: Review, moment: Moment
) -> tuple[Review, list[Act]]:
    """Write a review; one that undoes restores the narrowing whole in the same transaction. Raises Moved."""
    narrowing = judged.narrowing
    if store.reviewed(connection, narrowing.id, moment) != judged:
        raise Moved
    acts: list[Act] = []
    if review.verdict is Verdict.UNDO:
        restored, act = record(connection, actor, _inverse(narrowing, review.cause, moment))
        review = msgspec.structs.replace(review, restoration=restored.id)
        acts.append(act)
    store.add_review(connection, review)
    detail: dict[str, str | int | bool | list[str]] = {
        "verdict": review.verdict.value,
        "role": review.role,
        "cause": review.cause,
        "taken_by": narrowing.taken_by,
        "restoration": review.restoration,
    }
    acts.append(Act(event=Event.NARROWING_REVIEWED, subject=narrowing.id, release=narrowing.release, detail=detail))
    return review, acts


def notice(connection: Connection, moment: Moment) -> tuple[list[store.Missed], list[Act]]:
    """Record, once for each, what nobody has reviewed in time; all of it is answered, however often it is asked."""
    late = store.missed(connection, moment)
    known = store.noticed(connection, [each.subject for each in late])
    acts = []
    for each in late:
        if each.subject in known:
            continue
        store.add_missed(connection, each.subject, moment.latest)
        event = Event.NARROWING_UNREVIEWED if each.subject.startswith("narrowing_") else Event.CHANGE_UNREVIEWED
        detail: dict[str, str | int | bool | list[str]] = {"review_by": text_from(each.review_by), "by": each.by}
        acts.append(Act(event=event, subject=each.subject, release=each.release, detail=detail))
    return late, acts


def _inverse(narrowing: Narrowing, cause: str, moment: Moment) -> Narrowing:
    return Narrowing(
        id="",
        number=0,
        release=narrowing.release,
        verb=Verb.RESTORE,
        inverse_of=narrowing.id,
        cause=cause,
        taken_at=moment.latest,
        taken_by="",
    )
