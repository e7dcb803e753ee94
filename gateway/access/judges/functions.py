"""The Rego functions that policies may call in the embedded judge.

rego-cpp leaves a rule undefined, silently, where it lacks a function. Some that it announces answer otherwise than
OPA's all the same (`time.parse_rfc3339_ns` never does, `object.union` is not deep). So only those pass that have been
held against OPA's, and a policy set that calls any other is refused when it is compiled.
"""

import re

from gateway.access.judges.policies import PolicySet

FUNCTIONS = frozenset(
    {
        "abs",
        "array.concat",
        "array.reverse",
        "array.slice",
        "ceil",
        "concat",
        "contains",
        "count",
        "endswith",
        "floor",
        "format_int",
        "indexof",
        "intersection",
        "is_array",
        "is_boolean",
        "is_null",
        "is_number",
        "is_object",
        "is_set",
        "is_string",
        "lower",
        "max",
        "min",
        "numbers.range",
        "object.filter",
        "object.get",
        "object.keys",
        "object.remove",
        "object.subset",
        "product",
        "regex.match",
        "replace",
        "round",
        "sort",
        "split",
        "startswith",
        "substring",
        "sum",
        "to_number",
        "trim",
        "trim_prefix",
        "trim_suffix",
        "trim_space",
        "type_name",
        "union",
        "upper",
    }
)

_text_or_comment = re.compile(r'"(?:\\.|[^"\\\n])*"|`[^`]*`|#[^\n]*')
_call = re.compile(r"(?<![\w.])([A-Za-z_]\w*(?:\s*\.\s*[A-Za-z_]\w*)*)\s*\(")
_head = re.compile(r"^(?:default\s+)?([A-Za-z_]\w*)", re.MULTILINE)
_import = re.compile(r"^import\s+[\w.]*?(\w+)(?:\s+as\s+(\w+))?\s*$", re.MULTILINE)
_words = frozenset({"if", "in", "not", "some", "every", "else", "with", "default", "set", "contains"})
"""What may stand before a parenthesis, or begin a line, without being a name of the policy's own."""


def missing_functions(policies: PolicySet) -> list[str]:
    """Functions that the policies call and neither define, import nor may call, sorted."""
    sources = [_text_or_comment.sub('""', policy.source.decode()) for policy in policies.policies]
    own = {"data", "input"}
    for source in sources:
        own.update(name for name in _head.findall(source) if name not in _words)
        own.update(alias or name for name, alias in _import.findall(source))
    called = {re.sub(r"\s", "", name) for source in sources for name in _call.findall(source)}
    return sorted(name for name in called - FUNCTIONS - _words if name.split(".")[0] not in own)
