"""Whatever is added as evidence: its format is found out, its size bounded, and what it says taken out.

Nothing is executed, unpickled or written; no name inside a file is used as a path.
"""

from collections.abc import Callable, Mapping

import msgspec

from gateway.errors import Invalid
from gateway.releases.evidence import helm, inspect_logs, lm_eval, plain
from gateway.releases.evidence.records import Findings

FILE_BYTES_MAX = 8 << 20
"""Of all files of one piece of evidence together."""
MEASUREMENTS_MAX = 2_000
NAME_LENGTH_MAX = 200

UNREADABLE = "evidence_unreadable"


class _Keys(msgspec.Struct):
    """What tells one format from another."""

    evidence: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    eval: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    results: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


def read_evidence(files: Mapping[str, bytes], *, document: str = "") -> Findings:
    """What these files say, by their names; `document` names a text that is kept as it is.

    Raises Invalid where they are no evidence that can be read.
    """
    if not files or sum(len(content) for content in files.values()) > FILE_BYTES_MAX or not all(files.values()):
        raise _unreadable(
            f"Evidence is one to {FILE_BYTES_MAX} bytes long, and no file of it is empty.",
            "Add results without their samples: of Inspect what `inspect log dump --header-only FILE` prints.",
        )
    if document:
        if len(files) != 1:
            raise _unreadable("A document is one file.", "Add each by itself.")
        return Findings(suite="document", document=document)
    try:
        findings = _reader(files)()
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise _unreadable(f"The file is not what it seems to be: {str(error)[:300]}.", _KNOWN) from None
    _check(findings)
    return findings


_KNOWN = (
    "What is read: results of lm-eval, `stats.json` with `run_spec.json` of HELM, logs of Inspect, and the JSON"
    " of docs/evidence.md."
)


def _reader(files: Mapping[str, bytes]) -> Callable[[], Findings]:
    if set(files) == helm.FILES:
        return lambda: helm.read(files[helm.STATS], files[helm.RUN_SPEC])
    if len(files) != 1:
        raise _unreadable("These files are not one piece of evidence.", _KNOWN)
    [content] = files.values()
    if content.startswith(b"PK\x03\x04"):
        return lambda: inspect_logs.read_archive(content)
    keys = msgspec.json.decode(content, type=_Keys)
    for key, read in ((keys.evidence, plain.read), (keys.eval, inspect_logs.read), (keys.results, lm_eval.read)):
        if key is not msgspec.UNSET:
            return lambda read=read: read(content)  # type: ignore[misc]
    raise _unreadable("No tool that is known here wrote this file.", _KNOWN)


def _check(findings: Findings) -> None:
    """Raise Invalid for more, longer or less clear than can be kept: what is named twice has no answer."""
    measured = [(each.task, each.metric) for each in findings.measurements]
    determined = [(each.framework, each.category) for each in findings.determinations]
    stated = [each.of for each in findings.capacities]
    counted = [each.domain for each in findings.misuse]
    if not (measured or determined or stated or counted):
        raise _unreadable("There is no result in this file.", _KNOWN)
    if len(measured) + len(determined) + len(stated) + len(counted) > MEASUREMENTS_MAX:
        raise _unreadable(f"There are more than {MEASUREMENTS_MAX} results in this file.", "Add fewer at a time.")
    if any(len(set(named)) < len(named) for named in (measured, determined, stated, counted)):
        raise _unreadable("The file gives two results for the same thing.", "Add them as files of their own.")
    levels = [each.level for each in findings.determinations]
    words = [findings.suite, findings.version, findings.model, *levels]
    words += [*stated, *counted, *(kind for each in findings.misuse for kind in each.events)]
    words += [word for name in (*measured, *determined) for word in name]
    if any(len(word) > NAME_LENGTH_MAX or not word.isprintable() for word in words):
        raise _unreadable(f"A name in the file is longer than {NAME_LENGTH_MAX}, or not printable.", _KNOWN)


def _unreadable(message: str, next_step: str) -> Invalid:
    return Invalid(message, code=UNREADABLE, param="files", next_step=next_step)
