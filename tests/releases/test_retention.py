"""What is kept, and for how long, against other stages, a regime's floor, and those who want nothing kept."""

from gateway.clock import DAY, at
from gateway.releases.files import read_release
from gateway.releases.retention import Ceilings, Conflict, conflicts

NOW = at(20_800 * DAY)
FILE = b"""\
release: acme/atlas-1
serves: {inference: {upstream: vllm, model: atlas}}
model: {modality: [text], parameters: 7.0e10, training_flop: [6.0e25, 9.0e25]}
stages:
  - {name: first, opens: 2030-01-01T00:00:00Z, access: api, to: [public], conditions: {log: metadata}}
  - name: second
    opens: 2030-02-01T00:00:00Z
    access: api
    to: [public]
    conditions:
      log: metadata+hash
      retain_days: 30
  - name: third
    opens: 2030-03-01T00:00:00Z
    access: api
    to: [public]
    conditions: {log: metadata+hash, retain_days: 0}
"""
SMALL = FILE.replace(b"model: {modality: [text], parameters: 7.0e10, training_flop: [6.0e25, 9.0e25]}\n", b"\n")


def found(file: bytes, ceilings: Ceilings | None = None) -> list[Conflict]:
    strategy = read_release(file, {}).strategy
    assert strategy is not None
    return list(conflicts(strategy, file, NOW, *([ceilings] if ceilings is not None else [])))


def test_a_stage_that_keeps_less_than_one_before_and_commitments_that_nobody_can_check_are_told() -> None:
    between, commitments = found(SMALL)

    assert between.line == 17 and "`third` keeps 0 days where `second` kept 30 (inference.text)" in between.message
    assert commitments.line == 17 and "nobody can check" in commitments.message


def test_a_regimes_floor_is_told_where_the_definition_is_met_or_may_be() -> None:
    floors = [each for each in found(FILE) if "five years" in each.message]

    assert [each.line for each in floors] == [12, 17]
    assert "systemic risk is " in floors[0].message


def test_five_years_are_enough() -> None:
    assert not [each for each in found(FILE.replace(b"retain_days: 30", b"retain_days: 1826")) if each.line == 12]


def test_those_who_want_nothing_kept_are_counted_and_named_where_something_is() -> None:
    told = found(SMALL, Ceilings(7, ("acme", "bolt")))

    ceilings = [each for each in told if "zero_retention" in each.message]
    assert [each.line for each in ceilings] == [12, 17]
    assert "7 organisations" in ceilings[0].message and "is kept 30 days: acme, bolt" in ceilings[0].message
    assert "leaves commitments" in ceilings[1].message


def test_where_nothing_is_kept_nothing_is_told() -> None:
    quiet = b"".join(line + b"\n" for line in SMALL.splitlines()[:5])

    assert found(quiet, Ceilings(7, ("acme",))) == []
