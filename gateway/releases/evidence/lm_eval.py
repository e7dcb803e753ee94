"""Results of lm-evaluation-harness: the `results_….json` that its `--output_path` writes (read: 0.4).

A metric stands there as `acc,none`, name and filter; the filter `none` is left out here.
"""

import msgspec

from gateway.clock import SECOND
from gateway.releases.evidence.numbers import decimal_text
from gateway.releases.evidence.records import Findings, Measurement
from gateway.releases.evidence.texts import checked

SUITE = "lm-eval"


class _File(msgspec.Struct):
    results: dict[str, dict[str, msgspec.Raw]]
    lm_eval_version: str | None = None
    model_name: str | None = None
    model_source: str | None = None
    date: float | None = None


def read(content: bytes) -> Findings:
    """What the file says. Raises msgspec.DecodeError where it is no such file."""
    file = msgspec.json.decode(content, type=_File)
    checked(content)
    return Findings(
        suite=SUITE,
        version=file.lm_eval_version or "",
        model=" ".join(part for part in (file.model_source, file.model_name) if part),
        run_at=None if file.date is None or not 0 <= file.date < 2**33 else int(file.date * SECOND),
        measurements=tuple(
            Measurement(task, _name(key), value, decimal_text(numbers.get(_stderr(key), "")))
            for task, numbers in file.results.items()
            for key, number in numbers.items()
            if _is_metric(key, numbers) and (value := decimal_text(number))
        ),
    )


def _is_metric(key: str, numbers: dict[str, msgspec.Raw]) -> bool:
    """Where any key names its filter, one that names none is no metric: `sample_len`, `alias`."""
    with_filters = any("," in each for each in numbers)
    return not key.partition(",")[0].endswith("_stderr") and ("," in key or not with_filters)


def _name(key: str) -> str:
    return key.removesuffix(",none")


def _stderr(key: str) -> str:
    name, comma, by = key.partition(",")
    return f"{name}_stderr{comma}{by}"
