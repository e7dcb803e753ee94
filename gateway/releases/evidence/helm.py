"""A run of HELM: the `stats.json` and `run_spec.json` in the folder of the run.

The task is the run's name without its model. A statistic of the split `test`, or of none, has its
own name; that of another split is `name:split`. Statistics under a perturbation are left out.
"""

from typing import Any

import msgspec

from gateway.releases.evidence.numbers import ABSENT, decimal_text
from gateway.releases.evidence.records import Findings, Measurement
from gateway.releases.evidence.texts import checked

SUITE = "helm"
STATS, RUN_SPEC = "stats.json", "run_spec.json"
FILES = frozenset({STATS, RUN_SPEC})

_OF_THE_MODEL = ("model=", "model_deployment=")


class _Name(msgspec.Struct):
    name: str
    split: str | None = None
    sub_split: str | None = None
    perturbation: dict[str, Any] | None = None


class _Stat(msgspec.Struct):
    name: _Name
    count: int = 0
    mean: msgspec.Raw = ABSENT


class _Adapter(msgspec.Struct):
    model: str = ""


class _RunSpec(msgspec.Struct):
    name: str
    adapter_spec: _Adapter


def read(stats: bytes, run_spec: bytes) -> Findings:
    """What a run says. Raises msgspec.DecodeError where these are not such files."""
    run, said = msgspec.json.decode(run_spec, type=_RunSpec), msgspec.json.decode(stats, type=list[_Stat])
    checked(run_spec)
    checked(stats)
    return Findings(
        suite=SUITE,
        model=run.adapter_spec.model,
        measurements=tuple(
            Measurement(_task(run.name), _metric(stat.name), value)
            for stat in said
            if stat.name.perturbation is None and stat.count > 0 and (value := decimal_text(stat.mean))
        ),
    )


def _task(name: str) -> str:
    scenario, _, arguments = name.partition(":")
    kept = [each for each in arguments.split(",") if each and not each.startswith(_OF_THE_MODEL)]
    return f"{scenario}:{','.join(kept)}" if kept else scenario


def _metric(name: _Name) -> str:
    splits = [split for split in (name.split, name.sub_split) if split not in (None, "test")]
    return ":".join([name.name, *(split for split in splits if split is not None)])
