"""How a command fails: what happened and what to do, on standard error, with an exit code that scripts can trust."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import click

from gateway.errors import GatewayError, InvalidFile, RecordEnded


class Absent(NamedTuple):
    """What was asked for by a name, and where to see the names there are."""

    sentence: str
    next_step: str


class Failure(click.ClickException):
    """Refused or failed: told in two lines."""

    exit_code = 1

    code = "failed"
    """What it is called where the gateway gave it no code of its own."""

    def __init__(
        self,
        message: str,
        next_step: str = "",
        *,
        faults: Sequence[str] = (),
        problem: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.next_step = next_step
        self.faults = tuple(faults)
        self.problem = problem or {"code": self.code, "detail": message, "next_step": next_step}
        """The same for programs: the gateway's own answer (RFC 9457) where there is one."""
        context = click.get_current_context(silent=True)
        self._as_json = context is not None and bool(context.ensure_object(dict).get("json"))

    def show(self, file: Any = None) -> None:  # noqa: ARG002 - click names the stream; this is always standard error
        """Faults of a file as `file:line:column: message`, then what happened, then what to do.

        With `--json` the problem stands on standard output besides.
        """
        if self._as_json:
            click.echo(json.dumps(self.problem, indent=2))
        for fault in self.faults:
            click.echo(printable(fault), err=True)
        if self.message:
            click.secho("error: ", fg="red", nl=False, err=True)
            click.echo(printable(self.message), err=True)
        if self.next_step:
            click.echo(f"next: {printable(self.next_step)}", err=True)


class Unreachable(Failure):
    """No gateway answers."""

    exit_code = 3
    code = "unreachable"


class NotPermitted(Failure):
    """The gateway does not know the key, or the key may not do this."""

    exit_code = 4
    code = "not_permitted"


class StartAnew(Failure):
    """A gateway that ended by itself, and that will serve once it is started again (EX_TEMPFAIL of sysexits.h)."""

    exit_code = 75


def from_problem(
    status: int, problem: Mapping[str, Any], file: str = "", *, absent: Absent | None = None, is_local: bool = False
) -> Failure:
    """A failure from the gateway's answer (RFC 9457), or of its own code where that `is_local` and changes nothing.

    `file` is what a faulty file is called here, `absent` what was asked for, where it may not be there.
    """
    if status == 404 and absent is not None and not problem.get("next_step"):
        problem = {**problem, "detail": absent.sentence, "next_step": absent.next_step}
    faults = [
        f"{file or problem.get('file') or 'file'}:{fault['line']}:{fault['column']}: {fault['message']}"
        for fault in problem.get("faults", ())
    ]
    detail = str(problem.get("detail") or f"The gateway answered with status {status}.")
    if faults:
        unchanged = "" if is_local else "; nothing was changed"
        detail = f"{len(faults)} mistake{'s' if len(faults) > 1 else ''} in the file{unchanged}."
    elif problem.get("code"):
        detail = f"{detail} ({problem['code']})"
    next_step = _for_commands(str(problem.get("next_step") or ""))
    kind = NotPermitted if status in {401, 403} else Failure
    return kind(detail, next_step, faults=faults, problem=problem)


def _for_commands(next_step: str) -> str:
    """What to do, for whoever types commands: /schema is for those who send requests themselves."""
    context = click.get_current_context(silent=True)
    if context is None or not next_step.startswith("See /schema"):
        return next_step
    return f"See `{context.command_path} --help` for what is expected."


@contextmanager
def told(file: str = "") -> Iterator[None]:
    """Tell errors of the gateway's own code, where a command runs it here."""
    try:
        yield
    except InvalidFile as error:
        faults = [{"line": f.line, "column": f.column, "where": f.where, "message": f.message} for f in error.faults]
        problem = {"code": error.code, "file": file or error.name, "faults": faults}
        raise from_problem(error.status, problem, file or error.name, is_local=True) from None
    except GatewayError as error:
        told_as = {"code": error.code, "detail": error.message, "next_step": error.next_step}
        kind = StartAnew if isinstance(error, RecordEnded) else Failure
        raise kind(error.message, error.next_step, problem=told_as) from None


def printable(text: str) -> str:
    """Text as a terminal may be given it: nothing that moves the cursor, colours, or turns the text round."""
    return "".join(
        character if character.isprintable() or character == "\n" else "\N{REPLACEMENT CHARACTER}" for character in text
    )
