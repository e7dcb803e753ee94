"""One compiled policy set in rego-cpp. Not shared between threads.

What rego-cpp leaves to its caller, and is seen to here:
1. a function it lacks leaves a rule undefined, silently: policies may call only what was held against OPA;
2. strings given to it as values come out as they went in: they are given as JSON escapes them;
3. integers are taken in 64 bits: none beyond what JSON carries exactly is given.
"""

import json
import re
from typing import Any

import msgspec

from gateway.access.judges import absent_library
from gateway.access.judges.answers import Unsound, read
from gateway.access.judges.entrypoints import ACCESS, CHANGES, REQUESTS, A, Entrypoint, Q
from gateway.access.judges.functions import missing_functions
from gateway.access.judges.policies import PolicySet
from gateway.errors import SettingsInvalid

try:
    from regopy import Input, Interpreter
    from regopy.rego_shared import LogLevel, RegoError
except OSError as error:  # its own library is there, and one of the system's that it is linked against is not
    if not absent_library.supply("regopy"):
        raise SettingsInvalid(
            f"The engine of the embedded judge cannot be loaded: {error}.",
            next_step="Install that library: on Debian, `apt-get install libatomic1`.",
        ) from error
    from regopy import Input, Interpreter
    from regopy.rego_shared import LogLevel, RegoError

INTEGER_MAX = 2**53 - 1

_not_plain = re.compile(r'["\\\x00-\x1f]')


class _Output(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the engine prints for one entrypoint."""

    expressions: tuple[dict[str, Any]]


class Engine:
    """Answers questions by one policy set, which is compiled here. Raises SettingsInvalid when it cannot be."""

    def __init__(self, policies: PolicySet) -> None:
        missing = missing_functions(policies)
        if missing:
            raise SettingsInvalid(
                f"The policies call what the embedded judge has not, or not as OPA has it: {', '.join(missing)}.",
                next_step="Write them without it, or let an OPA server judge.",
            )
        interpreter = Interpreter()
        # Its messages go to the process's own output, with pieces of the question in them.
        interpreter.log_level = LogLevel.NONE
        try:
            for policy in policies.policies:
                interpreter.add_module(policy.name, policy.source.decode())
            self._bundle = interpreter.build(None, [f"{package}/decision" for package in policies.packages])
        except RegoError as error:
            raise SettingsInvalid(
                "The embedded judge cannot compile the policies.", next_step="Check them with `opa check --strict`."
            ) from error
        if not self._bundle.ok():
            raise SettingsInvalid(
                f"One of the policies' packages has no decision: {', '.join(policies.packages)}.",
                next_step="Write that rule, or point to the folder that has it.",
            )
        self._packages = policies.packages
        self._interpreter = interpreter
        try:
            self.probe()
        except Unsound as error:
            raise SettingsInvalid(
                f"The policies do not say no to a question that makes no sense: {error}.",
                next_step="Give `decision` the default that the policies which ship with the gateway give it.",
            ) from error

    def judge(self, entrypoint: Entrypoint[Q, A], question: Q) -> A:
        """The decision on this question. Raises Unsound."""
        return entrypoint.sound(self._answer(entrypoint.path, msgspec.to_builtins(question)), question)

    def probe(self) -> None:
        """Ask what makes no sense. Raises Unsound unless the answer is the plain no."""
        ACCESS.sound(self._answer(ACCESS.path, {}), None)
        for entrypoint in (CHANGES, REQUESTS):
            if entrypoint.package in self._packages:
                entrypoint.sound(self._answer(entrypoint.path, {}), None)

    def _answer(self, path: str, facts: Any) -> dict[str, Any]:
        if path.partition("/")[0] not in self._packages:
            raise Unsound("the policies say nothing about this")
        try:
            self._interpreter.set_input(Input(_escaped(facts)))
            output = self._interpreter.query_bundle_entrypoint(self._bundle, path)
            if not output.ok():
                raise Unsound("the engine reports an error")
            return read(str(output), _Output).expressions[0]
        except (RegoError, ValueError) as error:
            raise Unsound("the engine cannot answer") from error


def _escaped(fact: Any) -> Any:
    if isinstance(fact, str):
        return json.dumps(fact, ensure_ascii=False)[1:-1] if _not_plain.search(fact) else fact
    if isinstance(fact, dict):
        return {name: _escaped(value) for name, value in fact.items()}
    if isinstance(fact, list | tuple):
        return [_escaped(item) for item in fact]
    if isinstance(fact, int) and abs(fact) > INTEGER_MAX:
        raise Unsound("the question has an integer that JSON does not carry exactly")
    return fact
