# SPDX-License-Identifier: Apache-2.0
"""What daemons count, in the text form that Prometheus reads (exposition format 0.0.4).

The whole of what is counted stands in one table, `confcom.runtime.metric_table`; a value under a
label that the table does not list is a mistake of the calling code, so that no peer, pod or digest
can ever become a label. Written here because the usual library takes 5 MiB of a node daemon that
may have 44 (`docs/adr/0005`).
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import accumulate
from typing import Final

OTHER: Final = "other"
"""The value of a label for all that its set does not list, where the set has this word."""


class MetricKind(StrEnum):
    """Kinds of metrics, by their names in the text form."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One row of the table.

    Attributes:
        name: with prefix, component and unit.
        kind: what it is.
        doc: what it counts, one line.
        labels: names, each with all its values; None for one that is set once, at the start.
        buckets: of a histogram, upper bounds in rising order.
    """

    name: str
    kind: MetricKind
    doc: str
    labels: Mapping[str, Sequence[str] | None] = field(default_factory=dict)
    buckets: Sequence[float] = ()


class Metrics:
    """The values of some metrics; one object for each daemon.

    Args:
        table: what is counted.
    """

    def __init__(self, table: Sequence[Metric]) -> None:
        self._table = {metric.name: metric for metric in table}
        self._values: dict[str, dict[tuple[str, ...], float]] = {name: {} for name in self._table}
        self._counts: dict[str, dict[tuple[str, ...], list[int]]] = {
            metric.name: {} for metric in table if metric.kind is MetricKind.HISTOGRAM
        }
        for metric in table:
            if not metric.labels and metric.kind is not MetricKind.GAUGE:
                self._start(metric, ())

    def add(self, name: str, *labels: str, amount: float = 1) -> None:
        """Count."""
        metric, key = self._find(name, labels, MetricKind.COUNTER)
        values = self._values[metric.name]
        values[key] = values.get(key, 0) + amount

    def set(self, name: str, *labels: str, value: float) -> None:
        """Say how much there is now."""
        metric, key = self._find(name, labels, MetricKind.GAUGE)
        self._values[metric.name][key] = value

    def forget(self, name: str) -> None:
        """Say that nothing is known any more, under any label."""
        self._values[name].clear()

    def observe(self, name: str, *labels: str, value: float) -> None:
        """Sort a value into its bucket."""
        metric, key = self._find(name, labels, MetricKind.HISTOGRAM)
        if key not in self._counts[name]:
            self._start(metric, key)
        self._counts[name][key][bisect_left(metric.buckets, value)] += 1
        self._values[name][key] += value

    def text(self) -> bytes:
        """Return all values in the text form."""
        return "".join(self._lines()).encode("ascii")

    def _start(self, metric: Metric, key: tuple[str, ...]) -> None:
        self._values[metric.name][key] = 0
        if metric.kind is MetricKind.HISTOGRAM:
            self._counts[metric.name][key] = [0] * (len(metric.buckets) + 1)

    def _find(
        self, name: str, labels: tuple[str, ...], kind: MetricKind
    ) -> tuple[Metric, tuple[str, ...]]:
        metric = self._table[name]
        if metric.kind is not kind:
            raise ValueError(f"{name} is a {metric.kind}, not a {kind}")
        if len(labels) != len(metric.labels):
            raise ValueError(f"{name} has labels {', '.join(metric.labels) or 'none'}")
        return metric, tuple(
            _bounded(name, label, known, value)
            for (label, known), value in zip(metric.labels.items(), labels, strict=True)
        )

    def _lines(self) -> Iterator[str]:
        for name, metric in self._table.items():
            if not self._values[name]:
                continue
            yield f"# HELP {name} {_escape_help(metric.doc)}\n# TYPE {name} {metric.kind}\n"
            for key, value in self._values[name].items():
                labels = list(zip(metric.labels, key, strict=True))
                if metric.kind is MetricKind.HISTOGRAM:
                    yield from _histogram(metric, labels, self._counts[name][key], value)
                else:
                    yield f"{name}{_labels(labels)} {_number(value)}\n"


def _bounded(name: str, label: str, known: Sequence[str] | None, value: str) -> str:
    if known is None or value in known:
        return value
    if OTHER in known:
        return OTHER
    raise ValueError(f"{name} has no {label} {value!r}")


def _histogram(
    metric: Metric, labels: list[tuple[str, str]], counts: list[int], total: float
) -> Iterator[str]:
    bounds = [*map(_number, metric.buckets), "+Inf"]
    for bound, count in zip(bounds, accumulate(counts), strict=True):
        yield f"{metric.name}_bucket{_labels([*labels, ('le', bound)])} {count}\n"
    yield f"{metric.name}_sum{_labels(labels)} {_number(total)}\n"
    yield f"{metric.name}_count{_labels(labels)} {sum(counts)}\n"


def _labels(labels: Sequence[tuple[str, str]]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escape(value)}"' for name, value in labels) + "}"


def _escape(value: str) -> str:
    text = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return text.encode("ascii", "replace").decode("ascii")


def _escape_help(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))
