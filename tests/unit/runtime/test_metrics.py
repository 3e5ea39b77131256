# SPDX-License-Identifier: Apache-2.0
"""What daemons count: bounded labels, and a text that follows the exposition format."""

import re
from pathlib import Path

import pytest

from confcom.protocols.qgs import ErrorCode
from confcom.runtime import device_plugin_metric_table, metric_table, td_metric_table
from confcom.runtime.metrics import OTHER, Metric, MetricKind, Metrics

TABLE = (
    Metric(name="c_total", kind=MetricKind.COUNTER, doc="A counter."),
    Metric(
        name="l_total",
        kind=MetricKind.COUNTER,
        doc='With \\ and "quotes".',
        labels={"color": ("red", OTHER), "size": ("1", "2")},
    ),
    Metric(name="g", kind=MetricKind.GAUGE, doc="A gauge."),
    Metric(name="v_info", kind=MetricKind.GAUGE, doc="Free.", labels={"version": None}),
    Metric(name="h_seconds", kind=MetricKind.HISTOGRAM, doc="Times.", buckets=(0.1, 1)),
)
SAMPLE = re.compile(
    r"[a-z_]+(?:\{[a-z_]+=\"(?:[^\"\\\n]|\\[\\n\"])*\"(?:,[a-z_]+=\"(?:[^\"\\\n]|\\[\\n\"])*\")*\})?"
    r" -?[0-9.e+-]+"
)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(TABLE)


def samples(metrics: Metrics) -> dict[str, str]:
    lines = metrics.text().decode("ascii").splitlines()
    rows = [line for line in lines if not line.startswith("#")]
    assert all(SAMPLE.fullmatch(row) for row in rows), rows
    return dict(row.rsplit(" ", 1) for row in rows)


def test_counters_without_labels_begin_at_zero_and_gauges_unknown(metrics: Metrics) -> None:
    found = samples(metrics)
    assert found["c_total"] == "0"
    assert "g" not in found
    assert "# TYPE g" not in metrics.text().decode()


def test_counts_add_up_under_their_labels(metrics: Metrics) -> None:
    metrics.add("c_total")
    metrics.add("c_total", amount=2.5)
    for _ in range(2):
        metrics.add("l_total", "red", "1")
    metrics.add("l_total", "red", "2")
    found = samples(metrics)
    assert found["c_total"] == "3.5"
    assert found['l_total{color="red",size="1"}'] == "2"
    assert found['l_total{color="red",size="2"}'] == "1"


def test_what_a_set_does_not_list_is_other_or_refused(metrics: Metrics) -> None:
    metrics.add("l_total", "pod-7", "1")
    assert samples(metrics)['l_total{color="other",size="1"}'] == "1"
    with pytest.raises(ValueError, match="no size '3'"):
        metrics.add("l_total", "red", "3")


def test_gauges_say_what_is_and_can_be_forgotten(metrics: Metrics) -> None:
    metrics.set("g", value=-3)
    assert samples(metrics)["g"] == "-3"
    metrics.forget("g")
    assert "g" not in samples(metrics)


def test_values_go_into_the_bucket_whose_bound_they_do_not_exceed(metrics: Metrics) -> None:
    for value in (0.05, 0.1, 0.5, 3):
        metrics.observe("h_seconds", value=value)
    found = samples(metrics)
    assert found['h_seconds_bucket{le="0.1"}'] == "2"
    assert found['h_seconds_bucket{le="1"}'] == "3"
    assert found['h_seconds_bucket{le="+Inf"}'] == "4"
    assert found["h_seconds_count"] == "4"
    assert found["h_seconds_sum"] == "3.65"


def test_text_is_escaped(metrics: Metrics) -> None:
    metrics.set("v_info", 'a"b\\c\nd\u2028', value=1)
    assert samples(metrics)['v_info{version="a\\"b\\\\c\\nd?"}'] == "1"
    metrics.add("l_total", "red", "1")
    assert '# HELP l_total With \\\\ and "quotes".\n' in metrics.text().decode()


def test_another_kind_or_other_labels_are_mistakes(metrics: Metrics) -> None:
    with pytest.raises(ValueError, match="counter, not a gauge"):
        metrics.set("c_total", value=1)
    with pytest.raises(ValueError, match="gauge, not a histogram"):
        metrics.observe("g", value=1)
    with pytest.raises(ValueError, match="labels color, size"):
        metrics.add("l_total", "red")
    with pytest.raises(ValueError, match="labels none"):
        metrics.add("c_total", "red")
    with pytest.raises(KeyError):
        metrics.add("unknown_total")


# --- the tables ---

ALL = (
    *metric_table.QUOTE_HELPER,
    *td_metric_table.TD_QUOTES,
    *device_plugin_metric_table.DEVICE_PLUGIN,
)


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
def test_names_units_and_labels_keep_the_rules(metric: Metric) -> None:
    assert re.fullmatch(r"confcom_[a-z0-9]+(?:_[a-z0-9]+)*", metric.name)
    assert (metric.kind is MetricKind.COUNTER) == metric.name.endswith("_total")
    assert metric.doc.endswith(".")
    assert list(metric.buckets) == sorted(set(metric.buckets))
    assert bool(metric.buckets) == (metric.kind is MetricKind.HISTOGRAM)
    if metric.kind is MetricKind.HISTOGRAM:
        assert metric.name.endswith(("_seconds", "_bytes"))
    for label, known in metric.labels.items():
        assert known is not None or label == "version"
        assert label not in {"pod", "namespace", "digest", "path"}


def test_the_page_of_metrics_is_what_the_table_says() -> None:
    page = Path(__file__).parents[3] / "docs" / "reference" / "metrics.md"
    text = page.read_text(encoding="utf-8")
    for metric in ALL:
        labels = ", ".join(f"`{label}`" for label in metric.labels) or "none"
        assert f"| `{metric.name}` | {metric.kind} | {labels} | {metric.doc} |" in text
    named = set(re.findall(r"^\| `(confcom_[a-z_]+)`", text, re.MULTILINE))
    assert named == {metric.name for metric in ALL}


def test_codes_over_qgs_are_labelled_as_they_are_documented() -> None:
    codes = (0, ErrorCode.UNEXPECTED, ErrorCode.INVALID_CODE, None)
    assert [td_metric_table.label_of(code) for code in codes] == ["0", "0x12001", "0x12007", "none"]
