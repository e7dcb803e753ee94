"""Logs of Inspect: `.json`, and `.eval`, a ZIP archive of which `header.json` alone is read.

No path of the archive is used, and no more is unpacked than may be read.
"""

import io
import struct
import zipfile
import zlib
from datetime import datetime

import msgspec

from gateway.clock import Instant, instant_from
from gateway.errors import Invalid
from gateway.releases.evidence.numbers import ABSENT, decimal_text
from gateway.releases.evidence.records import Findings, Measurement
from gateway.releases.evidence.texts import checked

SUITE = "inspect"
HEADER = "header.json"
HEADER_BYTES_MAX = 8 << 20
STDERR = "stderr"
OF_THE_MEAN = ("accuracy", "mean")
"""Metrics whose standard error Inspect's `stderr` is."""

_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_NAMES = {zipfile.ZIP_BZIP2: "with bzip2", zipfile.ZIP_LZMA: "with LZMA", 93: "with Zstandard"}
"""How a header may be packed, and how not: of the other ways Python unpacks all at once, however little is read."""

_BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, ValueError, LookupError)
"""Whatever the archive may be found to be in the midst of reading it."""


class _Metric(msgspec.Struct):
    value: msgspec.Raw = ABSENT


class _Score(msgspec.Struct):
    name: str
    metrics: dict[str, _Metric] = {}


class _Results(msgspec.Struct):
    scores: list[_Score] = []


class _Evaluation(msgspec.Struct):
    task: str
    model: str = ""
    created: str = ""
    packages: dict[str, str] = {}


class _Stats(msgspec.Struct):
    completed_at: str = ""


class _File(msgspec.Struct):
    status: str
    eval: _Evaluation
    results: _Results | None = None
    stats: _Stats | None = None


def read(content: bytes) -> Findings:
    """What a log in JSON says. Raises msgspec.DecodeError where it is none, Invalid where the run did not succeed."""
    file = msgspec.json.decode(content, type=_File)
    checked(content)
    if file.status != "success" or file.results is None:
        raise Invalid("This run of Inspect did not succeed, so its numbers are of a part of it.", param="files")
    scores = file.results.scores
    ended = (file.stats.completed_at if file.stats is not None else "") or file.eval.created
    return Findings(
        suite=SUITE,
        version=file.eval.packages.get("inspect_ai", ""),
        model=file.eval.model,
        run_at=_instant(ended),
        measurements=tuple(
            Measurement(
                file.eval.task,
                name if len(scores) == 1 else f"{score.name}/{name}",
                value,
                decimal_text(score.metrics[STDERR].value) if name in OF_THE_MEAN and STDERR in score.metrics else "",
            )
            for score in scores
            for name, metric in score.metrics.items()
            if name != STDERR and (value := decimal_text(metric.value))
        ),
    )


def read_archive(content: bytes) -> Findings:
    """What an `.eval` says. Raises Invalid where it cannot be read, as `read` else."""
    try:
        return read(_header(content))
    except _BROKEN:
        raise Invalid("This is no whole `.eval` of Inspect.", param="files", next_step=_DUMP) from None


_DUMP = "Add what `inspect log dump --header-only FILE` prints instead."


def _header(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        headers = [entry for entry in archive.infolist() if entry.filename == HEADER]
        if len(headers) != 1:
            raise Invalid("This log of Inspect has no header: the run did not end.", param="files")
        if headers[0].compress_type not in _PACKED:
            packed = _NAMES.get(headers[0].compress_type, "in a way of its own")
            raise Invalid(f"This log is packed {packed}, which is not read.", param="files", next_step=_DUMP)
        with archive.open(headers[0]) as unpacked:
            header = unpacked.read(HEADER_BYTES_MAX + 1)
    if len(header) > HEADER_BYTES_MAX:
        raise Invalid(f"The log's header is larger than {HEADER_BYTES_MAX} bytes.", param="files")
    return header


def _instant(written: str) -> Instant | None:
    try:
        return max(0, instant_from(datetime.fromisoformat(written)))
    except (ValueError, OverflowError):
        return None
