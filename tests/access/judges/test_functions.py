"""That policies call nothing in the embedded engine that it answers otherwise than OPA."""

import json
import re
import subprocess

import pytest
from regopy import Interpreter

from gateway.access.judges.functions import FUNCTIONS, missing_functions
from gateway.access.judges.policies import Policy, PolicySet, policy_set
from tests.access.judges.opa_server import opa_binary

EXAMPLES = """
abs(-3)
array.concat([1], [2])
array.reverse([1, 2])
array.slice([1, 2, 3], 1, 2)
ceil(1.5)
concat("-", ["a", "b"])
contains("abc", "b")
contains("abc", "x")
count([1])
count({"a": 1})
count({1, 2})
count("é")
endswith("abc", "bc")
floor(1.5)
format_int(255, 16)
indexof("abc", "c")
intersection({{1, 2}, {2}})
is_array([])
is_array({})
is_boolean(false)
is_boolean(1)
is_null(null)
is_null(0)
is_number(1)
is_number("1")
is_object({})
is_object([])
is_set({1})
is_set([1])
is_string("")
is_string(1)
lower("ABC")
max([1, 3, 2])
max([])
min([3, 1, 2])
numbers.range(1, 3)
object.filter({"a": 1, "b": 2}, ["a", "c"])
object.get({"a": null}, "a", 1)
object.get({"a": 2}, "b", 1)
object.get({"a": {"b": 2}}, ["a", "b"], 1)
object.keys({"a": 1, "b": 2})
object.remove({"a": 1, "b": 2}, ["a", "c"])
object.remove({"a": 1}, {"a"})
object.subset({"a": 1, "b": 2}, {"a": 1})
object.subset({"a": 1}, {"a": 2})
product([2, 3])
regex.match("^a+$", "aaa")
regex.match("^a+$", "b")
replace("aba", "a", "c")
round(1.4)
sort([3, 1, 2])
split("a.b", ".")
startswith("abc", "ab")
substring("abc", 1, 1)
sum([1, 2])
to_number("12")
trim("xax", "x")
trim_prefix("abc", "a")
trim_suffix("abc", "c")
trim_space(" a ")
type_name(1)
union({{1}, {2}})
upper("abc")
""".strip().splitlines()


def _embedded(example: str) -> object:
    interpreter = Interpreter()
    interpreter.add_module("examples.rego", f"package examples\n\nanswer := {example}\n")
    bundle = interpreter.build(None, ["examples/answer"])
    interpreter.set_input({})
    printed = str(interpreter.query_bundle_entrypoint(bundle, "examples/answer"))
    return "undefined" if printed == "undefined" else json.loads(printed)["expressions"][0]


@pytest.fixture(scope="module")
def answers_of_opa(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What OPA answers to every example, asked in one go."""
    source = tmp_path_factory.mktemp("examples") / "examples.rego"
    rules = (f"answer_{number} := {example}" for number, example in enumerate(EXAMPLES))
    source.write_text("package examples\n\n" + "\n".join(rules))
    command = [opa_binary(), "eval", "--data", str(source), "--format", "json", "data.examples"]
    printed = subprocess.run(command, capture_output=True, timeout=60, check=True).stdout
    value = json.loads(printed)["result"][0]["expressions"][0]["value"]
    return {example: value.get(f"answer_{number}", "undefined") for number, example in enumerate(EXAMPLES)}


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_function_that_policies_may_call_answers_as_in_opa(example: str, answers_of_opa: dict[str, object]) -> None:
    assert _embedded(example) == answers_of_opa[example]


def test_every_function_that_policies_may_call_has_an_example_and_is_in_the_engine() -> None:
    assert {example.split("(")[0] for example in EXAMPLES} == FUNCTIONS
    assert [name for name in sorted(FUNCTIONS) if not Interpreter().is_builtin(name)] == []


def test_the_policies_that_ship_call_only_functions_they_may(policies: PolicySet) -> None:
    source = b"\n".join(p.source for p in policies.policies).decode()
    own = set(re.findall(r"^([a-z_]+)\(", source, re.MULTILINE))
    calls = set(re.findall(r"\b([a-z_]+(?:\.[a-z_]+)*)\(", source)) - own

    assert {"count", "object.remove"} <= calls
    assert [name for name in sorted(calls - FUNCTIONS) if not name.startswith("_")] == []
    assert missing_functions(policies) == []


def test_a_function_that_policies_may_not_call_is_found_wherever_it_stands() -> None:
    source = b"""package access

import data.words as w

# absent.one(1) is only a comment
said := "absent.two(2)"

mine(x) := x

decision if {
\tmine(1)
\tw.longest("a")
\tcount([1]) == 1
\tobject.union({}, {}) == {}
\tsaid with input as absent.three (3)
}

contains contains absent.four(4) if true
"""

    missing = missing_functions(policy_set([Policy("access/a.rego", source)]))

    assert missing == ["absent.four", "absent.three", "object.union"]
