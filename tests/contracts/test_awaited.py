"""What waits for people is found on both engines, and nothing that waits for nobody."""

from collections.abc import Callable
from typing import Any

from gateway.access.awaited import Awaited
from gateway.access.chasing import ReviewChaser
from gateway.access.current import Current
from gateway.access.judges.policies import read_policy_set
from gateway.access.snapshot import InForce, Snapshot
from gateway.clock import DAY, SECOND, Instant, elapsed_us
from gateway.releases.requirements import Approvals
from gateway.shipped import shipped
from tests.builders import a_stage, a_strategy
from tests.contracts.test_changes import Board, board, file, policies
from tests.fakes.installation import START

__all__ = ["board", "policies"]

POLICY = read_policy_set(shipped("policies")).digest


def current(now: Instant, policy: str = POLICY, *releases: InForce) -> Current:
    """What is in force at an instant, confirmed just now."""
    found, asked = Current(stale_s=5), elapsed_us()
    found.clock.observe(now, asked, elapsed_us())
    found.confirm(asked, Snapshot(1, {each.strategy.release: each for each in releases}, policy))
    return found


async def looked(board: Board, now: Instant, policy: str = POLICY) -> Awaited:
    database: Any = board.installation.database
    awaited = Awaited(database, current(now, policy))
    await awaited.look()
    return awaited


async def overdue(board: Board, now: Instant) -> int:
    database: Any = board.installation.database
    chaser = ReviewChaser(current(now), database, board.installation.ledger)
    await chaser.look()
    return chaser.overdue


async def test_the_oldest_change_that_nobody_decided_waits_until_somebody_does(board: Board) -> None:
    planned = await board.plan(file(20))
    waiting = await looked(board, START + 3600 * SECOND)
    await board.approve(planned, "approver")
    await board.approve(planned, "analyst")
    decided = await looked(board, START + 3600 * SECOND)

    assert 3590 < waiting.change_s() <= 3601
    assert decided.change_s() == 0


async def test_what_is_stale_waits_for_nobody(board: Board) -> None:
    overtaken = await board.plan(file(20))
    narrowed = await board.plan(file(5))
    assert (await looked(board, START + SECOND)).change_s() > 0

    await board.apply(narrowed)

    assert (await board.now(overtaken)).state == "planned"
    assert (await looked(board, START + 3600 * SECOND)).change_s() == 0
    assert (await looked(board, START + 3600 * SECOND, "sha256:others")).change_s() == 0


async def test_a_review_that_is_due_is_counted_until_it_is_made(board: Board) -> None:
    applied = await board.apply(await board.plan(file(5)))
    assert applied.review_by == START + DAY

    early, late = await overdue(board, START + DAY - SECOND), await overdue(board, START + DAY + SECOND)
    await board.approve(applied, "approver")
    reviewed = await overdue(board, START + DAY + SECOND)

    assert (early, late, reviewed) == (0, 1, 0)


def test_a_stage_waits_from_its_date_until_it_is_opened() -> None:
    gated = a_strategy(a_stage(opens=START, opens_when=(Approvals(people=1),)), release="acme/gated")
    plain = InForce(a_strategy(a_stage(opens=START), release="acme/plain"), "")

    def waiting(now: Instant, *releases: InForce) -> int:
        unread: Callable[..., Any] = object
        return Awaited(unread(), current(now, POLICY, *releases)).stages()

    assert waiting(START - SECOND, InForce(gated, ""), plain) == 0
    assert waiting(START + SECOND, InForce(gated, ""), plain) == 1
    assert waiting(START + SECOND, InForce(gated, "", {"general": START}), plain) == 0
