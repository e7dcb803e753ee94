"""Evidence in a JSON form of our own, for what no harness writes: `docs/evidence.md` describes it."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from gateway.clock import instant_from
from gateway.errors import Invalid
from gateway.releases.bounds import EVENTS_MAX, TRIALS_MAX
from gateway.releases.evidence.numbers import ABSENT, decimal_text
from gateway.releases.evidence.records import Capacity, Determination, Findings, Measurement, MisuseCount
from gateway.releases.evidence.texts import checked

FORM = "release-gateway/1"
RESERVED = frozenset({"lm-eval", "helm", "inspect", "document"})
"""Suites whose numbers are taken from what the tool itself writes."""

_Word = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
_When = Annotated[datetime, msgspec.Meta(tz=True)]
_Digest = Annotated[str, msgspec.Meta(pattern=r"^(?:sha256:[0-9a-f]{64})?$(?!\n)")]


class _Measurement(msgspec.Struct, forbid_unknown_fields=True):
    task: _Word
    metric: _Word
    value: msgspec.Raw
    stderr: msgspec.Raw = ABSENT


class _Determination(msgspec.Struct, forbid_unknown_fields=True):
    framework: _Word
    category: _Word
    level: _Word


class _Capacity(msgspec.Struct, forbid_unknown_fields=True):
    of: _Word
    value: msgspec.Raw


class _Misuse(msgspec.Struct, forbid_unknown_fields=True):
    domain: _Word
    since: _When
    until: _When
    requests: Annotated[int, msgspec.Meta(ge=1, le=TRIALS_MAX)]
    confirmed: Annotated[int, msgspec.Meta(ge=0, le=EVENTS_MAX)]
    events: Annotated[dict[_Word, Annotated[int, msgspec.Meta(ge=0, le=TRIALS_MAX)]], msgspec.Meta(max_length=100)] = {}


class _File(msgspec.Struct, forbid_unknown_fields=True):
    evidence: Literal["release-gateway/1"]
    suite: _Word
    version: str = ""
    model: str = ""
    snapshot: _Digest = ""
    run_at: _When | None = None
    measurements: list[_Measurement] = []
    determinations: list[_Determination] = []
    capacities: list[_Capacity] = []
    misuse: list[_Misuse] = []


def read(content: bytes) -> Findings:
    """What the file says. Raises msgspec.DecodeError where it is no such file."""
    file = msgspec.json.decode(content, type=_File)
    checked(content)
    if file.suite in RESERVED:
        raise Invalid(f"Evidence of {file.suite} is read from its own files only.", param="files")
    return Findings(
        suite=file.suite,
        version=file.version,
        model=file.model,
        snapshot=file.snapshot,
        run_at=None if file.run_at is None else max(0, instant_from(file.run_at)),
        measurements=tuple(
            Measurement(each.task, each.metric, _number(each.value), _number_or_none(each.stderr))
            for each in file.measurements
        ),
        determinations=tuple(Determination(d.framework, d.category, d.level) for d in file.determinations),
        capacities=tuple(Capacity(each.of, _number(each.value)) for each in file.capacities),
        misuse=tuple(_count(each) for each in file.misuse),
    )


def _count(misuse: _Misuse) -> MisuseCount:
    since, until = max(0, instant_from(misuse.since)), max(0, instant_from(misuse.until))
    if since >= until:
        raise Invalid(f"The count of {misuse.domain} ends before it begins.", param="files")
    if misuse.confirmed > misuse.requests:
        raise Invalid(f"More is confirmed of {misuse.domain} than was requested.", param="files")
    return MisuseCount(misuse.domain, since, until, misuse.requests, misuse.confirmed, misuse.events)


def _number_or_none(value: msgspec.Raw) -> str:
    return "" if bytes(value) == bytes(ABSENT) else _number(value)


def _number(value: object) -> str:
    written = decimal_text(value)
    if not written:
        raise Invalid("A value is no finite number.", param="files", next_step="Write it as a number: 0.34.")
    return written
