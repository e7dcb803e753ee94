"""The chart's alert rules for a test that cannot wait for minutes: every duration shorter by one factor, all else as
it stands. What is measured and how much of it is too much is left alone."""

import re
from typing import Any

import yaml

from tests.helm.charts import manifests, one

UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_TIME = r"(?:\d+(?:ms|[smhdw]))+"
IN_EXPRESSION = re.compile(rf"(?<=\[){_TIME}(?=[\]:])|(?<=:){_TIME}(?=\])|(?<=\boffset ){_TIME}\b")
"""Where PromQL has a duration: ranges, steps of subqueries, offsets."""

Rules = dict[str, Any]


def rules_of_the_chart() -> Rules:
    """The groups of rules as Helm renders them for the operator of Prometheus."""
    return dict(one(manifests(values={"prometheusRule": {"enabled": True}}), "PrometheusRule")["spec"])


def hastened(rules: Rules, factor: int) -> Rules:
    """The same rules, so many times as fast."""
    return {**rules, "groups": [_group(group, factor) for group in rules["groups"]]}


def _group(group: Rules, factor: int) -> Rules:
    made = {**group, "rules": [_rule(rule, factor) for rule in group["rules"]]}
    return made | {name: shorter(made[name], factor) for name in ("interval", "query_offset") if name in made}


def _rule(rule: Rules, factor: int) -> Rules:
    made = {**rule, "expr": IN_EXPRESSION.sub(lambda found: shorter(found[0], factor), rule["expr"])}
    return made | {name: shorter(made[name], factor) for name in ("for", "keep_firing_for") if name in made}


def shorter(duration: str, factor: int) -> str:
    """A duration of Prometheus divided; at least a millisecond."""
    ms = sum(int(count) * UNITS_MS[unit] for count, unit in re.findall(r"(\d+)(ms|[smhdw])", duration))
    return f"{max(1, ms // factor)}ms"


def written(rules: Rules) -> str:
    """As Prometheus reads them from a file."""
    return yaml.safe_dump(rules, sort_keys=False)
