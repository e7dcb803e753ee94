"""Rules that a test hastens are the chart's rules, but for their durations."""

import copy
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.helm.charts import CHART, tool
from tests.helm.hastened import IN_EXPRESSION, UNITS_MS, hastened, rules_of_the_chart, shorter, written

FACTOR = 30


def ms(duration: str) -> int:
    return sum(int(count) * UNITS_MS[unit] for count, unit in re.findall(r"(\d+)([a-z]+)", duration))


def test_the_chart_renders_the_rules_as_they_stand_in_their_file() -> None:
    assert rules_of_the_chart() == yaml.safe_load((CHART / "rules" / "alerts.yaml").read_text("utf-8"))


def test_nothing_but_durations_is_changed_and_each_by_the_same_factor(tmp_path: Path) -> None:
    rules = rules_of_the_chart()
    before = copy.deepcopy(rules)
    [group], [faster] = rules["groups"], hastened(rules, FACTOR)["groups"]

    assert rules == before, "what it is given stays as it is"
    assert group.keys() == faster.keys() and len(group["rules"]) == len(faster["rules"])
    for rule, made in zip(group["rules"], faster["rules"], strict=True):
        assert {**made, "expr": "", "for": ""} == {**rule, "expr": "", "for": ""}
        assert IN_EXPRESSION.sub("T", made["expr"]) == IN_EXPRESSION.sub("T", rule["expr"])
        asked = [*IN_EXPRESSION.findall(rule["expr"]), *filter(None, [rule.get("for")])]
        told = [*IN_EXPRESSION.findall(made["expr"]), *filter(None, [made.get("for")])]
        assert [ms(each) * FACTOR for each in told] == [ms(each) for each in asked]
        assert not re.search(r"\d[smhdw]\b", IN_EXPRESSION.sub("", rule["expr"])), "a duration that is not seen"
    (tmp_path / "rules.yaml").write_text(written(hastened(rules, FACTOR)))
    checked = subprocess.run(
        [tool("promtool"), "check", "rules", str(tmp_path / "rules.yaml")], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize(
    ("duration", "told"),
    [("1d", "2880000ms"), ("1h30m", "180000ms"), ("15s", "500ms"), ("500ms", "16ms"), ("5ms", "1ms")],
)
def test_a_duration_is_divided_and_never_becomes_none(duration: str, told: str) -> None:
    assert shorter(duration, FACTOR) == told


def test_every_place_of_a_duration_is_seen_and_no_other_number() -> None:
    rule = {"alert": "A", "expr": "max_over_time(rate(a_5m{b='3s'}[10m] offset 1d)[1h:30s]) > 86400", "for": "2m"}
    [made] = hastened({"groups": [{"name": "g", "interval": "30s", "rules": [rule]}]}, 10)["groups"]

    assert made["interval"] == "3000ms"
    assert made["rules"] == [
        rule
        | {"expr": "max_over_time(rate(a_5m{b='3s'}[60000ms] offset 8640000ms)[360000ms:3000ms]) > 86400"}
        | {"for": "12000ms"}
    ]
