"""Openings under the digest that takes in terms, upstream and folder: what was open stays open, under its terms.

Each opening is written a second time, for every version whose stage it opened by the digest as it was. Approvals are
left: those of stages that still wait are given anew.
"""

from hashlib import sha256
from typing import Any

import msgspec
import sqlalchemy as sa
from alembic import op

revision = "0016_openings"
down_revision = "0015_scim"
only_adds = True

_NOT_OPENED_BY = ("cap", "review", "perpetual")


def upgrade() -> None:
    connection = op.get_bind()
    opening = sa.table("stage_opening", *(sa.column(name) for name in ("release", "stage", "opened_at")))
    version = sa.table("strategy_version", *(sa.column(name) for name in ("release", "strategy")))
    recorded = {(row.release, row.stage): row.opened_at for row in connection.execute(sa.select(opening))}
    found = dict(recorded)
    for row in connection.execute(sa.select(version)) if recorded else ():
        strategy = msgspec.json.decode(row.strategy)
        for stage in strategy.get("stages", ()):
            opened_at = recorded.get((row.release, _digest(stage, strategy, _given_before(stage, strategy))))
            if opened_at is not None:
                found.setdefault((row.release, _digest(stage, strategy, _given(stage, strategy))), opened_at)
    for release, stage in found.keys() - recorded.keys():
        connection.execute(sa.insert(opening).values(release=release, stage=stage, opened_at=found[release, stage]))


def downgrade() -> None:
    """Nothing: digests that no older code works out are never looked up."""


def _digest(stage: dict[str, Any], strategy: dict[str, Any], given: dict[str, Any]) -> str:
    audiences = strategy.get("audiences", {})
    asked = {
        "stage": {name: value for name, value in stage.items() if name not in _NOT_OPENED_BY},
        "audiences": {name: audiences[name] for name in stage["to"] if name in audiences},
        "snapshot": strategy.get("snapshot", ""),
        **given,
    }
    return f"sha256:{sha256(msgspec.json.encode(asked, order='sorted')).hexdigest()}"


def _given_before(stage: dict[str, Any], strategy: dict[str, Any]) -> dict[str, Any]:
    inference, weights = strategy.get("inference"), strategy.get("weights")
    return {
        "model": inference["model"] if inference else "",
        "files": weights["files"] if weights and "weights.final" in stage["offers"] else {},
    }


def _given(stage: dict[str, Any], strategy: dict[str, Any]) -> dict[str, Any]:
    terms = strategy.get("terms", {})
    return {
        "terms": {name: terms[name] for name in stage.get("conditions", {}).get("terms", ()) if name in terms},
        "inference": strategy.get("inference"),
        "weights": strategy.get("weights") if "weights.final" in stage["offers"] else None,
    }
