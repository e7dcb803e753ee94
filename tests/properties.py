"""What the heavy runs tried of each property, written into docs/soak.md once it held in every case."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.faults.report import note_case

TITLE = "Properties over random cases"
_PASSED = re.compile(r"(\d+) passing, 0 failing")


class Properties:
    """A plugin of pytest: notes how many cases each property marked `soak` was tried on."""

    def __init__(self) -> None:
        self._numbered: dict[str, list[float]] = {}
        """Seconds that each case took, of properties whose cases are numbered tests."""
        self._failed: set[str] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[Any]:
        """Note what passed."""
        report = yield
        if report.when == "call" and item.get_closest_marker("soak") is not None:
            cases = sum(map(int, _PASSED.findall(getattr(item, "hypothesis_statistics", ""))))
            if cases and report.passed:
                note_case(TITLE, _told(item, _parameters(item)), cases, report.duration)
            elif "number" in _parameters(item):
                self._number(item, report)
        return report

    def _number(self, item: pytest.Item, report: pytest.TestReport) -> None:
        name = _told(item, {key: value for key, value in _parameters(item).items() if key != "number"})
        self._numbered.setdefault(name, []).append(report.duration)
        if not report.passed:
            self._failed.add(name)

    def pytest_sessionfinish(self) -> None:
        """Note properties whose cases are tests of their own."""
        for name, took in self._numbered.items():
            if name not in self._failed:
                note_case(TITLE, name, len(took), sum(took))


def _parameters(item: pytest.Item) -> dict[str, Any]:
    return dict(item.callspec.params) if hasattr(item, "callspec") else {}


def _told(item: pytest.Item, parameters: dict[str, Any]) -> str:
    """Its name as a sentence, with the engine or the judge that it was tried on."""
    named = str(getattr(item, "originalname", item.name)).removeprefix("test_").replace("_", " ")
    return ", ".join([named, *(str(value) for value in parameters.values() if isinstance(value, str))])
