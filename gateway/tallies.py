"""Counting that costs a call next to nothing: kept in plain numbers, and written as the library's own when read."""

from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate
from typing import Any, Generic, Protocol, TypeVar

from prometheus_client import Counter
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

M = TypeVar("M", bound="_Metric")


class _Metric(Protocol):
    def labels(self, *values: str) -> Any: ...


class Bound(Generic[M]):
    """A metric whose labelled children are looked up in a plain dict, without the library's lock."""

    def __init__(self, metric: M) -> None:
        self._metric = metric
        self._children: dict[tuple[str, ...], Any] = {}

    def __getitem__(self, labels: tuple[str, ...]) -> Any:
        child = self._children.get(labels)
        if child is None:
            child = self._children[labels] = self._metric.labels(*labels)
        return child


class Tally:
    """A counter that is kept in a plain dict, and poured into the library's own when somebody reads."""

    def __init__(self, counter: Counter) -> None:
        self._counter = Bound(counter)
        self._counted: dict[tuple[str, ...], int] = {}

    def add(self, *labels: str, count: int = 1) -> None:
        """Count."""
        self._counted[labels] = self._counted.get(labels, 0) + count

    def pour(self) -> None:
        """Hand over what was counted since."""
        counted, self._counted = self._counted, {}
        for labels, count in counted.items():
            self._counter[labels].inc(count)


class Spread(Collector):
    """A histogram that is kept in plain numbers, and written as the library's own when somebody reads."""

    def __init__(self, name: str, words: str, bounds: tuple[float, ...]) -> None:
        self._name = name
        self._words = words
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Count."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def collect(self) -> Iterable[HistogramMetricFamily]:
        """What was counted so far."""
        upto = zip((*map(floatToGoString, self._bounds), "+Inf"), accumulate(self._counts), strict=True)
        yield HistogramMetricFamily(self._name, self._words, buckets=list(upto), sum_value=self._sum)
