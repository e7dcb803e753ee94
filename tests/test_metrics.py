"""What is counted can be read, and tells nothing about anybody."""

from pathlib import Path

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from gateway.clock import DatabaseClock
from gateway.demo import UPSTREAM
from gateway.metrics import Metrics
from tests.abuse.logs import captured_logs
from tests.fakes.house import open_house
from tests.fakes.upstream import saying

GATEWAY = Path(__file__).parents[1] / "gateway"
TELLING = {"organisation", "org", "key", "user", "model", "path", "ip", "release", "upstream", "server", "host", "url"}
"""Labels that would tell of somebody, or of what stands behind the gateway: `/metrics` asks for no key."""


def samples(metrics: Metrics) -> dict[tuple[str, tuple[str, ...]], float]:
    content, _ = metrics.exposition()
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(content.decode())
        for sample in family.samples
    }


def all_used() -> Metrics:
    metrics = Metrics()
    metrics.call_refused("v1", "stage_not_open")
    metrics.call_finished("v1", "complete")
    metrics.turned_away("invalid_api_key")
    metrics.stream_cut("key_revoked")
    metrics.limits_near(["tokens"])
    metrics.part_found("judge", False)
    metrics.tokens_counted(7, 11)
    metrics.weights_sent(1000)
    metrics.batch_written(3, 0.002)
    metrics.batch_failed()
    metrics.judged("deny", 0.0003)
    metrics.decision_looked_up(True)
    metrics.upstream_answered(1.5)
    metrics.upstream_failed("upstream_timeout")
    return metrics


def test_what_was_counted_is_what_is_read() -> None:
    metrics = all_used()
    metrics.call_refused("v1", "stage_not_open")

    read = samples(metrics)

    assert read["gateway_calls_total", ("v1", "refused", "stage_not_open")] == 2
    assert read["gateway_calls_total", ("v1", "complete", "")] == 1
    assert read["gateway_tokens_total", ("completion",)] == 11
    assert read["gateway_ledger_entries_total", ()] == 3
    assert read["gateway_ledger_commit_seconds_count", ()] == 1
    assert read["gateway_upstream_seconds_sum", ()] == 1.5
    assert read["gateway_upstream_failures_total", ("upstream_timeout",)] == 1
    assert read["gateway_decision_lookups_total", ("yes",)] == 1


def test_two_gateways_in_one_process_do_not_mix() -> None:
    first, second = all_used(), Metrics()

    assert samples(first)["gateway_weights_bytes_total", ()] == 1000
    assert samples(second)["gateway_weights_bytes_total", ()] == 0


def test_no_label_is_chosen_by_a_caller_or_names_an_upstream() -> None:
    content, _ = all_used().exposition()

    labels = {
        label
        for family in text_string_to_metric_families(content.decode())
        for sample in family.samples
        for label in sample.labels
    }

    assert labels.isdisjoint(TELLING)
    assert "reason" in labels


def test_every_metric_of_ours_has_the_prefix_and_says_what_it_is() -> None:
    content, _ = all_used().exposition()

    families = [
        family for family in text_string_to_metric_families(content.decode()) if not family.name.startswith("process_")
    ]

    assert len(families) > 12
    assert all(family.name.startswith("gateway_") and family.documentation for family in families)


def test_what_stands_is_read_when_it_is_asked_for_and_what_cannot_be_known_is_nan() -> None:
    metrics, waiting, clock = Metrics(), [1, 2, 3], DatabaseClock()
    metrics.follow(
        passages_open=lambda: 2,
        writer_queue=lambda: len(waiting),
        revision=lambda: 41,
        revision_age_s=lambda: 0.25,
        clock_uncertainty_s=lambda: clock.now().uncertainty / 1e6,
        clock_steps=lambda: clock.steps,
        stages_waiting=lambda: 0,
        change_waiting_s=lambda: 0,
        reviews_overdue=lambda: 0,
        stage_reviews_overdue=lambda: 1,
        requests_open=lambda: 3,
        requests_late=lambda: 1,
        grants_to_recertify=lambda: 0,
    )
    waiting.append(4)

    read = samples(metrics)

    assert read["gateway_ledger_queue_entries", ()] == 4
    assert read["gateway_clock_uncertainty_seconds", ()] != read["gateway_clock_uncertainty_seconds", ()]


def test_everything_that_can_be_counted_is_counted_somewhere() -> None:
    page = GATEWAY / "metrics.py"
    words = {name for name in vars(Metrics) if not name.startswith("_")}
    elsewhere = "\n".join(path.read_text() for path in GATEWAY.rglob("*.py") if path != page)

    assert "turned_away" in words
    assert {word for word in words if f"metrics.{word}" not in elsewhere} == set()


def test_which_upstream_failed_stands_in_the_log_and_not_in_the_metrics(tmp_path: Path) -> None:
    with captured_logs() as logged, open_house(tmp_path) as house:
        house.upstream.answer = saying(b"no answer at all")
        failed = house.chat(house.models["api"])
        read = house.ask("GET", "/metrics").text

    lines = [line for line in map(msgspec.json.decode, logged.getvalue().splitlines()) if "upstream" in line]
    assert failed.status_code == 502
    assert [(line["event"], line["upstream"], line["request_id"]) for line in lines] == [
        ("upstream_failed", UPSTREAM, failed.headers["x-request-id"])
    ]
    assert 'gateway_upstream_failures_total{kind="upstream_failed"} 1.0' in read
    assert UPSTREAM not in read
