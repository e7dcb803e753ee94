"""Acts on changes: each function is the inside of one transaction, with what the ledger says of it.

Whether an act may pass was judged before, on what was read then. Here that is read again behind the
ledger's lock: where anything has moved in between, nothing is written, and it must be judged anew.
"""

import secrets
from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection

from gateway.clock import Instant, Moment, text_from
from gateway.errors import Conflict
from gateway.ledger.events import Event
from gateway.ledger.store import Act, Actor
from gateway.releases import store
from gateway.releases.catalogue import bring_into_force, check_base
from gateway.releases.changes import store as changes
from gateway.releases.changes.change import (
    NOTHING,
    OPEN,
    Approval,
    Base,
    Change,
    ChangeState,
    Weighed,
    late_dates,
    late_words,
)
from gateway.releases.changes.grounds import grounds_of
from gateway.releases.files import Reading
from gateway.releases.recorded import recorded_of
from gateway.releases.schedules import Present
from gateway.releases.versions import StrategyVersion

Detail = Mapping[str, str | int | bool | list[str]]


class Moved(Exception):
    """What an act was judged on is no longer so."""


class Planning(msgspec.Struct, frozen=True):
    """What is to be planned, by whom, and when."""

    reading: Reading
    file: bytes
    base: str | None
    """Digest of the version that the author saw in force, empty for none; None for whatever is."""
    adopt: bool
    author: str
    policy: str
    moment: Moment


def proposed(planning: Planning, in_force: StrategyVersion | None) -> Change:
    """What is planned, against what is in force. Raises InvalidFile, or Conflict where nothing would change."""
    reading, moment = planning.reading, planning.moment
    check_base(in_force, planning.base)
    held = in_force.strategy if in_force is not None else None
    change = Change(
        id=f"change_{moment.earliest:014x}{secrets.token_hex(5)}",
        release=reading.release,
        state=ChangeState.PLANNED,
        file=planning.file,
        strategy=reading.strategy_at(Present(moment, held, planning.adopt)),
        base=base_of(in_force),
        policy=planning.policy,
        adopt=planning.adopt and in_force is None,
        author=planning.author,
        planned_at=moment.earliest,
        planned_surely_at=moment.latest,
    )
    if change.strategy.digest() == change.base.digest:
        raise Conflict(
            "This very strategy is in force already.",
            code="nothing_changes",
            next_step="Change the file, or leave it at that.",
        )
    return change


def plan(connection: Connection, planning: Planning, change: Change, weighed: Weighed) -> tuple[Change, list[Act]]:
    """Write down what was proposed and weighed. Raises Moved."""
    _check_base(connection, change, change.base)
    _check_recorded(connection, change, weighed)
    store.keep_documents(connection, planning.reading.documents, planning.moment.latest)
    changes.add_change(connection, change)
    detail: Detail = {
        "strategy": change.strategy.digest(),
        "base": change.base.digest,
        "base_number": change.base.number,
        "policy": change.policy,
        "adopt": change.adopt,
        **_said(weighed),
    }
    return change, [_act(Event.CHANGE_PLANNED, change, detail)]


def approve(
    connection: Connection, judged: Change, in_force: Base, approval: Approval, state: ChangeState
) -> tuple[Change, list[Act]]:
    """Write somebody's agreement, and how far the change has come by it. Raises Moved."""
    is_review = judged.state not in OPEN
    if not is_review:
        _check_base(connection, judged, in_force)
        _check_grounds(connection, judged, approval.grounds)
    approval = msgspec.structs.replace(approval, after=is_review)
    others = tuple(each for each in judged.approvals if each.key != approval.key)
    moved = _moved(connection, judged, state=state, approvals=(*others, approval))
    changes.add_approval(connection, judged.id, approval)
    event = Event.CHANGE_REVIEWED if is_review else Event.CHANGE_APPROVED
    detail: Detail = {"role": approval.role, "acknowledged": approval.acknowledged, "state": state.value}
    if approval.grounds:
        detail = {**detail, "grounds": approval.grounds}
    return moved, [_act(event, moved, detail)]


def reject(
    connection: Connection, actor: Actor, judged: Change, moment: Moment, cause: str
) -> tuple[Change, list[Act]]:
    """Write that the change will not be. Raises Moved."""
    closing = {"closed_at": moment.latest, "closed_by": actor.key, "cause": cause}
    moved = _moved(connection, judged, state=ChangeState.REJECTED, **closing)
    return moved, [_act(Event.CHANGE_REJECTED, moved, {"cause": cause})]


def apply(
    connection: Connection,
    actor: Actor,
    judged: Change,
    *,
    weighed: Weighed,
    grounds: str,
    moment: Moment,
    review_by: Instant | None,
) -> tuple[tuple[Change, StrategyVersion], list[Act]]:
    """Bring the change into force as the next version. Raises Moved, or Conflict where one of its dates has passed."""
    in_force = _check_base(connection, judged, judged.base)
    _check_grounds(connection, judged, grounds)
    _check_recorded(connection, judged, weighed)
    held = in_force.strategy if in_force is not None else None
    late = late_dates(judged, held, moment)
    if late:
        raise Conflict(
            late_words(*late[0]),
            code="change_late",
            next_step="Move the date ahead in the file and plan it again: `gateway release plan FILE`.",
        )
    closing = {"closed_at": moment.latest, "closed_by": actor.key, "review_by": review_by}
    moved = _moved(connection, judged, state=ChangeState.APPLIED, **closing)
    version, released = bring_into_force(
        connection, actor, judged.strategy, in_force, moment,
        base=judged.base.digest, adopt=judged.adopt, change=judged.id,
    )  # fmt: skip
    detail: Detail = {
        "strategy": version.digest,
        "number": version.number,
        "approvals": [f"{approval.key}:{approval.role}" for approval in judged.consents_on(grounds)],
        "review_by": "" if review_by is None else text_from(review_by),
        **_said(weighed),
    }
    return (moved, version), [_act(Event.CHANGE_APPLIED, moved, detail), released]


def base_of(in_force: StrategyVersion | None) -> Base:
    """What a change planned now is bound to."""
    return NOTHING if in_force is None else Base(in_force.number, in_force.digest)


def _check_base(connection: Connection, judged: Change, base: Base) -> StrategyVersion | None:
    in_force = store.version_in_force(connection, judged.release)
    if base_of(in_force) != base:
        raise Moved
    return in_force


def _check_grounds(connection: Connection, judged: Change, grounds: str) -> None:
    if grounds_of(connection, judged.strategy) != grounds:
        raise Moved


def _check_recorded(connection: Connection, judged: Change, weighed: Weighed) -> None:
    if recorded_of(connection, judged.release) != weighed.recorded:
        raise Moved


def _moved(connection: Connection, judged: Change, **progress: object) -> Change:
    moved = msgspec.structs.replace(judged, acts=judged.acts + 1, **progress)
    if not changes.move_change(connection, moved, judged.acts):
        raise Moved
    return moved


def _said(weighed: Weighed) -> dict[str, str | int | bool | list[str]]:
    return {"effect": weighed.effect.value, "irreversible": weighed.irreversible}


def _act(event: Event, change: Change, detail: Detail) -> Act:
    return Act(event=event, subject=change.id, release=change.release, detail={"digest": change.digest, **detail})
